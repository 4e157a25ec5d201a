package decode

import (
	"bytes"
	"math"
)

// attemptField is a field or header by which a request, or the gateway that passed it
// on, declares that it is not the first try.
type attemptField uint8

const (
	attemptCount attemptField = iota // which try it is: X-Envoy-Attempt-Count, %UPSTREAM_REQUEST_ATTEMPT_COUNT%
	// tries before it: X-Stainless-Retry-Count, grpc-previous-rpc-attempts,
	// http.request.resend_count
	attemptRetries
	attemptSDK    // Amz-Sdk-Request: attempt=2; max=3
	attemptGoogle // X-Goog-Api-Client: … gccl-attempt-count/2
	attemptFields
)

// attemptNames are the ends of the fields' names, squashed: loggers put in front of them
// where a header is from.
var attemptNames = [...]struct {
	name  string
	field attemptField
}{
	{"xenvoyattemptcount", attemptCount}, {"upstreamrequestattemptcount", attemptCount},
	{"xstainlessretrycount", attemptRetries}, {"grpcpreviousrpcattempts", attemptRetries}, {"httprequestresendcount", attemptRetries},
	{"amzsdkrequest", attemptSDK}, {"xgoogapiclient", attemptGoogle},
}

// attemptOf says which of the fields key names, in whatever spelling. It is asked once
// for a key, as long as the scanner remembers it.
func attemptOf(key []byte) (attemptField, bool) {
	if len(key) < 13 || len(key) > 64 {
		return 0, false
	}
	switch key[len(key)-1] | 0x20 { // the names' last letters
	case 't', 's':
	default:
		return 0, false
	}
	var buf [64]byte
	name := squash(buf[:0], key)
	for i := range attemptNames {
		if x := &attemptNames[i]; bytes.HasSuffix(name, []byte(x.name)) {
			return x.field, true
		}
	}
	return 0, false
}

// attempt notes what a field says: the highest that any of a record's fields does.
func (d *Decoder) attempt(field attemptField, text []byte) {
	before := uint32(0)
	switch field {
	case attemptRetries:
		before = 1
	case attemptSDK:
		text = behind(text, "attempt=")
	case attemptGoogle:
		text = behind(text, "gccl-attempt-count/")
	}
	// An array of one, as loggers of headers write them.
	if n, ok := leadingCount(bytes.TrimLeft(text, `[" `)); ok {
		d.r.Attempt = max(d.r.Attempt, uint16(min(n, math.MaxUint16-1)+before))
	}
}

// behind is what stands behind word in text, nil without it.
func behind(text []byte, word string) []byte {
	if i := bytes.Index(text, []byte(word)); i >= 0 {
		return text[i+len(word):]
	}
	return nil
}

// elements counts the elements of an array of objects, such as Kong's tries.
func elements(b []byte) (n int) {
	for i := 1; i < len(b); i++ {
		if b[i] == '{' {
			if i = skipNested(b, i) - 1; i < 0 {
				return n
			}
			n++
		}
	}
	return n
}
