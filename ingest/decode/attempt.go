package decode

import (
	"bytes"
	"math"

	"github.com/cespare/xxhash/v2"
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
	attemptSame   // Idempotency-Key: the same for each try of one request
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
	{"amzsdkrequest", attemptSDK}, {"xgoogapiclient", attemptGoogle}, {"idempotencykey", attemptSame},
}

// attemptOf says which of the fields key names, in whatever spelling. It is asked once
// for a key, as long as the scanner remembers it.
func attemptOf(key []byte) (attemptField, bool) {
	if len(key) < 13 || len(key) > 64 {
		return 0, false
	}
	switch key[len(key)-1] | 0x20 { // the names' last letters
	case 't', 's', 'y':
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
	case attemptSame:
		d.draft.idempotency = bytes.Trim(text, `[]" `)
		return
	}
	// An array of one, as loggers of headers write them.
	if n, ok := leadingCount(bytes.TrimLeft(text, `[" `)); ok {
		d.r.Attempt = max(d.r.Attempt, uint16(min(n, math.MaxUint16-1)+before))
	}
}

// minIdempotency is the shortest idempotency key in bytes that is taken for one: what is
// shorter may be a flag, or a number that starts anew.
const minIdempotency = 8

// maxTries is how many requests of one record are remembered beyond it: an empty map
// as large as that is cleared in a microsecond.
const maxTries = 1024

// sameAgain counts the tries of one request by its idempotency key: how often the Kafka
// record has had it of the same caller and service. Records are not compared with each
// other, so that what a record says does not depend on which came before it.
func (d *Decoder) sameAgain() {
	f := &d.draft
	if len(f.idempotency) < minIdempotency {
		return
	}
	d.same = d.same[:0]
	for _, part := range [...][]byte{f.idempotency, f.key, f.id, d.r.Service} {
		d.same = append(append(d.same, part...), 0)
	}
	if d.tries == nil {
		d.tries = map[uint64]uint16{}
	}
	h := xxhash.Sum64(d.same)
	n := d.tries[h]
	d.tries[h] = min(n, math.MaxUint16-1) + 1
	if n > 0 {
		d.r.Attempt = max(d.r.Attempt, d.tries[h])
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
