package decode

// ncsa is the common and the combined log line of Apache and nginx, with or without
// the virtual host before it.
type ncsa struct{}

func (ncsa) about() Format {
	return Format{
		Name:        "combined",
		Description: "NCSA common and combined lines of Apache and nginx, also with the virtual host in front",
		Example:     `203.0.113.7 - alice [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1"`,
	}
}

func (ncsa) begins(c byte) bool { return c > ' ' }

func (ncsa) decode(d *Decoder, line []byte) bool {
	var l ncsaLine
	if !l.parse(line) {
		return false
	}
	d.ncsa(&l)
	return true
}
