package decode

import "statline/classify"

// heroku is the line of Heroku's router: key=value, times in milliseconds with their
// unit. Its time is the one that the log drain puts before it.
type heroku struct{}

func (heroku) about() Format {
	return Format{
		Name:        "heroku",
		Description: "Heroku router line",
		Example:     `at=info method=GET path="/3/movie/550" host=api.example.com request_id=9f1c0a fwd="203.0.113.7" dyno=web.1 connect=1ms service=18ms status=200 bytes=5120 protocol=https`,
	}
}

func (heroku) begins(c byte) bool { return charClass[c]&anyLetter != 0 }

func (heroku) decode(d *Decoder, b []byte) bool {
	if hasPrefix(b, "router - ") {
		b = b[len("router - "):]
	}
	if !hasPrefix(b, "at=") || !contains(b, " dyno=") || !contains(b, " service=") {
		return false
	}
	r := d.r
	var code []byte
	eachPair(b, func(name, value []byte) {
		switch string(name) {
		case "method":
			r.Method = value
		case "path":
			d.draft.target = d.plain(value)
		case "host":
			r.Service = hostOnly(value)
		case "request_id":
			r.RequestID = value
		case "fwd":
			r.ClientIP = parseAddress(listFirst(value))
		case "service":
			r.LatencyMicros = toldMicros(value)
		case "status":
			d.setStatus(value)
		case "bytes":
			r.Bytes = parseSize(value)
		case "code":
			code = value
		}
	})
	d.draft.noTime = true
	r.Gateway, r.Blame = herokuReason(code)
	d.errorName(code)
	return true
}

// herokuReason reads the router's error code. Source: Heroku, error codes.
func herokuReason(code []byte) (classify.Outcome, classify.Blame) {
	switch string(code) {
	case "H12", "H15", "H28": // no answer in time, idle, idle client
		return classify.Timeout, classify.BlameUpstream
	case "H10", "H14", "H19", "H20", "H21", "H99": // crashed, no web process, not reached
		return classify.Offline, classify.BlameUpstream
	case "H11": // backlog too deep
		return classify.Offline, classify.BlameGateway
	case "H13", "H17", "H18": // connection closed, broken answer
		return classify.ServerError, classify.BlameUpstream
	case "H27": // the client left
		return classify.ClientClosed, classify.BlameClient
	}
	return classify.Unset, classify.BlameNone
}
