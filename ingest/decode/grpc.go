package decode

import (
	"bytes"

	"statline/classify"
)

// grpcNames are the canonical gRPC status names, by number.
var grpcNames = bytes.Fields([]byte("OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND " +
	"ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE " +
	"UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"))

// grpc records a gRPC status: its number, or its name in any spelling (Envoy writes
// ResourceExhausted). Anything else is ignored.
func (d *Decoder) grpc(b []byte) {
	if len(b) == 0 {
		return
	}
	at := -1
	if n, ok := parseInt(b); ok {
		if n >= 0 && n < int64(len(grpcNames)) {
			at = int(n)
		}
	} else {
		var x, y [24]byte
		word := squash(x[:0], b[:min(len(b), len(x))])
		for i, name := range grpcNames {
			if string(squash(y[:0], name)) == string(word) {
				at = i
			}
		}
		if string(word) == "canceled" {
			at = 1
		}
	}
	switch {
	case at == 0:
		d.r.Mark = classify.MarkFine
	case at > 0:
		d.r.Mark, d.r.ErrorType = classify.MarkError, grpcNames[at]
	}
}
