package aggregate

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"sync"
	"testing"

	"statline/classify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func add(t *Table, r *classify.Response, at Position) { t.Add(r, classify.Builtin().Decide(r), at) }

// The rows of a handful of responses, looked at one by one.
func TestRowsOfOneMinute(t *testing.T) {
	table := New(DefaultConfig())
	var r classify.Response
	r.Reset()
	r.UnixMilli = 1_700_000_000_000 // 22:13:20
	r.Service, r.Route, r.Method = []byte("movies"), []byte("/3/movie/{id}"), []byte("get")
	r.Key = classify.KeyID{1}
	r.ClientIP = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 7}
	r.UserAgent = []byte("agent/1")
	r.LatencyMicros, r.Bytes = 1500, 100
	r.Status, r.Code = 429, 25
	r.Message = []byte("Your request count (41) is over the allowed limit of (40).")
	add(table, &r, Position{0, 1})
	r.UnixMilli += 30_000
	add(table, &r, Position{0, 2})
	r.Status, r.Code, r.Message = 200, 1, nil
	add(table, &r, Position{0, 3})

	rows := table.Rows()
	if rows.Responded != 3 || len(rows.Responses) != 2 || len(rows.ResponsesHour) != 2 || len(rows.Services) != 2 {
		t.Fatalf("got %+v", rows)
	}
	if s := rows.Responses[1]; s.Outcome != classify.RateLimited || s.Requests != 2 || s.Bytes != 200 ||
		s.Method != "GET" ||
		s.Minute != 1_699_999_980 || s.HTTPStatus != 429 || len(s.LatencyBuckets) != 1 || s.LatencyCounts[0] != 2 {
		t.Errorf("got %+v", s)
	}
	k := rows.Keys.At(0)
	if k.CountMax != 41 || k.LimitMax != 40 || k.Slots != 1<<2|1<<5 || k.FirstSeen != 1_700_000_000 ||
		k.LastSeen != 1_700_000_030 ||
		len(k.ClientIPs) != 1 || k.ClientIPs[0] != r.ClientIP || len(k.UserAgents) != 1 ||
		k.UserAgents[0] != "agent/1" {
		t.Errorf("got %+v", k)
	}
	if c := rows.Clients.At(0); c.Requests != 2 || c.Slots != k.Slots || len(c.Keys) != 1 || c.Keys[0] != r.Key {
		t.Errorf("got %+v", c)
	}
	if len(rows.Samples) != 3 || rows.KeysHour.At(0).Slots != 0 || rows.Days[0] != (DayCount{19675, 3, 3, 3, 0}) {
		t.Errorf("got samples %+v, hours %+v, days %+v", rows.Samples, rows.KeysHour.All(), rows.Days)
	}
}

// A fold of fixed responses gives the rows in testdata, byte by byte: whoever
// changes a row on purpose sees which. (-update writes them anew.)
func TestGoldenFold(t *testing.T) {
	rows := fold(New(DefaultConfig()), randomItems(rand.New(rand.NewPCG(2026, 1)), 40))
	var got []byte
	v := reflect.ValueOf(rows)
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		if all := field.MethodByName("All"); field.Kind() == reflect.Struct && all.IsValid() {
			field = all.Call(nil)[0] // a list's rows
		}
		if field.Kind() != reflect.Slice {
			got = fmt.Appendf(got, "%s: %v\n", name, field)
			continue
		}
		for n := range field.Len() {
			got = append(appendRow(append(got, name+":"...), field.Index(n)), '\n')
		}
	}
	file := filepath.Join("testdata", "fold.txt")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the fold's rows differ from %s; see git diff after go test -update", file)
	}
}

// appendRow appends a row's fields by name, and those of what it points to.
func appendRow(b []byte, row reflect.Value) []byte {
	for i := range row.NumField() {
		if field := row.Field(i); field.Kind() == reflect.Pointer {
			b = appendRow(b, field.Elem())
		} else {
			b = fmt.Appendf(b, " %s:%v", row.Type().Field(i).Name, field)
		}
	}
	return b
}

