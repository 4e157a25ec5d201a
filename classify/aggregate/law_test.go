package aggregate

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"statline/classify"
)

// The rows of any set of responses are what the definition says, in any order
// and however the set is split; below the budgets, merging the rows of the
// parts gives the rows of the whole.
func TestMergeLaw(t *testing.T) {
	table := New(DefaultConfig())
	for seed := range uint64(24) {
		rng := rand.New(rand.NewPCG(1, seed))
		c := DefaultConfig()
		c.SlotSeconds, c.SetSize, c.SampleSlots = 1+rng.IntN(30), 1+rng.IntN(4), 1+rng.IntN(3)
		if seed%3 == 0 {
			c = DefaultConfig()
		}
		items := randomItems(rng, 1+rng.IntN(800))
		parts := make([]Rows, len(items))
		for i := range items {
			parts[i] = single(c, &items[i], plain(&items[i]))
		}
		want := mergeAll(c, parts...)

		whole := fold(New(c), items)
		wantRows(t, "whole", whole, want)

		rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		c.Seed = rng.Uint64() // where rows lie changes nothing
		wantRows(t, "shuffled", fold(New(c), items), want)

		var split []Rows
		for rest := items; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			split = append(split, fold(New(c), rest[:n]))
			rest = rest[n:]
		}
		wantRows(t, "merged parts", mergeAll(c, split...), want)

		if c.SetSize == table.config.SetSize {
			// A table that has seen other blocks gives the same.
			fold(table, randomItems(rng, 500))
			wantRows(t, "used table", fold(table, items), want)
			wantRows(t, "asked twice", table.Rows(), want)
		}
	}
}

// No response gives no row.
func TestEmptyTable(t *testing.T) {
	wantRows(t, "empty", New(DefaultConfig()).Rows(), Rows{})
}

// weigh is the definition of what a budget keeps.
func weigh(items []item, budget int, name func(it *item) string) map[string]bool {
	weights := map[string]weight{}
	for i := range items {
		n := name(&items[i])
		if n == "" {
			continue
		}
		w := weights[n]
		w.requests++
		switch items[i].d.Outcome {
		case classify.RateLimited, classify.SuspendedKey, classify.DisabledAccount, classify.InvalidKey,
			classify.UnverifiedAccount, classify.AuthFailed, classify.AccessDenied:
			w.refused++
		}
		weights[n] = w
	}
	order := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(cmp.Compare(weights[b].refused, weights[a].refused),
			cmp.Compare(weights[b].requests, weights[a].requests), cmp.Compare(a, b))
	})
	kept := map[string]bool{}
	for _, n := range order[:min(budget, len(order))] {
		kept[n] = true
	}
	return kept
}

// Above a budget the most refused names are kept, then the most requested,
// then by name; the rest is __other__ with exact totals, and every row of the
// table is flagged.
func TestBudgets(t *testing.T) {
	for _, b := range []Budget{
		{Services: 2}, {Services: 1, Routes: 2}, {Routes: 4}, {Keys: 3}, {Clients: 5}, {ErrorTypes: 2}, {Agents: 3},
		{Versions: 1}, {2, 3, 1, 1, 1, 1, 2},
	} {
		for seed := range uint64(4) {
			rng := rand.New(rand.NewPCG(2, seed))
			c := Config{Budget: b}.withDefaults()
			items := randomItems(rng, 700)
			t.Run(fmt.Sprintf("%v/%d", b, seed), func(t *testing.T) {
				want, other := overBudgetRows(c, items)
				got := fold(New(c), items)
				if got.Other != other {
					t.Errorf("got others %v; want %v", got.Other, other)
				}
				got.Other = Others{}
				wantRows(t, "over budget", got, want)
				rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
				got = fold(New(c), items)
				got.Other = Others{}
				wantRows(t, "shuffled", got, want)
			})
		}
	}
}

