package decode

// maxVersion is the longest version of a service.
const maxVersion = 64

// version notes the version of the service that answered: OpenTelemetry's
// service.version, or what a mapping says is one. The first counts. What is longer, or
// has other characters than [A-Za-z0-9._+:/@~-], is left out: it becomes a dimension.
func (d *Decoder) version(text []byte) {
	if len(text) == 0 || len(text) > maxVersion || len(d.r.Version) > 0 {
		return
	}
	for _, c := range text {
		if charClass[c]&(anyLetter|hasDigit|hasDash|hasDot) != 0 {
			continue
		}
		switch c {
		case '+', ':', '/', '@', '~':
		default:
			return
		}
	}
	d.r.Version = text
}