// Add does not allocate once the table has seen as many names: the memory of
// the block before is enough, sets, samples and key names included.
func TestAddDoesNotAllocate(t *testing.T) {
	items := randomItems(rand.New(rand.NewPCG(1, 1)), 3000)
	for i := range items {
		items[i].r.KeyName = []byte("customer")
	}
	table := New(DefaultConfig())
	fold(table, items)
	n := testing.AllocsPerRun(10, func() {
		table.Reset()
		for i := range items {
			table.Add(&items[i].r, classify.Builtin().Decide(&items[i].r), items[i].at)
		}
		table.MemoryBytes() // adds what is pending
	})
	if n != 0 {
		t.Errorf("got %v allocations in a block; want 0", n)
	}
}

// MemoryBytes is 0 for an empty table, grows with names and not with
// responses, and covers what the block's rows take.
func TestMemoryBytes(t *testing.T) {
	table := New(DefaultConfig())
	if got := table.MemoryBytes(); got != 0 {
		t.Errorf("a new table: got %d; want 0", got)
	}
	items := randomItems(rand.New(rand.NewPCG(1, 2)), 2000)
	fold(table, items)
	once := table.MemoryBytes()
	table.Reset()
	if got := table.MemoryBytes(); got != 0 {
		t.Errorf("after Reset: got %d; want 0", got)
	}
	for range 20 {
		for i := range items {
			table.Add(&items[i].r, items[i].d, items[i].at)
		}
	}
	if got := table.MemoryBytes(); got > once+once/10 {
		t.Errorf("the same names 20 times take %d; want about %d", got, once)
	}
	table.Reset()
	var r classify.Response
	r.Reset()
	r.Code, r.Status = 25, 429
	before := 0
	for i := range 5 {
		for k := range 1000 {
			r.Key = classify.KeyID{byte(i), byte(k >> 8), byte(k)}
			r.ClientIP = [16]byte{byte(i), byte(k >> 8), byte(k)}
			add(table, &r, Position{0, int64(k)})
		}
		got := table.MemoryBytes()
		if got < before+1000*300 {
			t.Errorf("%d keys and clients take %d bytes; want at least %d", 1000*(i+1), got, before+1000*300)
		}
		before = got
	}
}

// A row's 32-bit request count may overflow; the rows' counts do not.
func TestRequestsBeyond32Bits(t *testing.T) {
	table := New(DefaultConfig())
	var r classify.Response
	r.Reset()
	r.Status, r.Key, r.ClientIP = 200, classify.KeyID{1}, [16]byte{2}
	add(table, &r, Position{})
	table.flush()
	table.keys.rows[1].requests = math.MaxUint32 - 1
	table.clients.rows[1].requests = math.MaxUint32 - 1
	for range 5 {
		add(table, &r, Position{})
	}
	const want = math.MaxUint32 - 1 + 5
	if rows := table.Rows(); rows.Keys.At(0).Requests != want || rows.KeysHour.At(0).Requests != want ||
		rows.Clients.At(0).Requests != want {
		t.Errorf("got %d, %d, %d; want %d", rows.Keys.At(0).Requests, rows.KeysHour.At(0).Requests,
			rows.Clients.At(0).Requests, uint64(want))
	}
}

// Counts beyond 32 bits stay with their rows when these are sorted, and add up where
// rows are merged over a budget.
func TestRequestsBeyond32BitsMove(t *testing.T) {
	const keys, large = 40, math.MaxUint32
	for _, budget := range []int{keys, 3} {
		config := DefaultConfig()
		config.Budget.Keys, config.Budget.Clients = budget, budget
		table := New(config)
		var r classify.Response
		r.Reset()
		r.Status = 200
		for round := range 3 {
			for i := range keys {
				r.Key, r.ClientIP = classify.KeyID{byte(i * 37), 1}, [16]byte{byte(i * 91), 2}
				add(table, &r, Position{})
			}
			table.flush()
			for i := range keys * min(1, 1-round) {
				table.keys.rows[i+1].requests, table.clients.rows[i+1].requests = large-uint32(i&1), large-uint32(i&1)
			}
		}
		rows := table.Rows()
		sums := [3]uint64{}
		for i, of := range []List[KeyRow]{rows.Keys, rows.KeysHour} {
			for _, k := range of.All() {
				sums[i] += k.Requests
				if k.Requests < large+1 {
					t.Errorf("budget %d: key %s: got %d requests; want more than 32 bits", budget, k.Key, k.Requests)
				}
			}
		}
		for _, c := range rows.Clients.All() {
			sums[2] += c.Requests
		}
		want := uint64(keys*(large+2) - keys/2)
		if sums != [3]uint64{want, want, want} || rows.Keys.Len() != min(keys, budget+1) {
			t.Errorf("budget %d: got %d in %d rows; want %d each", budget, sums, rows.Keys.Len(), want)
		}
	}
}

