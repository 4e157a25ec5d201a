package decode

// proxyManager is the access line of nginx-proxy-manager's proxy hosts:
// [time] cache upstream-status status - method scheme host "path" and fields in
// brackets.
type proxyManager struct{}

func (proxyManager) about() Format {
	return Format{
		Name:        "nginx-proxy-manager",
		Description: "nginx-proxy-manager access log line",
		Example:     `[01/Mar/2026:12:00:00 +0000] - 200 200 - GET https api.example.com "/3/movie/550" [Client 203.0.113.7] [Length 5120] [Gzip -] [Sent-to 10.0.0.5] "curl/8.10.1" "-"`,
	}
}

func (proxyManager) begins(c byte) bool { return c == '[' }

func (proxyManager) decode(d *Decoder, b []byte) bool {
	end := indexByte(b, 0, ']')
	if end < 20 || end > 40 || b[3] != '/' || b[7] != '/' {
		return false
	}
	_, i := field(b, end+1) // cache
	upstream, i := field(b, i)
	status, i := field(b, i)
	dashed, i := field(b, i)
	method, i := field(b, i)
	_, i = field(b, i) // scheme
	host, i := field(b, i)
	path, i := field(b, i)
	client, i := bracketed(b, i)
	length, i := bracketed(b, i)
	if string(dashed) != "-" || !hasPrefix(client, "Client ") || len(path) == 0 || path[0] != '/' {
		return false
	}
	_, i = bracketed(b, i) // gzip
	_, i = bracketed(b, i) // sent to
	agent, _ := field(b, i)
	r := d.r
	d.setTime(d.clock.clf(b[1:end]))
	r.Method, d.draft.target = method, d.plain(path)
	d.setStatus(status)
	r.UpstreamStatus = lastStatus(upstream)
	r.Service = hostOnly(host)
	r.ClientIP = parseAddress(client[len("Client "):])
	if hasPrefix(length, "Length ") {
		r.Bytes = parseSize(length[len("Length "):])
	}
	d.agent(agent, flagHigh)
	d.nginxReason()
	return true
}
