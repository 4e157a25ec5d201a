package decode

// morganTiny is what morgan (Express) writes as "tiny" and, in colours, as
// "dev": method, URL, status, size and the response time in milliseconds. It
// has no time of its own. Its "combined" is the combined line.
type morganTiny struct{}

func (morganTiny) about() Format {
	return Format{
		Name:        "morgan",
		Description: `morgan (Express) "tiny" and "dev" line`,
		Example:     `GET /3/movie/550 200 5120 - 12.345 ms`,
	}
}

func (morganTiny) begins(c byte) bool { return charClass[c]&anyUpper != 0 }

func (morganTiny) decode(d *Decoder, b []byte) bool {
	method, i := word(b, 0)
	if i >= len(b) || !isHTTPVerb(method) || !contains(b, " ms") {
		return false
	}
	target, i := field(b, i)
	status, i := field(b, i)
	if len(target) == 0 || target[0] != '/' || len(status) != 3 || status[0]-'0' > 9 {
		return false
	}
	var f [5][]byte
	n := 0
	for i < len(b) && n < len(f) {
		f[n], i = field(b, i)
		n++
	}
	if i < len(b) {
		return false
	}
	var size, took []byte
	switch {
	case n == 4 && string(f[1]) == "-" && string(f[3]) == "ms": // tiny: size - time ms
		size, took = f[0], f[2]
	case n == 4 && string(f[1]) == "ms" && string(f[2]) == "-": // dev: time ms - size
		size, took = f[3], f[0]
	default:
		return false
	}
	d.draft.noTime = true
	d.r.Method, d.draft.target = method, target
	d.setStatus(status)
	d.r.Bytes = parseSize(size)
	d.r.LatencyMicros = micros(took, unitMillis)
	return true
}
