package block

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// brokers are what a cluster may tell of a topic's identity.
var brokers = []struct {
	name string
	set  func(*world)
}{
	{"ids, fetches by id", func(*world) {}},
	{"ids, fetches by name", func(w *world) { w.byNames = true }},
	{"no ids", func(w *world) { w.noIDs, w.byNames = true, true }},
}

// eachBroker runs a test on each of them.
func eachBroker(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Helper()
	for _, b := range brokers {
		for _, pipelined := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pipelined=%t", b.name, pipelined), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newHarness(100)
					h.cfg.Pipelined = pipelined
					b.set(h.w)
					test(t, h)
				})
			})
		}
	}
}

// follow does what the refusal says, and lets a new process finish.
func (h *harness) follow(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrRecreated) || !strings.Contains(err.Error(), "set epoch=1 ") {
		t.Fatalf("got error %v; want ErrRecreated, and to set epoch=1", err)
	}
	h.w.advised(err)
	h.cfg.Epoch = h.w.epoch
	h.restart()
	h.run(t.Context())
	h.finish(t)
	if err := h.w.check(0); err != nil {
		t.Error("the new log: ", err)
	}
	if err := h.w.checkEarlier(); err != nil {
		t.Error("the old log: ", err)
	}
}

// lastStored is the ledger's last row of a stored block.
func (h *harness) lastStored() *LedgerRow {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	return h.w.readLedger().Last
}

// Promise: a topic that is made again while a block waits for the store costs
// neither: the block is finished, as it was read of the old log, and all of the
// new log is counted, although it is longer than what was read of the old one.
func TestRecreatedWhileABlockWaits(t *testing.T) {
	eachBroker(t, func(t *testing.T, h *harness) {
		var down atomic.Bool
		down.Store(true)
		h.env.Store = &faultyStore{h.env.Store, func(ID, func() error) error {
			if down.Load() {
				return errors.New("connection refused")
			}
			return nil
		}}
		h.cfg.Limits.Records = 60
		h.run(t.Context())
		h.w.recreate(300)
		time.Sleep(time.Minute)
		down.Store(false)
		err := h.end(t)
		if last := h.lastStored(); last == nil || last.First != 0 || last.End == 0 {
			t.Fatalf("the block that waited is not stored: %+v", last)
		}
		h.follow(t, err)
	})
}

// Promise: the same between the declaration and the ledger, where a store that is
// away holds a block up first.
func TestRecreatedBeforeTheLedger(t *testing.T) {
	eachBroker(t, func(t *testing.T, h *harness) {
		h.env.At = func(step string) {
			if step == "declared" && h.w.life == 0 {
				h.w.recreate(300)
			}
		}
		h.run(t.Context())
		err := h.end(t)
		h.env.At = nil
		if last := h.lastStored(); last == nil || last.End == 0 {
			t.Fatalf("the declared block is not stored: %+v", last)
		}
		h.follow(t, err)
	})
}

// Promise: a topic made again under a partition that is caught up, or before a
// block is declared, is noticed before anything of the new log is declared.
func TestRecreatedBeforeADeclaration(t *testing.T) {
	eachBroker(t, func(t *testing.T, h *harness) {
		h.run(t.Context())
		stored := h.lastStored().End
		h.w.recreate(300)
		err := h.end(t)
		if end := h.lastStored().End; end != stored {
			t.Errorf("offsets [%d,%d) of the new log are stored as the old one's", stored, end)
		}
		h.follow(t, err)
	})
}

// Promise: a topic that was made again while nobody read it is noticed at the
// start, by its id or by the timestamp of the last stored record.
func TestRecreatedMeanwhile(t *testing.T) {
	eachBroker(t, func(t *testing.T, h *harness) {
		h.run(t.Context())
		h.finish(t)
		h.w.recreate(300)
		h.restart()
		h.run(t.Context())
		h.follow(t, h.end(t))
	})
}

// Promise: without ids, a record that is not at the end of its block's range
// proves the log too: transactions leave holes there.
func TestRecreatedBehindHoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(100)
		h.w.noIDs, h.w.byNames = true, true
		h.w.logEnd += 7 // as after markers of transactions
		h.run(t.Context())
		h.finish(t)
		if last := h.lastStored(); last.Holes < 7 {
			t.Fatalf("the last block has no holes at its end: %+v", last)
		}
		h.restart()
		h.run(t.Context())
		h.finish(t)
		for i := range h.w.log {
			h.w.log[i].UnixMilli += 5
		}
		h.restart()
		if err := Run(t.Context(), h.cfg, h.env, h.stop); !errors.Is(err, ErrRecreated) {
			t.Errorf("got error %v; want ErrRecreated", err)
		}
	})
}

