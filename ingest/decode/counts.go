package decode

import "sync/atomic"

// Counts counts values that decoders left out because they are implausible. Decoders
// may share one; it does not affect what is decoded.
type Counts struct {
	// Times counts durations that are impossible for their unit.
	Times atomic.Uint64
	// ErrorNames counts error names that are none: sentences, ids, secrets.
	ErrorNames atomic.Uint64
}

// LeftOut is how often a value was left out of responses that count.
type LeftOut struct {
	What string `json:"what"`
	N    uint64 `json:"n"`
}

// What decoders leave out.
const (
	LeftOutTime      = "impossible_time"
	LeftOutErrorName = "error_name"
)

// List has every count, including zeroes.
func (c *Counts) List() []LeftOut {
	return []LeftOut{{LeftOutTime, c.Times.Load()}, {LeftOutErrorName, c.ErrorNames.Load()}}
}
