package mend

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/store"
)

// nearby is how many unneeded offsets are read rather than sending another request.
const nearby = 10_000

// records reads a unit's records again, by offset; records that are gone are left out.
func (r *Rejects) records(ctx context.Context, unit []store.Reject) (map[int64][]byte, error) {
	if r.Log == nil {
		return nil, nil
	}
	starts, err := r.Log.StartOffsets(ctx)
	if err != nil {
		return nil, err
	}
	want := map[int64]int64{} // offset -> timestamp
	for _, x := range unit {
		want[x.Offset] = x.RecordUnixMilli
	}
	found := map[int64][]byte{}
	take := func(rec block.Record) error {
		// A topic that was made again has another record there.
		if ts, ok := want[rec.Offset]; ok && ts == rec.UnixMilli {
			found[rec.Offset] = slices.Clone(rec.Value)
		}
		return nil
	}
	for i := 0; i < len(unit); {
		first, last := unit[i].Offset, unit[i].Offset
		for ; i < len(unit) && unit[i].Offset-last <= nearby; i++ {
			last = unit[i].Offset
		}
		start, ok := starts[unit[0].Partition]
		if first = max(first, start); !ok || first > last {
			continue
		}
		err := r.Log.ReadRange(ctx, unit[0].Partition, first, last+1, take)
		if err != nil && !errors.Is(err, block.ErrOutOfRange) {
			return nil, err
		}
	}
	return found, nil
}

// whole returns a reject with its record as its bytes, if it was rejected for its
// size: nothing of it is stored. A record that is gone or still too large leaves it
// without bytes.
func (r *Rejects) whole(ctx context.Context, x store.Reject) (store.Reject, error) {
	if x.Reason != fold.ReasonTooLarge {
		return x, nil
	}
	records, err := r.records(ctx, []store.Reject{x})
	x.Raw = string(records[x.Offset])
	return x, err
}

// position is where a reject is in its partition.
type position struct {
	offset int64
	index  uint32
}

type rejectID struct {
	epoch     uint32
	partition int32
	position
}

func idOf(x store.Reject) rejectID {
	return rejectID{x.Epoch, x.Partition, position{x.Offset, x.Index}}
}

func compareRejects(a, b store.Reject) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset),
		cmp.Compare(a.Index, b.Index))
}

// units splits rejects into ledger rows: of one partition, at most rejectsAtOnce, in
// order. A record that was too large gets a row of its own, because its bytes are held
// in memory.
func units(xs []store.Reject) (list [][]store.Reject) {
	xs = slices.SortedFunc(slices.Values(xs), compareRejects)
	for start := 0; start < len(xs); {
		end := start
		for end < len(xs) && end-start < rejectsAtOnce && xs[end].Epoch == xs[start].Epoch &&
			xs[end].Partition == xs[start].Partition {
			if large := xs[end].Reason == fold.ReasonTooLarge; large && end > start {
				break
			} else if end++; large {
				break
			}
		}
		list = append(list, xs[start:end])
		start = end
	}
	return list
}

// listed reads a settlement's note.
func listed(note string) (positions []position) {
	list, _, _ := strings.Cut(note, " ")
	for _, entry := range strings.Split(list, ",") {
		offset, index, _ := strings.Cut(entry, ":")
		o, err1 := strconv.ParseInt(offset, 10, 64)
		i, err2 := strconv.ParseUint(index, 10, 32)
		if err1 == nil && err2 == nil {
			positions = append(positions, position{o, uint32(i)})
		}
	}
	return positions
}