// Tables that share the memory they sort in make the rows that they make alone, and
// their lists are read by several goroutines.
func TestTablesShareASorter(t *testing.T) {
	items := randomItems(rand.New(rand.NewPCG(5, 6)), 3000)
	alone := fold(New(DefaultConfig()), items)
	want, days := withoutEmpty(listedOf(alone)), map[string]map[int64]uint64{}
	for _, rollup := range Rollups() {
		days[rollup.Name] = rollup.Of(&alone).Days()
	}
	var s Sorter
	var mu sync.Mutex
	lend := func(use func(*Sorter)) {
		mu.Lock()
		defer mu.Unlock()
		use(&s)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			rows := fold(NewWith(DefaultConfig(), lend), items)
			var readers sync.WaitGroup
			for _, rollup := range Rollups() {
				readers.Go(func() {
					if got, want := rollup.Of(&rows).Days(), days[rollup.Name]; !maps.Equal(got, want) {
						t.Errorf("%s: got %v; want %v", rollup.Name, got, want)
					}
				})
			}
			readers.Wait()
			if !reflect.DeepEqual(withoutEmpty(listedOf(rows)), want) {
				t.Error("a shared sorter changes rows")
			}
		})
	}
	wait.Wait()
}

// Most rows are of keys: a success takes less than the row that is made of it and what
// sorts it would.
func TestSuccessesOfKeysAreSmall(t *testing.T) {
	table := New(DefaultConfig())
	var r classify.Response
	r.Reset()
	r.Status = 200
	for i := range 10_000 {
		r.Key = classify.KeyID{byte(i >> 8), byte(i)}
		add(table, &r, Position{})
	}
	if got := table.MemoryBytes() / 10_000; got > 100 {
		t.Errorf("a key takes %d bytes; want at most 100", got)
	}
}

// Add between Rows and Reset is a mistake that must not go unnoticed.
func TestAddAfterRowsPanics(t *testing.T) {
	table := New(DefaultConfig())
	table.Rows()
	defer func() {
		if recover() == nil {
			t.Error("Add after Rows did not panic")
		}
	}()
	var r classify.Response
	r.Reset()
	add(table, &r, Position{})
}

// Names that a table remembers are bounded, and forgetting them changes no row.
func TestNamesAreForgotten(t *testing.T) {
	items := randomItems(rand.New(rand.NewPCG(6, 6)), 500)
	want := fold(New(DefaultConfig()), items)
	table := New(DefaultConfig())
	var r classify.Response
	r.Reset()
	r.Code, r.Status, r.Key = 7, 401, classify.KeyID{1}
	for i := range knownNames + 10 {
		r.Service = fmt.Appendf(nil, "service-%d", i)
		r.UserAgent = fmt.Appendf(nil, "agent-%d", i)
		add(table, &r, Position{0, int64(i)})
	}
	if rows := table.Rows(); rows.Other[OfServices] != knownNames+10-1000 {
		t.Errorf("got %d under __other__", rows.Other[OfServices])
	}
	table.Reset()
	if n := len(table.services.list) + len(table.userAgents.list) + len(table.dimensions.list); n != 0 {
		t.Errorf("still knows %d names", n)
	}
	wantRows(t, "after forgetting", fold(table, items), want)
}

// Methods are those of HTTP in any case, OTHER, or not told.
func TestMethodOf(t *testing.T) {
	for name, want := range map[string]string{
		"GET": "GET", "get": "GET", "Post": "POST", "PATCH": "PATCH", "trace": "TRACE", "CONNECT": "CONNECT",
		"HEAD": "HEAD", "PUT": "PUT", "DELETE": "DELETE", "OPTIONS": "OPTIONS", "": "",
		"PURGE": "OTHER", "other": "OTHER", "GETS": "OTHER", "\xff\xfe": "OTHER",
	} {
		if got := methodOf([]byte(name)).String(); got != want {
			t.Errorf("%q: got %q; want %q", name, got, want)
		}
	}
	for i := 1; i < len(methodNames); i++ {
		if methodNames[i-1] >= methodNames[i] {
			t.Errorf("%q is not before %q", methodNames[i-1], methodNames[i])
		}
	}
}

