package decode

import "bytes"

// w3c is a line of the W3C extended log format: IIS's, or CloudFront's with its tabs.
// A #Fields line names the columns of the lines that follow it, in its record and in
// its file (Decoder.Columns). Before it, Config.Columns does; without that, they are
// the default columns of IIS or CloudFront.
type w3c struct{}

func (w3c) about() Format {
	return Format{
		Name:        "w3c",
		Description: "W3C extended log: IIS with its #Fields or its default columns",
		Example:     `2026-03-01 12:00:00 10.0.0.5 GET /3/movie/550 language=en 443 - 203.0.113.7 curl/8.10.1 - 200 0 0 12`,
	}
}

func (w3c) begins(c byte) bool { return c-'0' <= 9 }

func (w3c) decode(d *Decoder, b []byte) bool {
	names, sep := d.columns, byte(' ')
	if indexByte(b, 0, '\t') > 0 {
		sep = '\t'
	}
	if !dateInFront(b) || b[10] != sep {
		return false
	}
	if len(names) == 0 {
		names = iisColumns
		if sep == '\t' {
			names = cloudFrontColumns
		}
	}
	return d.w3cLine(b, sep, names)
}

var (
	iisColumns = bytes.Fields([]byte("date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) " +
		"sc-status sc-substatus sc-win32-status time-taken"))
	cloudFrontColumns = bytes.Fields([]byte("date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) " +
		"cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken"))
)
