package decode

// uvicorn is the access line of Uvicorn, which has no time of its own.
type uvicorn struct{}

func (uvicorn) about() Format {
	return Format{
		Name:        "uvicorn",
		Description: "Uvicorn access log line",
		Example:     `INFO:     203.0.113.7:40000 - "GET /3/movie/550 HTTP/1.1" 200 OK`,
	}
}

func (uvicorn) begins(c byte) bool { return charClass[c]&(anyLetter|hasDigit) != 0 || c == '[' }

func (uvicorn) decode(d *Decoder, b []byte) bool {
	if hasPrefix(b, "INFO:") {
		b = trimSpace(b[len("INFO:"):])
	}
	client, i := word(b, 0)
	if i+4 >= len(b) || !hasPort(client) || string(b[i:i+4]) != ` - "` {
		return false
	}
	request, i := quoted(b, i+3)
	status, i := field(b, i)
	if len(status) != 3 || status[0]-'0' > 9 {
		return false
	}
	for _, c := range b[min(i, len(b)):] { // the status in words
		if charClass[c]&anyLetter == 0 && c != ' ' && c != '-' && c != '\'' {
			return false
		}
	}
	d.draft.noTime = true
	d.r.ClientIP = addressPort(client)
	d.request(request, flagHigh)
	d.setStatus(status)
	return true
}