// Promise: a log that lost its end, under the same topic id, is no new topic: what
// to do counts all of it once more, and the refusal says so.
func TestCutLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(100)
		h.run(t.Context())
		h.finish(t)
		h.w.log, h.w.logEnd = h.w.log[:50], h.w.log[50].Offset
		h.restart()
		err := Run(t.Context(), h.cfg, h.env, h.stop)
		if !errors.Is(err, ErrCut) || !strings.Contains(err.Error(), "once more") {
			t.Errorf("got error %v; want ErrCut", err)
		}
	})
}

// Promise: an epoch is a life of the topic: whatever moved one partition's log
// into a new one, no other partition's records count twice or not at all.
// Long because it is one table.
func TestDecideEpoch(t *testing.T) {
	done := func(epoch uint32, at int64, id string) Committed {
		return Committed{Offset: at, Metadata: mark(epoch, markDone, id)}
	}
	last := func(epoch uint32, end int64) *LedgerRow {
		row := storedRow(0, end)
		row.Epoch = epoch
		return row
	}
	never := Committed{Offset: -1}
	for _, c := range []struct {
		name  string
		epoch uint32 // set by the operator
		known known
		want  resumed
		in    uint32 // the epoch
		err   error
		says  string
	}{
		{name: "the topic of the ledger", known: known{topicID: "A", commit: done(0, 100, "A"),
			ledger: Ledger{TopicID: "A", OwnTopicID: "A", Last: last(0, 100)}}, want: resumed{From: 100}},
		{name: "another topic, whose log is longer", known: known{topicID: "B", commit: never,
			ledger: Ledger{TopicID: "A", OwnTopicID: "A", Last: last(0, 100)}}, err: ErrRecreated,
			says: "its id is B, what is stored up to 100 is of A; set epoch=1 "},
		{name: "another topic, of which nothing was counted in this partition: the same advice",
			known: known{topicID: "B", commit: never,
				ledger: Ledger{TopicID: "A"}}, err: ErrRecreated, says: "set epoch=1 "},
		{name: "the advice is followed", epoch: 1, known: known{topicID: "B", commit: never,
			ledger: Ledger{TopicID: "A", OwnTopicID: "A", Last: last(0, 100)}}, in: 1, want: resumed{From: 0,
			Start: true}},
		{name: "another partition has followed it", known: known{topicID: "B", commit: never,
			ledger: Ledger{Epoch: 1, TopicID: "B", OwnTopicID: "A", Last: last(0, 100)}}, in: 1, want: resumed{From: 0,
			Start: true}},
		{name: "another partition has followed it, for a topic that is gone too",
			known: known{topicID: "C", commit: never,
				ledger: Ledger{Epoch: 1, TopicID: "B", OwnTopicID: "A", Last: last(0, 100)}}, err: ErrRecreated,
			says: "set epoch=2 "},
		{name: "the log was counted before the epoch was raised: not again", epoch: 1,
			known: known{topicID: "B", commit: done(0, 100, "B"),
				ledger: Ledger{TopicID: "B", OwnTopicID: "B", Last: last(0, 100)}}, in: 0, want: resumed{From: 100,
				Warn: true}},
		{name: "the same, when another partition has begun the epoch", epoch: 1,
			known: known{topicID: "B", commit: done(0, 100, "B"),
				ledger: Ledger{Epoch: 1, TopicID: "B", OwnTopicID: "B", Last: last(0, 100)}}, in: 0,
			want: resumed{From: 100, Warn: true}},

		{name: "no ids: the log was counted before the epoch was raised, as its last record shows", epoch: 1,
			known: known{commit: done(0, 100, ""), stored: witness{offset: 99, unixMilli: 1099},
				ledger: Ledger{Last: last(0, 100)}}, in: 0, want: resumed{From: 100, Warn: true}},
		{name: "no ids: another record is there", epoch: 1,
			known: known{commit: done(0, 100, ""), stored: witness{offset: 99, unixMilli: 4},
				ledger: Ledger{Last: last(0, 100)}}, in: 1, want: resumed{From: 0, Start: true}},
		{name: "no ids: nothing to compare, and nothing counted", epoch: 1,
			known: known{commit: done(0, 0, ""), ledger: Ledger{Last: &LedgerRow{Kind: KindGap, State: Stored,
				Group: "statline", WrittenAt: resumeNow}}}, in: 1, want: resumed{From: 0, Start: true}},
		{name: "no ids: the declared block's last record is another", known: known{commit: never, declared: witness{offset: 129, unixMilli: 5},
			ledger: Ledger{Last: last(0, 100), Pending: &LedgerRow{ID: ID{First: 100, End: 130}, State: Declared,
				Group: "statline", WrittenAt: resumeNow, LastRecordUnixMilli: 7}}},
			err: ErrRecreated, says: "record 129 has the timestamp 5, the ledger has 7"},
		{name: "rows of before there were ids, and the record is the log's: its id is adopted",
			known: known{topicID: "B", commit: done(0, 100, ""),
				stored: witness{offset: 99, unixMilli: 1099}, ledger: Ledger{Last: last(0, 100)}},
			want: resumed{From: 100}},

		{name: "a commit that names another topic does not count", known: known{topicID: "B", commit: done(0, 70, "A")},
			want: resumed{From: 0, Start: true}},
		{name: "a start that names another topic does not count", known: known{topicID: "B", commit: Committed{Offset: 70, Metadata: mark(0, markStart, "A")}},
			want: resumed{From: 0, Start: true}},
		{name: "a start that names this topic counts", known: known{topicID: "A", commit: Committed{Offset: 70, Metadata: mark(0, markStart, "A")}},
			want: resumed{From: 70, Start: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Group, cfg.Epoch = "statline", c.epoch
			c.known.lastStable, c.known.now = 1000, resumeNow
			p, err := decide(cfg, c.known)
			if !errors.Is(err, c.err) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got error %v; want %v that says %q", err, c.err, c.says)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(c.want, short(p)); diff != "" || p.epoch != c.in {
				t.Errorf("epoch %d, want %d; plan (-want +got):\n%s", p.epoch, c.in, diff)
			}
		})
	}
}

