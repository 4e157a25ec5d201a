package mend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify/aggregate"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/ingesttest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// crowd are lines of many keys, each of which asks once a minute: rows of keys
// by the hundred thousand.
type crowd struct {
	start, produced time.Time
	n, keys         int
	at              int
}

func (c *crowd) Next(line []byte) ([]byte, int64, uint64, bool) {
	if c.at == c.n {
		return line, 0, 0, false
	}
	i := c.at
	c.at++
	event := c.start.Add(time.Duration(i/c.keys)*time.Minute + time.Duration(i%60)*time.Second)
	line = fmt.Appendf(line, `{"ts":%q,"service":"movies","method":"GET","path":"/3/movie/%d","status":%d,`+
		`"api_key":"0123456789abcdef01234567%08x","client_ip":"203.0.113.%d"}`,
		event.UTC().Format(time.RFC3339), i, 200+i%2*229, i%c.keys, i%200)
	return line, c.produced.UnixMilli(), 0, true
}

// firstChunk stores one table and the first INSERT of keys, and then dies. The
// block before is stored whole.
type firstChunk struct {
	*store.Store
	die func()
}

const oneInsert = 200_000 // rows of one INSERT

func (s *firstChunk) WriteRows(ctx context.Context, id block.ID, c *block.Contents, fence func() error) error {
	half := *c
	half.Rejects = nil
	half.Rows = aggregate.Rows{Responses: c.Rows.Responses,
		Keys: aggregate.ListOf(c.Rows.Keys.All()[:min(oneInsert, c.Rows.Keys.Len())])}
	if err := s.Store.WriteRows(ctx, id, &half, fence); err != nil {
		return err
	}
	s.die()
	return errors.New("killed")
}

// large makes one block of what there is.
func large(c *ingest.Config) {
	c.MemoryBudget = 2 << 30
	c.Block.Limits.MaxAge = time.Hour
	c.Block.StopTimeout = time.Nanosecond
}

// produceCrowd produces four minutes of so many keys or, of few, a hundred lines
// of the last of these minutes, which no rules of the test leave out.
func produceCrowd(t *testing.T, r *ingesttest.Rig, start time.Time, few bool, keys int) {
	t.Helper()
	lines := &crowd{start: start, produced: start.Add(4 * time.Minute), n: 4 * keys, keys: keys}
	if few {
		lines = &crowd{start: start.Add(3 * time.Minute), produced: lines.produced, n: 100, keys: 100}
	}
	one := traffic.ProduceOptions{Partitions: 1}
	if err := traffic.Produce(t.Context(), r.Brokers(), r.Topic, lines, one); err != nil {
		t.Fatal(err)
	}
}

// checksum is what the tables of counts hold, row by row.
func checksum(t *testing.T, s *store.Store) map[string]uint64 {
	t.Helper()
	sums := map[string]uint64{}
	for _, r := range s.Rollups() {
		columns := "minute"
		for _, n := range r.Dimensions() {
			columns += ", " + r.Columns[n].Name
		}
		sums[r.Name] = storetest.Number(t, s,
			"(SELECT sum(cityHash64("+columns+", n)) FROM (SELECT "+columns+", sum(requests) AS n FROM "+
				s.Table(schema.Table(r.Name))+" GROUP BY "+columns+"))")
	}
	sums["rejects"] = storetest.Number(t, s, "(SELECT uniqExact(offset, idx) FROM "+s.Table(schema.Rejects)+")")
	return sums
}

// Promise: a block that was killed after some of its tables, and whose rules have
// changed since, by an upgrade or back again, is finished to exactly its rows; or
// it is refused, and repaired to exactly what the rules of now make of it. Other
// blocks of those hours stay what they are. (make test-kill does the same with
// blocks of several INSERTs a table.)
func TestLongDeclaredUnderOtherRules(t *testing.T) { declaredUnderOtherRules(t, 120) }

