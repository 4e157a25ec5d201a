package decode

// trailing reads the name=value fields that many configurations append to a combined
// line: request time and upstream time in nginx's notation, which is seconds with
// three decimals, and upstream status. A list of upstreams may be quoted or not. A
// time without decimals has an unknown unit.
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
			value, i = listed(b, i-1)
		}
		switch string(name) {
		case "rt", "request_time":
			if hasFraction(value) {
				d.r.LatencyMicros = micros(value, unitSeconds)
			}
		case "urt", "upstream_response_time":
			if hasFraction(value) {
				d.r.UpstreamLatencyMicros = microsList(value, unitSeconds)
			}
		case "us", "upstream_status":
			d.r.UpstreamStatus = lastStatus(value)
		}
	}
}

// hasFraction reports a number with decimals or a unit, or 0.
func hasFraction(b []byte) bool {
	return indexByte(b, 0, '.') >= 0 || string(b) == "0" || len(b) > 0 && charClass[b[len(b)-1]]&anyLetter != 0
}
