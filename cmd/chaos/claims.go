package main

import (
	"fmt"
	"maps"
	"slices"

	"statline/ingest/traffic"
)

// statusClaim is what an instance says at /readyz, as far as it is judged.
type statusClaim struct {
	code       int // of the answer
	healthz    int // of the answer to that, 0 without one
	Ready      bool
	Waiting    string
	Partitions []partitionClaim
}

type partitionClaim struct {
	Partition int32
	State     string
	Next, End int64
	High      int64  `json:"high_watermark"`
	Lag       int64  `json:"lag_records"`
	LagHigh   int64  `json:"lag_high_watermark"`
	Missing   int64  `json:"missing_records"`
	LastError string `json:"last_error"`
}

// known is what the run itself knows at one moment, by partition.
type known struct {
	offsets map[int32]traffic.Offsets
	ledger  map[int32]int64 // the highest end of what is stored
}

// untrueStatus lists what in a claim cannot be true. after was read after the claim; old is
// where the logs ended so long ago that the instance must know it, nil if there is no such
// time.
func untrueStatus(s statusClaim, old map[int32]traffic.Offsets, after known) (untrue []string) {
	say := func(format string, args ...any) { untrue = append(untrue, fmt.Sprintf(format, args...)) }
	if s.Ready != (s.code == 200) {
		say("answers %d and says ready: %v", s.code, s.Ready)
	}
	if s.healthz != 0 && s.healthz != 200 {
		say("/healthz answers %d, and only servers were away", s.healthz)
	}
	if s.Ready && s.Waiting != "" {
		say("is ready and waits: %s", s.Waiting)
	}
	for _, p := range s.Partitions {
		o, ok := after.offsets[p.Partition]
		switch was := old[p.Partition]; {
		case p.Next < 0:
			continue // it has not asked yet
		case p.Lag != max(0, p.End-p.Next)+p.Missing || p.LagHigh < p.Lag:
			say("partition %d: lag %d, to the high watermark %d, from %d to %d, missing %d", p.Partition, p.Lag,
				p.LagHigh, p.Next, p.End, p.Missing)
		case ok && (p.End > o.Stable || p.High > o.End):
			say("partition %d: end %d and %d; the log ends at %d and %d", p.Partition, p.End, p.High, o.Stable, o.End)
		case p.Next > after.ledger[p.Partition] && p.Missing == 0:
			say("partition %d: next %d; stored are those below %d", p.Partition, p.Next, after.ledger[p.Partition])
		case p.End < was.Stable || p.High < was.End:
			say("partition %d: end %d and %d, hiding a lag; the log ended at %d and %d %v ago", p.Partition, p.End,
				p.High, was.Stable, was.End, learned)
		}
	}
	return untrue
}

// untrueAudit lists what cannot be true in an audit that ran beside writers.
func untrueAudit(a audit, before, after known) (untrue []string) {
	say := func(format string, args ...any) { untrue = append(untrue, fmt.Sprintf(format, args...)) }
	if !a.OK {
		say("%d differences: %s", len(a.Differences), cutText(a.text, 2000))
	}
	ends := map[int32]int64{}
	for _, p := range a.Partitions {
		ends[p.Partition] = max(ends[p.Partition], p.End)
	}
	for p, end := range before.ledger {
		if got := ends[p]; got < end || got > after.ledger[p] {
			say("partition %d: stored to %d; it was %d before, %d after", p, got, end, after.ledger[p])
		}
	}
	for p, g := range a.Group {
		from, ok := before.offsets[p]
		to, still := after.offsets[p]
		if !ok || !still || from.Committed < 0 {
			continue
		}
		if g.Committed < from.Committed || g.Committed > to.Committed {
			say("partition %d: committed %d; it was %d before, %d after", p, g.Committed, from.Committed, to.Committed)
		}
		if least, most := max(0, from.Stable-to.Committed), max(0, to.Stable-from.Committed); g.Lag < least ||
			g.Lag > most {
			say("partition %d: lag %d; it was %d to %d", p, g.Lag, least, most)
		}
	}
	return untrue
}

// notCalm is why the statuses do not show that all is done; "" if they do: each instance is
// ready, and each partition is owned by one of them and read to its end.
func notCalm(claims []statusClaim, now known) string {
	owners := map[int32]int{}
	for _, s := range claims {
		if !s.Ready {
			return fmt.Sprintf("an instance is not ready: %+v", s)
		}
		for _, p := range s.Partitions {
			owners[p.Partition]++
			if o := now.offsets[p.Partition]; p.Next != o.End || p.End != o.End || p.LagHigh != 0 {
				return fmt.Sprintf("partition %d: next %d, end %d, lag %d; the log ends at %d", p.Partition, p.Next,
					p.End, p.LagHigh, o.End)
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(now.offsets)) {
		if owners[p] != 1 {
			return fmt.Sprintf("partition %d: %d instances say that they have it", p, owners[p])
		}
	}
	return ""
}