// overBudgetRows is the definition of a block's rows under budgets.
func overBudgetRows(c Config, items []item) (rows Rows, other Others) {
	services := weigh(items, c.Budget.Services, func(it *item) string { return string(it.r.Service) })
	routes := weigh(items, c.Budget.Routes, func(it *item) string {
		if !services[string(it.r.Service)] {
			return ""
		}
		return string(it.r.Service) + "\x00" + string(it.r.Route)
	})
	keys := weigh(items, c.Budget.Keys, func(it *item) string { return named(it.r.Key) })
	errorTypes := weigh(items, c.Budget.ErrorTypes, func(it *item) string { return plain(it).errorType })
	clients := weigh(items, c.Budget.Clients, func(it *item) string { return named(it.r.ClientIP) })
	agents := weigh(items, c.Budget.Agents, func(it *item) string { return agentKey(plain(it)) })
	var parts []Rows
	var names []naming
	for i := range items {
		it := &items[i]
		n := plain(it)
		if it.r.Agent != (classify.Agent{}) && !agents[agentKey(n)] {
			n.agent = classify.Other
			other[OfAgents]++
		}
		if !services[n.service] {
			n.service, n.route = classify.Other, classify.Other
			other[OfServices]++
			other[OfRoutes]++
		} else if !routes[n.service+"\x00"+n.route] {
			n.route = classify.Other
			other[OfRoutes]++
		}
		if it.r.Key != (classify.KeyID{}) && !keys[named(n.key)] {
			n.key = classify.OtherKey
			other[OfKeys]++
		}
		if it.r.ClientIP != ([16]byte{}) && !clients[named(n.client)] {
			n.client = OtherClient
			other[OfClients]++
		}
		if n.errorType != "" && !errorTypes[n.errorType] {
			n.errorType = classify.Other
			other[OfErrorTypes]++
		}
		names = append(names, n)
	}
	other[OfVersions] = otherVersions(c, items, names)
	for i := range items {
		parts = append(parts, single(c, &items[i], names[i]))
	}
	rows = mergeAll(c, parts...)
	for _, list := range [][]ResponseRow{rows.Responses, rows.ResponsesHour} {
		for i := range list {
			list[i].Truncated = other[OfRoutes] > 0 || other[OfErrorTypes] > 0
		}
	}
	for _, list := range []*List[KeyRow]{&rows.Keys, &rows.KeysHour} {
		all := list.All()
		for i := range all {
			all[i].Truncated = other[OfKeys] > 0 || other[OfServices] > 0 || other[OfErrorTypes] > 0
		}
		*list = ListOf(all)
	}
	all := rows.Clients.All()
	for i := range all {
		all[i].Truncated = other[OfClients] > 0
	}
	rows.Clients = ListOf(all)
	for _, list := range [][]AgentRow{rows.Agents, rows.AgentsHour} {
		for i := range list {
			list[i].Truncated = other[OfAgents] > 0 || other[OfServices] > 0
		}
	}
	return rows, other
}

// otherVersions renames the versions beyond the budget of a minute of a service.
func otherVersions(c Config, items []item, names []naming) (other uint64) {
	type place struct {
		minute  uint32
		service string
	}
	at := func(i int) place {
		return place{uint32(min(max(items[i].r.UnixMilli, 0)/60_000, 1<<32/60)), names[i].service}
	}
	requests := map[place]map[string]int{}
	for i := range items {
		if names[i].version == "" {
			continue
		}
		if requests[at(i)] == nil {
			requests[at(i)] = map[string]int{}
		}
		requests[at(i)][names[i].version]++
	}
	beyond := map[place]map[string]bool{}
	for p, of := range requests {
		order := slices.SortedFunc(maps.Keys(of), func(a, b string) int {
			return cmp.Or(of[b]-of[a], cmp.Compare(a, b))
		})
		beyond[p] = map[string]bool{}
		for _, v := range order[min(c.Budget.Versions, len(order)):] {
			beyond[p][v] = true
		}
	}
	for i := range items {
		if beyond[at(i)][names[i].version] {
			names[i].version = classify.Other
			other++
		}
	}
	return other
}

