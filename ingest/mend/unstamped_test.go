package mend

import (
	"context"
	"fmt"
	"testing"
	"time"

	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/ingesttest"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// undated are lines of records whose timestamps tell nothing, from an hour before
// begin to some minutes beyond what the time of their block allows, a second
// apart; every tenth one has no time of its own, and some are no lines.
type undated struct {
	begin time.Time
	n, at int
}

const (
	undatedPast  = time.Hour
	undatedAhead = 10*time.Minute + 2*time.Minute
)

func newUndated() *undated {
	return &undated{begin: time.Now().Truncate(time.Second), n: int((undatedPast + undatedAhead) / time.Second)}
}

func (u *undated) event(i int) time.Time {
	return u.begin.Add(time.Duration(i)*time.Second - undatedPast)
}

func (u *undated) timeless(i int) bool { return i%10 == 3 }
func (u *undated) broken(i int) bool   { return i%10 == 7 && i%20 > 10 }

func (u *undated) Next(line []byte) ([]byte, int64, uint64, bool) {
	i := u.at
	if i == u.n {
		return line, 0, 0, false
	}
	u.at++
	stamp := []int64{-1, 0, u.begin.Unix(), 5}[i%4]
	switch {
	case u.timeless(i):
		line = fmt.Appendf(line, `INFO:     192.0.2.1:40000 - "GET /v1/x HTTP/1.1" 404 Not Found`)
	case u.broken(i):
		line = fmt.Appendf(line, `{"ts`)
	default:
		line = fmt.Appendf(line,
			`{"ts":%q,"service":"movies","method":"GET","path":"/3/movie/%d","status":%d,"client_ip":"203.0.113.%d"}`,
			u.event(i).UTC().Format(time.RFC3339), i, 200+i%2*229, i%200)
	}
	return line, stamp, 0, true
}

// want is what the lines are in a block that was declared at that time.
func (u *undated) want(declared time.Time) (responses uint64, reasons map[string]uint64) {
	reasons = map[string]uint64{}
	for i := range u.n {
		switch {
		case u.timeless(i):
			reasons["no_time"]++
		case u.broken(i):
			reasons["syntax"]++
		case u.event(i).After(declared.Add(10 * time.Minute)):
			reasons["bad_time"]++
		default:
			responses++
		}
	}
	return responses, reasons
}

// Promise: records without a usable timestamp of Kafka's are responses by their own
// time, bounded by the time of their block's declaration; what is none is listed
// with its reason. That time is in the ledger, and whoever folds the block again
// goes by it: who finishes it in the middle, repair, and a replay of its rejects.
func TestUnstampedRecords(t *testing.T) {
	for name, finish := range map[string]func(t *testing.T, r *ingesttest.Rig){
		"in_one_go": nil,
		"killed_in_mid_block": func(t *testing.T, r *ingesttest.Rig) {
			if err := r.Run(t.Context(), large); err != nil {
				t.Fatal(err)
			}
		},
		"repaired": func(t *testing.T, r *ingesttest.Rig) {
			repair := repairOf(t, r)
			repair.Block.Tokens.Age = -1
			if _, err := repair.Run(t.Context(), []int32{0}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := ingesttest.New(t, "unstamped_"+name)
			u := produceUndated(t, r)
			ctx, die := context.WithCancel(t.Context())
			defer die()
			if finish != nil {
				r.Into = &firstChunk{Store: r.Store, die: die}
			}
			if err := r.Run(ctx, large); err != nil && finish == nil {
				t.Fatal(err)
			}
			r.Into = r.Store
			if finish != nil {
				before := ledgerOf(t, r).Pending
				if before == nil {
					t.Fatal("no block is half stored")
				}
				// Lines become acceptable while time goes by, if one goes by that.
				<-time.After(time.Until(time.Unix(before.DeclaredUnix+2, 0)))
				finish(t, r)
				after := ledgerOf(t, r).Last
				if after.DeclaredUnix != before.DeclaredUnix || after.Responses != before.Responses ||
					after.Rejected != before.Rejected {
					t.Errorf("got %d responses and %d rejects of a block declared at %d; declared were %d and %d at %d",
						after.Responses, after.Rejected, after.DeclaredUnix, before.Responses, before.Rejected,
						before.DeclaredUnix)
				}
			}
			checkUndated(t, r, u)
		})
	}
}

// Promise: that of TestUnstampedRecords, for rejects that are decoded again later,
// also of a block that a version stored which noted no such time.
func TestReplayOfUnstampedRecords(t *testing.T) {
	for _, noted := range []bool{true, false} {
		t.Run(fmt.Sprintf("noted=%t", noted), func(t *testing.T) {
			r := ingesttest.New(t, fmt.Sprintf("unstamped_replay_%t", noted))
			u := produceUndated(t, r)
			r.Fold.Decode.Format = "haproxy" // decodes nothing
			if err := r.Run(t.Context(), large); err != nil {
				t.Fatal(err)
			}
			declared := time.Unix(ledgerOf(t, r).Last.DeclaredUnix, 0)
			if !noted {
				declared = ledgerOf(t, r).Last.WrittenAt.Truncate(time.Second)
				storetest.Exec(t, r.Store,
					"ALTER TABLE "+r.Store.Table("ledger")+" UPDATE declared_at = 0 WHERE 1 SETTINGS mutations_sync = 2")
			}
			responses, _ := u.want(declared)
			rejects := rejectsOf(t, r, ingesttest.Folding())
			report, err := rejects.Replay(t.Context(), store.RejectFilter{Limit: 10 * u.n})
			if err != nil {
				t.Fatal(err)
			}
			if report.Responses != responses || report.Still != u.n-int(responses) {
				t.Errorf("got %+v; want %d responses of %d rejects", report, responses, u.n)
			}
			r.Audit()
		})
	}
}

func produceUndated(t *testing.T, r *ingesttest.Rig) *undated {
	t.Helper()
	r.Partitions = 1
	u := newUndated()
	if err := traffic.Produce(t.Context(), r.Brokers(), r.Topic, u, traffic.ProduceOptions{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	return u
}

func ledgerOf(t *testing.T, r *ingesttest.Rig) block.Ledger {
	t.Helper()
	rows, err := store.Select[struct {
		Cluster string `ch:"cluster"`
	}](t.Context(), r.Store, "SELECT DISTINCT cluster FROM "+r.Store.Table("ledger"))
	if err != nil || len(rows) != 1 {
		t.Fatalf("got clusters %v, %v", rows, err)
	}
	l, err := r.Store.Ledger(t.Context(), rows[0].Cluster, r.Topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// checkUndated compares ledger, tables and listed rejects with the lines.
func checkUndated(t *testing.T, r *ingesttest.Rig, u *undated) {
	t.Helper()
	last := ledgerOf(t, r).Last
	responses, reasons := u.want(time.Unix(last.DeclaredUnix, 0))
	if last.First != 0 || last.Responses != responses || last.Records != uint64(u.n) {
		t.Errorf("got block [%d,%d) of %d records, %d responses; want one with %d of %d", last.First, last.End,
			last.Records, last.Responses, responses, u.n)
	}
	counts, err := r.Store.CountRejects(t.Context(), store.RejectFilter{Topic: r.Topic})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	for _, c := range counts {
		got[c.Reason] = c.Rejects
	}
	if fmt.Sprint(got) != fmt.Sprint(reasons) {
		t.Errorf("rejects: got %v; want %v", got, reasons)
	}
	r.Audit()
}

func rejectsOf(t *testing.T, r *ingesttest.Rig, folding fold.Config) *Rejects {
	t.Helper()
	repair := repairOf(t, r)
	return &Rejects{Store: r.Store, Log: repair.Log, Fold: folding, Block: repair.Block}
}