// earlierParse is ParseDeclaration as it was before declarations named a topic.
func earlierParse(metadata string) (d Declaration, ok bool) {
	f := strings.Split(metadata, ":")
	if len(f) != 5 || f[0] != "v1" {
		return Declaration{}, false
	}
	first, end, ok := strings.Cut(f[2], "-")
	if !ok {
		return Declaration{}, false
	}
	epoch, err1 := strconv.ParseUint(f[1], 10, 32)
	a, err2 := strconv.ParseInt(first, 10, 64)
	b, err3 := strconv.ParseInt(end, 10, 64)
	at, err4 := strconv.ParseInt(f[4], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || a < 0 || b <= a {
		return Declaration{}, false
	}
	return Declaration{Epoch: uint32(epoch), First: a, End: b, ConfigHash: f[3], UnixSeconds: at}, true
}

// Promise: an older version reads the declaration of a newer one as a declaration
// of the same range, never as none: a gap as a gap, and a block under rules that
// it does not have unless the ledger tells them. What an older one declared names
// no topic.
func TestDeclarationForOlderVersions(t *testing.T) {
	const topic = "CQkJCQkJCQkJCQkJCQkJCQ"
	for _, hash := range []string{"c0ffee", gapHash} {
		d := Declaration{Epoch: 3, First: 100, End: 200, ConfigHash: hash, TopicID: topic, UnixSeconds: 1_700_000_000}
		old, ok := earlierParse(d.Metadata())
		if !ok || old.First != 100 || old.End != 200 || old.Epoch != 3 || old.UnixSeconds != d.UnixSeconds {
			t.Errorf("%s: an older version reads %+v, %t", d.Metadata(), old, ok)
		}
		if (hash == gapHash) != (old.ConfigHash == gapHash) || hash != gapHash && old.ConfigHash == hash {
			t.Errorf("%s: an older version reads the hash %q", d.Metadata(), old.ConfigHash)
		}
		if hash == gapHash {
			d.TopicID = ""
		}
		if got, ok := ParseDeclaration(d.Metadata()); !ok || got != d {
			t.Errorf("got %+v, %t; want %+v", got, ok, d)
		}
	}
	before := Declaration{First: 1, End: 2, ConfigHash: "c0ffee", UnixSeconds: 5}
	if got, ok := ParseDeclaration(before.Metadata()); !ok || got != before {
		t.Errorf("an older version's: got %+v, %t; want %+v", got, ok, before)
	}
	if epoch, id, ok := markOf(mark(4, markDone, topic)); !ok || epoch != 4 || id != topic {
		t.Errorf("got epoch %d, topic %q, %t", epoch, id, ok)
	}
}