// declaredUnderOtherRules has four minutes of so many keys.
func declaredUnderOtherRules(t *testing.T, keys int) {
	wide := ingesttest.Folding()
	narrow := wide // five seconds less: what is older is a reject
	narrow.MaxAge = 3*time.Minute + 55*time.Second
	forget := func(t *testing.T, s *store.Store) {
		storetest.Exec(t, s, "TRUNCATE TABLE "+s.Table(schema.Configs))
	}
	newer := func(t *testing.T, s *store.Store) {
		storetest.Exec(t, s, "ALTER TABLE "+s.Table(schema.Configs)+
			` UPDATE body = replaceOne(body, '{', '{"of_tomorrow":1,') WHERE 1 SETTINGS mutations_sync = 2`)
	}
	start := time.Now().Truncate(time.Hour).Add(-time.Hour)
	wants := map[time.Duration]map[string]uint64{}
	for _, under := range []fold.Config{wide, narrow} {
		r := ingesttest.New(t, fmt.Sprintf("declared_%d_want_%d", keys, len(wants)))
		r.Fold = under
		for _, few := range []bool{true, false} {
			produceCrowd(t, r, start, few, keys)
			if err := r.Run(t.Context(), large); err != nil {
				t.Fatal(err)
			}
		}
		wants[under.MaxAge] = checksum(t, r.Store)
	}
	for name, c := range map[string]declaredCase{
		"rules_changed":       {declared: wide, now: narrow, want: wide},
		"rules_changed_back":  {declared: narrow, now: wide, want: narrow},
		"upgrade":             {declared: wide, now: narrow, change: forget, refused: true, want: narrow},
		"rollback":            {declared: narrow, now: wide, change: newer, refused: true, want: wide},
		"forgotten_and_other": {declared: wide, now: narrow, age: -1, refused: true, want: wide},
	} {
		t.Run(name, func(t *testing.T) {
			r := ingesttest.New(t, fmt.Sprintf("declared_%d_%s", keys, name))
			c.dieInMidBlock(t, r, start, keys)
			c.finish(t, r, 4*keys > oneInsert)
			r.Audit()
			if diff := cmp.Diff(wants[c.want.MaxAge], checksum(t, r.Store)); diff != "" {
				t.Errorf("rows (-want +got)\n%s", diff)
			}
		})
	}
}

// declaredCase is a block that was declared under some rules and is finished
// under others.
type declaredCase struct {
	declared, now fold.Config
	change        func(*testing.T, *store.Store) // of the stored configurations
	age           time.Duration                  // of tokens; 0: they are remembered
	refused       bool
	want          fold.Config
}

func (c *declaredCase) dieInMidBlock(t *testing.T, r *ingesttest.Rig, start time.Time, keys int) {
	t.Helper()
	r.Fold = c.declared
	produceCrowd(t, r, start, true, keys)
	if err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	produceCrowd(t, r, start, false, keys)
	ctx, die := context.WithCancel(t.Context())
	r.Into = &firstChunk{Store: r.Store, die: die}
	_ = r.Run(ctx, large) // dies
	r.Into = r.Store
	if n := storetest.Number(t, r.Store, "(SELECT count() FROM "+r.Store.Table(schema.Clients)+")"); n > 200 {
		t.Fatalf("got %d rows of clients; want those of the block before only", n)
	}
	if c.change != nil {
		c.change(t, r.Store)
	}
	r.Fold = c.now
}

func (c *declaredCase) finish(t *testing.T, r *ingesttest.Rig, several bool) {
	t.Helper()
	change := func(cfg *ingest.Config) {
		large(cfg)
		if c.age != 0 {
			cfg.Block.Tokens.Age = c.age
		}
	}
	err := r.Run(t.Context(), change)
	if errors.Is(err, block.ErrPartialBlock) != c.refused || err != nil && !c.refused {
		t.Fatalf("got error %v; want refused %v", err, c.refused)
	}
	if !c.refused {
		return
	}
	repair := repairOf(t, r)
	if c.age != 0 {
		repair.Block.Tokens.Age = c.age
	}
	report, err := repair.Run(t.Context(), []int32{0})
	if err != nil {
		t.Fatal(err)
	}
	// What is there of a block of its own rules, an INSERT a table, is told from
	// the sums.
	if anew := several || c.change != nil; len(report.Blocks) != 1 || (report.From == 2) != anew ||
		len(report.Rebuilt) > 0 != anew {
		t.Errorf("got %+v; want one block, and its hour made anew from two: %v", report, anew)
	}
	if err := r.Run(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// Promise: when another block of the hours cannot be read again as it was stored,
// nothing is deleted, and the refusal names the version that can finish the block.
func TestRebuildDeletesNothingItCannotRestore(t *testing.T) {
	r := ingesttest.New(t, "rebuild_refused")
	c := &declaredCase{declared: ingesttest.Folding(), now: ingesttest.Folding()}
	c.now.Decode.Format = "haproxy" // decodes nothing, of the other block neither
	c.change = func(t *testing.T, s *store.Store) { storetest.Exec(t, s, "TRUNCATE TABLE "+s.Table(schema.Configs)) }
	c.dieInMidBlock(t, r, time.Now().Truncate(time.Hour).Add(-time.Hour), 120)
	before := checksum(t, r.Store)
	_, err := repairOf(t, r).Run(t.Context(), []int32{0})
	if err == nil || !strings.Contains(err.Error(), "read again, has") ||
		!strings.Contains(err.Error(), "run that version once") {
		t.Errorf("got error %v; want one that says what differs and what to do", err)
	}
	if diff := cmp.Diff(before, checksum(t, r.Store)); diff != "" {
		t.Errorf("a refused repair changed rows (-before +after)\n%s", diff)
	}
}
