package decode

// trailing reads the name=value fields that many configurations append:
// request time and upstream time in seconds, upstream status.
func (d *Decoder) trailing(b []byte) {
	for i := 0; i < len(b); {
		eq := i
		for eq < len(b) && b[eq] != ' ' && b[eq] != '=' {
			eq++
		}
		name := b[i:eq]
		i = eq + 1
		if eq >= len(b) || b[eq] == ' ' {
			continue
		}
		var value []byte
		if i < len(b) && b[i] == '"' {
			value, i = quoted(b, i)
		} else {
			value, i = word(b, i)
		}
		switch string(name) {
		case "rt", "request_time":
			d.r.LatencyMicros = micros(value, unitSeconds)
		case "urt", "upstream_response_time":
			d.r.UpstreamLatencyMicros = microsList(value, unitSeconds)
		case "us", "upstream_status":
			d.r.UpstreamStatus = lastStatus(value)
		}
	}
}
