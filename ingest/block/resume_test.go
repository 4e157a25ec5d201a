package block

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/ingest/retry"
)

var resumeNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func storedRow(first, end int64) *LedgerRow {
	return &LedgerRow{ID: ID{Epoch: 1, First: first, End: end}, Kind: KindBlock, State: Stored,
		Group: "statline", WrittenAt: resumeNow.Add(-time.Minute), LastRecordUnixMilli: 1000 + end - 1}
}

func declaredRow(first, end int64, age time.Duration) *LedgerRow {
	return &LedgerRow{ID: ID{Epoch: 1, First: first, End: end}, Kind: KindBlock, State: Declared,
		Group: "statline", ConfigHash: "h", WrittenAt: resumeNow.Add(-age)}
}

func declaration(first, end int64, hash string) Committed {
	return Committed{Offset: first, Metadata: Declaration{Epoch: 1, First: first, End: end, ConfigHash: hash,
		UnixSeconds: resumeNow.Add(-time.Minute).Unix()}.Metadata()}
}

// resumed is what a plan comes to, in short.
type resumed struct {
	From     int64
	Start    bool
	Commit   bool
	Redo     [2]int64
	Inserted bool
	Lost     int64
	Gap      [2]int64
	Warn     bool
}

func short(p plan) resumed {
	r := resumed{From: p.from, Start: p.start, Commit: p.commit, Inserted: p.inserted != nil, Lost: p.lost,
		Warn: p.warn != ""}
	if p.redo != nil {
		r.Redo = [2]int64{p.redo.First, p.redo.End}
	}
	if p.gap != nil {
		r.Gap = [2]int64{p.gap.First, p.gap.End}
	}
	return r
}

