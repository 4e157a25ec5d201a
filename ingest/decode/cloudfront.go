package decode

// cloudFront is a line of CloudFront's standard log: W3C with tabs. time-taken
// is seconds.
type cloudFront struct{}

func (cloudFront) about() Format {
	return Format{
		Name:        "aws-cloudfront",
		Description: "AWS CloudFront standard log",
		Example:     "2026-03-01\t12:00:00\tFRA56-P1\t5120\t203.0.113.7\tGET\td111111abcdef8.cloudfront.net\t/3/movie/550\t200\t-\tcurl/8.10.1\tlanguage=en\t-\tMiss\t9f1c0a==\tapi.example.com\thttps\t98\t0.105\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tMiss\tHTTP/2.0\t-\t-\t40000\t0.104\tMiss\tapplication/json\t5120\t-\t-",
	}
}

func (cloudFront) begins(c byte) bool { return c-'0' <= 9 }

func (cloudFront) decode(d *Decoder, b []byte) bool {
	if len(b) < 40 || b[4] != '-' || b[10] != '\t' || b[13] != ':' || len(d.columns) > 0 {
		return false
	}
	return d.w3cLine(b, '\t', cloudFrontColumns)
}
