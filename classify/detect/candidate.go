package detect

import "statline/classify/distinct"

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

// slotSeconds is the length of the row's slots.
func (r *KeyMinute) slotSeconds() int {
	if r.SlotSeconds == 0 {
		return 10
	}
	return int(r.SlotSeconds)
}
