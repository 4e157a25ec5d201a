package decode

// quotaField is a response header about a rate limit.
type quotaField uint8

// The headers, then those of windows: X-RateLimit-Limit-Minute and the like.
const (
	quotaLimit  quotaField = iota // X-RateLimit-Limit, RateLimit-Limit
	quotaLeft                     // X-RateLimit-Remaining, RateLimit-Remaining
	quotaPolicy                   // RateLimit-Policy
	quotaDraft                    // RateLimit
	quotaRetry                    // Retry-After
	quotaLimits                   // of the first of quotaWindows
	quotaLefts  = quotaLimits + quotaField(len(quotaWindows))
	quotaFields = quotaLefts + quotaField(len(quotaWindows))
)

// quotaWindows are the windows that Kong and others put into a header's name.
var quotaWindows = [...]struct {
	name    string
	seconds uint32
}{
	{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"month", 30 * 86400}, {"year", 365 * 86400},
}

// replies are the objects that loggers put response headers in.
var replies = [...]string{
	"response.headers", "response_headers", "responseHeaders", "ResponseHeaders", "resp_headers", "respHeaders",
	"res.headers",
	"http.response.headers",
}

// quotaPrefixes are what loggers put before the name of a response header, squashed. A
// request header is ignored: nginx's http_x_ratelimit_limit is one.
var quotaPrefixes = [...]string{
	"upstreamhttp", "senthttp", "httpresponseheaders", "httpresponseheader", "responseheaders", "responseheader",
	"respheaders", "respheader", "resheaders", "resheader", "downstream", "origin", "response", "resp", "res",
}

// quotaOf says which rate-limit header key names: in an object of headers, or flat in
// the record, in any spelling (X-RateLimit-Limit, x_rate_limit_limit,
// upstream_http_x_ratelimit_limit, rateLimitRemaining). The scanner remembers the
// answer for each key.
func quotaOf(key []byte, flat bool) (quotaField, bool) {
	if len(key) < 9 || len(key) > 64 || !mayBeQuota(key) {
		return 0, false
	}
	var buf [64]byte
	name := squash(buf[:0], key)
	prefixed := !flat
	if flat {
		for _, prefix := range quotaPrefixes {
			if hasPrefix(name, prefix) {
				name, prefixed = name[len(prefix):], true
				break
			}
		}
	}
	if string(name) == "retryafter" {
		// Flat, it may be a body's field in any unit, unless it is spelled like the
		// header.
		return quotaRetry, prefixed || indexByte(key, 0, '-') >= 0
	}
	if len(name) > 0 && name[0] == 'x' {
		name = name[1:]
	}
	if !hasPrefix(name, "ratelimit") {
		return 0, false
	}
	switch name = name[len("ratelimit"):]; {
	case len(name) == 0:
		return quotaDraft, true
	case string(name) == "policy":
		return quotaPolicy, true
	case hasPrefix(name, "limit"):
		return quotaWindow(name[len("limit"):], quotaLimit, quotaLimits)
	case hasPrefix(name, "remaining"):
		return quotaWindow(name[len("remaining"):], quotaLeft, quotaLefts)
	}
	return 0, false
}

// quotaWindow is plain, or the field of the window in the name.
func quotaWindow(window []byte, plain, first quotaField) (quotaField, bool) {
	if len(window) == 0 || string(window) == "requests" {
		return plain, true
	}
	for i := range quotaWindows {
		if string(window) == quotaWindows[i].name {
			return first + quotaField(i), true
		}
	}
	return 0, false
}

// mayBeQuota excludes most other names quickly: they have neither "imit" nor "etry".
func mayBeQuota(key []byte) bool {
	for i := 1; i+3 < len(key); i++ {
		switch key[i] | 0x20 {
		case 'i':
			if key[i+1]|0x20 == 'm' && key[i+2]|0x20 == 'i' {
				return true
			}
		case 'e':
			if key[i+1]|0x20 == 't' && key[i+2]|0x20 == 'r' {
				return true
			}
		}
	}
	return false
}
