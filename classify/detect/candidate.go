package detect

import (
	"math/bits"

	"statline/classify/distinct"
)

// CandidateLookback is within how many minutes a key's refusals must be for a rule to
// open an incident: the longest look-back of the rules that begin with refusals alone.
// Dead keys are followed from their first refusal on.
const CandidateLookback = 60

// Candidate is what a key must have done within CandidateLookback minutes before any
// rule can open an incident for it. It is necessary, not sufficient: other keys need
// not be read, which are most of those in a flood of refused keys.
type Candidate struct {
	// ThrottledShare of the slots of five minutes were refused by the limit.
	ThrottledShare float64
	// InvalidMinutes different minutes, or InvalidCount requests, were refused
	// as of an invalid key.
	InvalidMinutes int
	InvalidCount   uint64
}

// Candidate is the least that any rule of c requires of a key.
func (c *Config) Candidate() Candidate {
	share := c.Rate.ThrottledShare
	for id := range c.Keys {
		if own := c.rateOf(id); own != nil {
			share = min(share, own.ThrottledShare)
		}
	}
	return Candidate{ThrottledShare: share, InvalidMinutes: c.InvalidKey.MinMinutes,
		InvalidCount: c.InvalidKey.MinCount}
}

// Met reports that rows, those of one key in CandidateLookback minutes, are enough.
// One refusal of a dead key is.
func (c Candidate) Met(rows []KeyMinute) bool {
	slots, minutes, invalid, seconds := 0, 0, uint64(0), 1
	for i := range rows {
		r := &rows[i]
		if r.Dead > 0 {
			return true
		}
		slots += bits.OnesCount64(r.Slots)
		seconds = max(seconds, r.slotSeconds())
		if r.Invalid > 0 {
			minutes, invalid = minutes+1, invalid+uint64(r.Invalid)
		}
	}
	return slots > 0 && float64(slots) >= c.ThrottledShare*float64(5*(60/seconds)) || minutes > 0 &&
		(minutes >= c.InvalidMinutes || invalid >= c.InvalidCount)
}

// ClientCandidate is for clients what Candidate is for keys, within ClientLookback
// minutes.
type ClientCandidate struct {
	Failures uint64 // logins that failed
	Keys     int    // or different invalid keys
	Paths    int    // or bits set by paths that do not exist
}

// ClientCandidate is the least that any rule of c requires of a client.
func (c *Config) ClientCandidate() ClientCandidate {
	return ClientCandidate{
		Failures: max(1, min(c.Stuffing.FastFailures, c.Stuffing.SlowFailures)),
		Keys:     max(1, min(c.KeyScanning.FastKeys, c.KeyScanning.SlowKeys)),
		Paths:    distinct.OnesOf(max(1, min(c.PathScan.FastPaths, c.PathScan.SlowPaths))),
	}
}

// Met reports whether rows, those of one client in ClientLookback minutes, are
// enough.
func (c ClientCandidate) Met(rows []ClientMinute) bool {
	var failed uint64
	keys := 0
	var paths distinct.Bitmap
	for i := range rows {
		failed += rows[i].AuthFailed
		keys += len(rows[i].InvalidKeys)
		paths.Join(rows[i].Paths)
	}
	if failed >= c.Failures || paths.Ones() >= c.Paths {
		return true
	}
	if keys < c.Keys {
		return false
	}
	distinct, _, _ := distinctKeys(rows, rows[len(rows)-1].Minute, ClientLookback, 0)
	return distinct >= c.Keys
}

// slotSeconds is the length of the row's slots.
func (r *KeyMinute) slotSeconds() int {
	if r.SlotSeconds == 0 {
		return 10
	}
	return int(r.SlotSeconds)
}