// Promise: every situation in which a partition can be found has one decision.
// Long because it is one table.
func TestDecide(t *testing.T) {
	never := Committed{Offset: -1}
	done := func(at int64) Committed { return Committed{Offset: at, Metadata: mark(1, markDone, "")} }
	ledger := func(last, pending *LedgerRow) Ledger { return Ledger{Epoch: 1, Own: 1, Last: last, Pending: pending} }
	for _, c := range []struct {
		name   string
		config func(*Config)
		commit Committed
		ledger Ledger
		log    [2]int64 // default [0,1000)
		want   resumed
		err    error
		says   string
	}{
		{name: "no commit and no ledger: from the log's start",
			commit: never, log: [2]int64{40, 1000}, want: resumed{From: 40, Start: true}},
		{name: "no commit and no ledger, latest: from the log's end",
			config: func(c *Config) { c.From, c.Start = Latest, Start{End: 1000} },
			commit: never, want: resumed{From: 1000, Start: true}},
		{name: "latest, and what came after the start: the end as it was then",
			config: func(c *Config) { c.From, c.Start = Latest, Start{End: 700} },
			commit: never, want: resumed{From: 700, Start: true}},
		{name: "latest, and retention has passed the end as it was: from the log's start",
			config: func(c *Config) { c.From, c.Start = Latest, Start{End: 700} },
			commit: never, log: [2]int64{800, 1000}, want: resumed{From: 800, Start: true}},
		{name: "latest, of a partition that was added later: from its start",
			config: func(c *Config) { c.From, c.Start = Latest, Start{End: -1} },
			commit: never, want: resumed{From: 0, Start: true}},
		{name: "latest, of a topic made anew: from its start",
			config: func(c *Config) { c.From, c.Epoch, c.Start = Latest, 1, Start{End: 700} },
			commit: never, want: resumed{From: 0, Start: true}},
		{name: "start marked, its ledger row missing: the same start",
			commit: Committed{Offset: 70, Metadata: mark(0, markStart, "")}, want: resumed{From: 70, Start: true}},
		{name: "commit without a ledger: refused",
			commit: done(100), ledger: Ledger{Epoch: 1}, err: ErrRowsMissing, says: "the ledger is empty"},
		{name: "commit without a ledger, resume at the group",
			config: func(c *Config) { c.ResumeAt = AtGroup },
			commit: done(100), ledger: Ledger{Epoch: 1}, want: resumed{From: 100, Start: true}},
		{name: "commit without a ledger, resume at the (empty) ledger",
			config: func(c *Config) { c.ResumeAt = AtLedger },
			commit: done(100), ledger: Ledger{Epoch: 1}, want: resumed{From: 0, Start: true}},

		{name: "no commit, ledger ends at 100: 100",
			commit: never, ledger: ledger(storedRow(0, 100), nil), want: resumed{From: 100, Commit: true}},
		{name: "commit at the ledger's end: go on",
			commit: done(100), ledger: ledger(storedRow(0, 100), nil), want: resumed{From: 100}},
		{name: "commit below the ledger's end: the ledger's, with a warning",
			commit: done(50), ledger: ledger(storedRow(0, 100), nil),
			want: resumed{From: 100, Commit: true, Warn: true}},
		{name: "commit above the ledger's end: refused",
			commit: done(150), ledger: ledger(storedRow(0, 100), nil), err: ErrRowsMissing,
			says: "the ledger ends at 100, the group has committed 150"},
		{name: "commit above, resume at the ledger: read again",
			config: func(c *Config) { c.ResumeAt = AtLedger },
			commit: done(150), ledger: ledger(storedRow(0, 100), nil), want: resumed{From: 100, Commit: true}},
		{name: "commit above, resume at the group: a gap says so",
			config: func(c *Config) { c.ResumeAt = AtGroup },
			commit: done(150), ledger: ledger(storedRow(0, 100), nil),
			want: resumed{From: 100, Gap: [2]int64{100, 150}}},
		{name: "commit above over a partly inserted block, resume at the group: refused",
			config: func(c *Config) { c.ResumeAt = AtGroup },
			commit: done(150), ledger: ledger(storedRow(0, 100), declaredRow(100, 120, time.Minute)),
			err: ErrPartialBlock, says: "repair"},

		{name: "declared and stored: commit the end",
			commit: declaration(50, 100, "h"), ledger: ledger(storedRow(50, 100), nil),
			want: resumed{From: 100, Commit: true}},
		{name: "declared, nothing in the ledger: exactly that range",
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), nil),
			want: resumed{From: 100, Redo: [2]int64{100, 130}}},
		{name: "declared in the group and the ledger: exactly that range, with its tokens",
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), declaredRow(100, 130, time.Minute)),
			want: resumed{From: 100, Redo: [2]int64{100, 130}, Inserted: true}},
		{name: "declared in the ledger only, the group's commit was lost",
			commit: never, ledger: ledger(storedRow(0, 100), declaredRow(100, 130, time.Minute)),
			want: resumed{From: 100, Commit: true, Redo: [2]int64{100, 130}, Inserted: true}},
		{name: "declared beyond the ledger's end, resume at the ledger: up to it, then exactly that",
			config: func(c *Config) { c.ResumeAt = AtLedger },
			commit: declaration(120, 140, "h"), ledger: ledger(storedRow(0, 100), declaredRow(120, 140, time.Minute)),
			want: resumed{From: 100, Commit: true, Redo: [2]int64{120, 140}, Inserted: true}},
		{name: "declared long ago, with forgotten tokens: refused",
			commit: done(100), ledger: ledger(storedRow(0, 100), declaredRow(100, 130, 7*24*time.Hour)),
			err: ErrPartialBlock, says: "partial block [100,130) older than the token window"},
		{name: "declared with too many blocks since: refused",
			commit: declaration(100, 130, "h"),
			ledger: Ledger{Epoch: 1, Own: 1, Last: storedRow(0, 100), Pending: declaredRow(100, 130, time.Minute),
				BlocksSince: 20_001},
			err: ErrPartialBlock, says: "20001 blocks since"},
		{name: "declared long ago, but nothing was inserted: read it",
			commit: Committed{Offset: 100, Metadata: Declaration{Epoch: 1, First: 100, End: 130, ConfigHash: "h",
				UnixSeconds: 1}.Metadata()},
			ledger: ledger(storedRow(0, 100), nil), want: resumed{From: 100, Redo: [2]int64{100, 130}}},
		{name: "declared across the ledger's end: refused",
			commit: declaration(80, 130, "h"), ledger: ledger(storedRow(0, 100), nil), err: ErrOverlap,
			says: "declared [80,130), stored up to 100"},
		{name: "a gap was declared: the same gap",
			commit: declaration(100, 130, gapHash), ledger: ledger(storedRow(0, 100), nil),
			log: [2]int64{200, 1000}, want: resumed{From: 100, Gap: [2]int64{100, 130}}},

		{name: "the log ends below the ledger: recreated",
			commit: done(100), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{0, 99}, err: ErrRecreated,
			says: "set epoch=2"},
		{name: "the log ends inside a declared range: recreated",
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{0, 120},
			err: ErrRecreated},

		{name: "the ledger's end was deleted by retention: refused",
			commit: done(100), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{150, 1000}, err: ErrGap,
			says: "[100,150)"},
		{name: "the ledger's end was deleted, skip: a gap",
			config: func(c *Config) { c.OnGap = Skip },
			commit: done(100), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{150, 1000},
			want: resumed{From: 100, Gap: [2]int64{100, 150}}},
		{name: "the marked start was deleted by retention: refused",
			commit: Committed{Offset: 70, Metadata: mark(0, markStart, "")}, log: [2]int64{90, 1000}, err: ErrGap,
			says: "[70,90)"},
		{name: "the marked start was deleted, skip: a gap",
			config: func(c *Config) { c.OnGap = Skip },
			commit: Committed{Offset: 70, Metadata: mark(0, markStart, "")}, log: [2]int64{90, 1000},
			want: resumed{From: 70, Start: true, Gap: [2]int64{70, 90}}},
		{name: "the commit is below the log's start and the ledger is not: the ledger's end, no gap",
			commit: done(50), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{80, 1000},
			want: resumed{From: 100, Commit: true, Warn: true}},
		{name: "a declared range lies wholly below the log's start, nothing inserted: a gap up to the start",
			config: func(c *Config) { c.OnGap = Skip },
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{200, 1000},
			want: resumed{From: 100, Gap: [2]int64{100, 200}}},
		{name: "the same, perhaps inserted: the block is finished with what is stored",
			config: func(c *Config) { c.OnGap = Skip },
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), declaredRow(100, 130, time.Minute)),
			log:  [2]int64{200, 1000},
			want: resumed{From: 100, Redo: [2]int64{100, 130}, Inserted: true, Lost: 30}},
		{name: "a declared range is partly below the log's start: refused",
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{110, 1000},
			err: ErrGap},
		{name: "the same, skip, nothing inserted: a gap, and fresh blocks after it",
			config: func(c *Config) { c.OnGap = Skip },
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), nil), log: [2]int64{110, 1000},
			want: resumed{From: 100, Gap: [2]int64{100, 110}}},
		{name: "the same, skip, perhaps inserted: the block is finished with what is left",
			config: func(c *Config) { c.OnGap = Skip },
			commit: declaration(100, 130, "h"), ledger: ledger(storedRow(0, 100), declaredRow(100, 130, time.Minute)),
			log:  [2]int64{110, 1000},
			want: resumed{From: 100, Redo: [2]int64{100, 130}, Inserted: true, Lost: 10}},

		{name: "another group wrote minutes ago: refused",
			config: func(c *Config) { c.Group = "other" },
			commit: never, ledger: ledger(storedRow(0, 100), nil), err: ErrOtherWriter, says: `group "statline"`},
		{name: "another group wrote minutes ago, taken over",
			config: func(c *Config) { c.Group, c.Takeover = "other", true },
			commit: never, ledger: ledger(storedRow(0, 100), nil), want: resumed{From: 100, Commit: true}},
		{name: "another group has declared minutes ago: refused",
			config: func(c *Config) { c.Group = "other" },
			commit: never, ledger: ledger(nil, declaredRow(0, 10, 9*time.Minute)), err: ErrOtherWriter},
		{name: "another group wrote long ago: it is gone",
			config: func(c *Config) { c.Group = "other" },
			commit: never, ledger: ledger(nil, declaredRow(0, 10, 11*time.Minute)),
			want: resumed{From: 0, Commit: true, Redo: [2]int64{0, 10}, Inserted: true}},

		{name: "an older epoch than the ledger's: refused",
			config: func(c *Config) { c.Epoch = 1 },
			commit: never, ledger: Ledger{Epoch: 2, Own: 2, Last: storedRow(0, 100)}, err: ErrEpoch,
			says: "got epoch 1; the ledger has epoch 2"},
		{name: "an older epoch than the group's: refused",
			commit: Committed{Offset: 9, Metadata: mark(3, markDone, "")}, ledger: ledger(storedRow(0, 9), nil),
			err: ErrEpoch},
		{name: "a new epoch: the old commit and the old rows do not count",
			config: func(c *Config) { c.Epoch = 2 },
			commit: done(500), ledger: ledger(storedRow(0, 500), declaredRow(500, 510, time.Hour)),
			log:  [2]int64{0, 20},
			want: resumed{From: 0, Start: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Group = "statline"
			if c.config != nil {
				c.config(&cfg)
			}
			if c.log == [2]int64{} {
				c.log = [2]int64{0, 1000}
			}
			p, err := decide(cfg, known{commit: c.commit, ledger: c.ledger, logStart: c.log[0], lastStable: c.log[1],
				now: resumeNow})
			if !errors.Is(err, c.err) {
				t.Fatalf("got error %v; want %v", err, c.err)
			}
			if err != nil {
				if !errors.Is(err, retry.ErrPermanent) {
					t.Errorf("%v would be retried", err)
				}
				if !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %q; want it to say %q", err, c.says)
				}
				return
			}
			if diff := cmp.Diff(c.want, short(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}
