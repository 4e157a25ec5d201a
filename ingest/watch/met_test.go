package watch

import (
	"cmp"
	"math/bits"

	"statline/classify/detect"
	"statline/classify/distinct"
)

// keyMet says in Go what the store is asked in SQL: that rows, those of one key in
// detect.CandidateLookback minutes, are enough for c. One refusal of a dead key is.
func keyMet(c detect.Candidate, rows []detect.KeyMinute) bool {
	slots, minutes, invalid, seconds := 0, 0, uint64(0), 1
	for i := range rows {
		r := &rows[i]
		if r.Dead > 0 {
			return true
		}
		slots += bits.OnesCount64(r.Slots)
		seconds = max(seconds, cmp.Or(int(r.SlotSeconds), 10))
		if r.Invalid > 0 {
			minutes, invalid = minutes+1, invalid+uint64(r.Invalid)
		}
	}
	return slots > 0 && float64(slots) >= c.ThrottledShare*float64(5*(60/seconds)) || minutes > 0 &&
		(minutes >= c.InvalidMinutes || invalid >= c.InvalidCount)
}

// clientMet is keyMet for the rows of one client in detect.ClientLookback minutes.
func clientMet(c detect.ClientCandidate, rows []detect.ClientMinute) bool {
	var failed uint64
	keys := map[uint64]bool{}
	var paths distinct.Bitmap
	for i := range rows {
		failed += rows[i].AuthFailed
		for _, k := range rows[i].InvalidKeys {
			keys[k] = true
		}
		paths.Join(rows[i].Paths)
	}
	return failed >= c.Failures || paths.Ones() >= c.Paths || len(keys) >= c.Keys
}
