package decode

// envoy is Envoy's default text access log, also with the fields that Istio
// adds. Times are milliseconds; code 0 means that the client left.
type envoy struct{}

func (envoy) about() Format {
	return Format{
		Name:        "envoy",
		Description: "Envoy default text access log, also Istio's and Emissary's",
		Example:     `[2026-03-01T12:00:00.250Z] "GET /3/movie/550 HTTP/2" 504 UT 0 24 15000 - "203.0.113.7" "curl/8.10.1" "9f1c0a" "api.example.com" "10.0.0.5:8080"`,
	}
}

func (envoy) begins(c byte) bool { return c == '[' }

func (envoy) decode(d *Decoder, b []byte) bool {
	if len(b) < 30 || b[0] != '[' || b[1]-'0' > 9 {
		return false
	}
	end := indexByte(b, 1, ']')
	if end < 20 || end+3 >= len(b) || b[end+1] != ' ' || b[end+2] != '"' {
		return false
	}
	request, i := quoted(b, end+2)
	if i+1 >= len(b) || b[i] != ' ' {
		return false
	}
	code, i := word(b, i+1)
	flags, i := word(b, i+1)
	if len(code) == 0 || len(code) > 3 || charClass[code[0]]&hasDigit == 0 && code[0] != '-' {
		return false
	}
	received, i := field(b, i)
	var details []byte
	if len(received) > 0 && received[0]-'0' > 9 {
		// Istio: code details, termination details, transport failure.
		details = received
		_, i = field(b, i)
		_, i = field(b, i)
		received, i = field(b, i)
	}
	sent, i := field(b, i)
	duration, i := field(b, i)
	upstreamTime, i := field(b, i)
	forwarded, i := field(b, i)
	agent, i := field(b, i)
	requestID, i := field(b, i)
	authority, _ := field(b, i)
	if len(received) == 0 || len(duration) == 0 {
		return false
	}

	r := d.r
	d.setTime(d.clock.rfc3339(b[1:end]))
	d.request(request, flagHigh)
	d.setStatus(code)
	r.Bytes = parseSize(sent)
	r.LatencyMicros = micros(duration, unitMillis)
	r.UpstreamLatencyMicros = micros(upstreamTime, unitMillis)
	r.ClientIP = parseAddress(forwarded)
	d.agent(agent, flagHigh)
	if !dash(requestID) {
		r.RequestID = requestID
	}
	if !dash(authority) {
		r.Service = hostOnly(authority)
	}
	d.envoyReason(flags, details)
	d.envoyConnection()
	return true
}