// Every distinct value has one number, which stays, through growing and
// shrinking; also when all hashes collide in their low bits.
func TestIndex(t *testing.T) {
	var p pairs
	p.reset()
	for range 3 {
		for round := range 2 {
			for i := range uint64(5000) {
				n, fresh := p.number([2]uint64{i, i % 3})
				if n != uint32(i) || fresh != (round == 0) {
					t.Fatalf("round %d: %d has number %d, fresh %v", round, i, n, fresh)
				}
			}
		}
		p.reset()
	}
	size := len(p.slots)
	for range 20 {
		p.number([2]uint64{1, 1})
		p.reset()
	}
	if len(p.slots) >= size || len(p.slots) < minSlots {
		t.Errorf("got %d slots after small blocks; want fewer than %d and at least %d", len(p.slots), size, minSlots)
	}
	var x index
	x.reset()
	for i := range uint32(1000) {
		h := i << 20
		row, at := x.probe(h, h)
		for row != 0 && x.hashes[row] != h {
			row, at = x.probe(h, at+1)
		}
		if row != 0 {
			t.Fatalf("hash %x is row %d already", h, row)
		}
		if row = x.insert(h, at); row != i+1 {
			t.Fatalf("got row %d; want %d", row, i+1)
		}
	}
	for i := range uint32(1000) {
		h := i << 20
		row, at := x.probe(h, h)
		for row != 0 && row != i+1 {
			row, at = x.probe(h, at+1)
		}
		if row == 0 {
			t.Fatalf("row %d is not found", i+1)
		}
	}
}

// What is too long is cut, in sets and in samples.
func TestTextsAreCut(t *testing.T) {
	table := New(DefaultConfig())
	var r classify.Response
	r.Reset()
	r.Status, r.Key = 401, classify.KeyID{1}
	long := make([]byte, 5000)
	for i := range long {
		long[i] = 'x'
	}
	r.UserAgent, r.Path, r.Message, r.RequestID = long, long, long, long
	add(table, &r, Position{})
	rows := table.Rows()
	s := rows.Samples[0]
	if len(rows.Keys.At(0).UserAgents[0]) != maxUserAgent || len(s.UserAgent) != maxUserAgent ||
		len(s.Path) != maxSampleText || len(s.Message) != maxSampleText || len(s.RequestID) != maxSampleText {
		t.Errorf("got a user agent of %d, a sample of %d %d %d %d bytes", len(rows.Keys.At(0).UserAgents[0]),
			len(s.UserAgent), len(s.Path), len(s.Message), len(s.RequestID))
	}
}

// sortRefs sorts whatever the numbers share.
func TestSortRefs(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, n := range []int{0, 1, 2, few, few + 1, 100, 5000, 20_000} {
		for shape := range 6 {
			refs := make([]ref, n)
			for i := range refs {
				w := [3]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()}
				switch shape {
				case 1: // equal
					w = [3]uint64{1, 2, 3}
				case 2: // differ at the end, or across a word's border
					w = [3]uint64{7, 9, w[2] >> 56}
				case 3:
					w = [3]uint64{7 | w[0]&1, w[1] &^ 0xffff_ffff, 0}
				case 4: // two clusters
					w = [3]uint64{w[0] & 1 << 63, w[1] & 3, w[2] & 0xf00}
				case 5: // nearly all equal
					w = [3]uint64{0, 0, max(w[2]>>50, 16300)}
				}
				refs[i] = ref{w, uint32(i)}
			}
			want := slices.Clone(refs)
			sort.SliceStable(want, func(i, j int) bool { return want[i].less(&want[j]) })
			sortRefs(refs, make([]ref, n))
			seen := make([]bool, n)
			for i := range refs {
				if refs[i].w != want[i].w || seen[refs[i].row] {
					t.Fatalf("%d refs of shape %d: position %d holds %v; want %v", n, shape, i, refs[i], want[i])
				}
				seen[refs[i].row] = true
			}
		}
	}
}
