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

// LeftOut is how often something was left out of responses that count.
type LeftOut struct {
	What string `json:"what"`
	N    uint64 `json:"n"`
}

// What a decoder may leave out.
const (
	LeftOutTime      = "impossible_time"
	LeftOutErrorName = "error_name"
)

// List is every count, also those of 0.
func (c *Counts) List() []LeftOut {
	return []LeftOut{{LeftOutTime, c.Times.Load()}, {LeftOutErrorName, c.ErrorNames.Load()}}
}
