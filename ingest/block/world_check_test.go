package block

import (
	"fmt"
	"sort"
	"strings"
	"sync"

	"statline/classify/aggregate"
)

// check compares what is stored with what was produced.
func (w *world) check(from int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.contradicted) > 0 {
		return fmt.Errorf("%d contradictions, the first: %s", len(w.contradicted), w.contradicted[0])
	}
	truth, records := map[string]uint64{}, uint64(0)
	for _, r := range w.log {
		if r.Offset >= from {
			truth[string(r.Value)]++
			records++
		}
	}
	for _, table := range modelTables {
		for service, want := range truth {
			if got := w.tables[table][service]; got != want {
				return fmt.Errorf("table %s, %s: got %d requests; want %d", table, service, got, want)
			}
		}
	}
	var stored []LedgerRow
	newest := w.readLedger().Epoch
	for _, row := range w.ledger {
		if row.State == Stored && row.Epoch == newest {
			stored = append(stored, row)
		}
	}
	sort.Slice(stored, func(i, j int) bool {
		return stored[i].First < stored[j].First || stored[i].First == stored[j].First && stored[i].End < stored[j].End
	})
	end, sum := from, uint64(0)
	for _, row := range stored {
		if row.First != end {
			return fmt.Errorf("ledger: [%d,%d) follows %d", row.First, row.End, end)
		}
		if uint64(row.End-row.First) != row.Records+row.Holes {
			return fmt.Errorf("ledger: [%d,%d) has %d records and %d holes", row.First, row.End, row.Records, row.Holes)
		}
		end, sum = row.End, sum+row.Records
	}
	if end != w.logEnd || sum != records {
		return fmt.Errorf("ledger ends at %d with %d records; want %d with %d", end, sum, w.logEnd, records)
	}
	return nil
}

// checkEarlier compares what is stored of the topic's earlier life with what the
// ledger says of it: a block that nobody can finish any more may be there in part.
func (w *world) checkEarlier() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	newest, stored, pending := w.readLedger().Epoch, map[ID]uint64{}, map[ID]uint64{}
	for _, row := range w.ledger {
		switch {
		case row.Epoch == newest:
		case row.State == Stored:
			stored[row.ID] = row.Records
		default:
			pending[row.ID] = row.Records
		}
	}
	var least, most uint64
	for id, n := range stored {
		least += n
		delete(pending, id)
	}
	most = least
	for _, n := range pending {
		most += n
	}
	truth := map[string]uint64{}
	for _, r := range w.earlier {
		truth[string(r.Value)]++
	}
	for _, table := range modelTables {
		sum := uint64(0)
		for value, n := range w.tables[table] {
			if strings.HasSuffix(value, fmt.Sprintf("life %d", w.life)) {
				continue
			}
			if n > truth[value] {
				return fmt.Errorf("table %s, %s: got %d requests; want at most %d", table, value, n, truth[value])
			}
			sum += n
		}
		if sum < least || sum > most {
			return fmt.Errorf("table %s: got %d requests of the earlier life; want %d to %d", table, sum, least, most)
		}
	}
	return nil
}

// countBuilder folds values into counts.
type countBuilder struct {
	counts  map[string]uint64
	records uint64
	last    int64
	// declared is what the builder was told; the contents have it in place of a
	// reject when it was needed.
	declared  int64
	unstamped bool
}

func (f *countBuilder) Add(rs []Record) {
	for _, r := range rs {
		f.counts[string(r.Value)]++
		f.unstamped = f.unstamped || !Stamped(r.UnixMilli)
		f.records++
		f.last = r.UnixMilli
	}
}

func (f *countBuilder) Declared(unix int64) { f.declared = unix }

func (f *countBuilder) MemoryBytes() int { return int(f.records) * 16 }

func (f *countBuilder) Reset() { *f = countBuilder{counts: map[string]uint64{}} }

func (f *countBuilder) Contents() *Contents {
	c := &Contents{Records: f.records, Responses: f.records, LastRecordUnixMilli: f.last}
	if f.unstamped {
		c.Rejects = []RejectRow{{RecordUnixMilli: f.declared}}
	}
	for service, n := range f.counts {
		c.Rows.Services = append(c.Rows.Services, aggregate.ServiceRow{Service: service, Requests: n})
	}
	sort.Slice(c.Rows.Services, func(i, j int) bool { return c.Rows.Services[i].Service < c.Rows.Services[j].Service })
	return c
}

// countPool counts what is lent, so that a test sees what was not given
// back.
type countPool struct {
	mu   sync.Mutex
	lent int
}

func (c *countPool) Get(bool) Builder {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lent++
	return &countBuilder{counts: map[string]uint64{}}
}

func (c *countPool) Put(Builder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lent--
}
