package decode

import (
	"bytes"
	"math"

	"github.com/cespare/xxhash/v2"
)

// attemptField is a field or header in which a client or a gateway declares that a
// request is not the first try.
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

// attemptNames are the ends of the fields' names, squashed: loggers put before them
// where the header comes from.
var attemptNames = [...]struct {
	name  string
	field attemptField
}{
	{"xenvoyattemptcount", attemptCount}, {"upstreamrequestattemptcount", attemptCount},
	{"xstainlessretrycount", attemptRetries}, {"grpcpreviousrpcattempts", attemptRetries}, {"httprequestresendcount", attemptRetries},
	{"amzsdkrequest", attemptSDK}, {"xgoogapiclient", attemptGoogle}, {"idempotencykey", attemptSame},
}

// attemptOf says which of the fields key names, in any spelling. The scanner remembers
// the answer for each key.
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

// attempt records what a field says; the highest of a record's fields counts.
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

// minIdempotency is the least length in bytes of an idempotency key: a shorter one may
// be a flag, or a counter that starts again.
const minIdempotency = 8

// maxTries is how many requests of one record the map keeps room for afterwards: an
// empty map of that size is cleared in a microsecond.
const maxTries = 1024

// sameAgain counts the tries of a request by its idempotency key: how often this Kafka
// record has had it with the same caller and service. Records are not compared with
// each other, so that a record's result does not depend on earlier records.
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

// behind returns what follows word in text, nil without it.
func behind(text []byte, word string) []byte {
	_, after, _ := bytes.Cut(text, []byte(word))
	return after
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
