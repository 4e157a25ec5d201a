package decode

import "sync/atomic"

// Counts counts what lines said that a decoder did not believe. Decoders may
// share one; it takes no part in what is decoded.
type Counts struct {
	// Times counts durations that are impossible for their unit.
	Times atomic.Uint64
	// ErrorNames counts names of errors that are no names: sentences, ids,
	// secrets.
	ErrorNames atomic.Uint64
}