// agentKey orders agents by their name, then by their class; "" for none.
func agentKey(n naming) string {
	if n.class == "" {
		return ""
	}
	return n.agent + "\x00" + n.class
}

func named(b [16]byte) string {
	if b == ([16]byte{}) {
		return ""
	}
	return string(b[:])
}

// A flood of made-up keys cannot hide the key that is really refused.
func TestFloodKeepsOffender(t *testing.T) {
	c := DefaultConfig()
	c.Budget.Keys = 10
	table := New(c)
	var r classify.Response
	r.Reset()
	r.UnixMilli, r.Service = 1_700_000_000_000, []byte("movies")
	offender := classify.KeyID{0xee}
	for i := range 5000 {
		r.Key, r.Code, r.Status = classify.KeyID{1, byte(i >> 8), byte(i)}, 7, 401
		if i%500 == 0 {
			r.Key, r.Code = offender, 10
		}
		add(table, &r, Position{0, int64(i)})
	}
	rows := table.Rows()
	keys := rows.Keys.All()
	i := slices.IndexFunc(keys, func(k KeyRow) bool { return k.Key == offender })
	if i < 0 || keys[i].Requests != 10 || !keys[i].Truncated {
		t.Fatalf("the offender is not among the %d named keys", len(keys))
	}
	if len(keys) != 11 || rows.Other[OfKeys] != 4990-9 {
		t.Errorf("got %d rows, %d responses under __other__", len(keys), rows.Other[OfKeys])
	}
}

// Of a key's several names the latest wins, whatever the order; keys beyond
// the budget are not named.
func TestKeyNames(t *testing.T) {
	var items []item
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range 300 {
		items = append(items, randomItems(rng, 1)...)
		items[i].r.UnixMilli -= items[i].r.UnixMilli % 60_000 // many at one time
		items[i].r.KeyName = fmt.Appendf(nil, "name-%d", rng.IntN(4))
		items[i].at.Offset = int64(i)
	}
	type latest struct {
		milli int64
		name  string
	}
	want := map[classify.KeyID]latest{}
	for i := range items {
		r := &items[i].r
		l := latest{r.UnixMilli, string(r.KeyName)}
		old, ok := want[r.Key]
		if r.Key != (classify.KeyID{}) && (!ok || l.milli > old.milli || l.milli == old.milli && l.name > old.name) {
			want[r.Key] = l
		}
	}
	for _, budget := range []int{1000, 3} {
		c := DefaultConfig()
		c.Budget.Keys = budget
		rows := fold(New(c), items)
		named := map[classify.KeyID]bool{}
		for _, k := range rows.Keys.All() {
			named[k.Key] = true
		}
		delete(named, classify.OtherKey)
		if len(rows.KeyNames) != len(named) || len(named) != min(budget, len(want)) {
			t.Errorf("budget %d: got %d names of %d keys", budget, len(rows.KeyNames), len(named))
		}
		for i, n := range rows.KeyNames {
			if n.Name != want[n.Key].name || !named[n.Key] {
				t.Errorf("got %+v; want %+v", n, want[n.Key])
			}
			if i > 0 && bytes.Compare(rows.KeyNames[i-1].Key[:], n.Key[:]) >= 0 {
				t.Error("names are not sorted")
			}
		}
	}
}

// Samples of several responses at one position do not depend on their order.
func TestSamplesOfOneRecord(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	items := randomItems(rng, 200)
	for i := range items {
		items[i].at = Position{1, 7}
		if i > 0 && i%2 == 0 { // differs by its method only
			items[i].r = items[i-1].r
			items[i].r.Method = []byte("PUT")
			items[i].d = items[i-1].d
		}
	}
	want := slices.Clone(fold(New(DefaultConfig()), items).Samples)
	for range 20 {
		rng.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		got := fold(New(DefaultConfig()), items).Samples
		wantRows(t, "samples", Rows{Samples: got}, Rows{Samples: want})
	}
}
