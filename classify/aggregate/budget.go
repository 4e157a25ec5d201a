package aggregate

import (
	"cmp"
	"maps"
	"slices"

	"statline/classify"
)

// Budgeted is a dimension that has a budget.
type Budgeted uint8

// The dimensions with a budget.
const (
	OfServices Budgeted = iota
	OfRoutes
	OfKeys
	OfClients
	OfErrorTypes
	OfAgents
	OfVersions
	budgets
)

// Name is the dimension's name in metrics.
func (b Budgeted) Name() string {
	return [budgets]string{"service", "route", "key", "client", "error_type", "agent", "version"}[b]
}

// Others counts responses whose name went to __other__, by Budgeted.
type Others [budgets]uint64

// weight is how often a name occurs in the block. Refusals decide first which names
// are kept when there are more than the budget allows.
type weight struct{ refused, requests uint64 }

func (w *weight) add(o classify.Outcome, requests uint64) {
	w.requests += requests
	if classify.Refused.Has(o) {
		w.refused += requests
	}
}

// compare puts the heavier first.
func (w weight) compare(o weight) int {
	return cmp.Or(cmp.Compare(o.refused, w.refused), cmp.Compare(o.requests, w.requests))
}

// overBudget returns the positions (in candidates, which are sorted by name)
// of all but the budget heaviest.
func overBudget(candidates []weight, budget int) []int {
	if len(candidates) <= budget {
		return nil
	}
	order := make([]int, len(candidates))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(candidates[a].compare(candidates[b]), cmp.Compare(a, b))
	})
	return order[budget:]
}

// resolved is how the block's dimensions are named in its rows, after budgets, and the
// ranks of these names.
type resolved struct {
	truncatedServices, truncatedRoutes, truncatedErrors bool

	dimensionRank []uint32 // by number of dimensions; only those in use
	dimensions    []tuple  // by rank
	serviceRank   []uint32 // by number of service; only those in use
	serviceNames  []string // by rank
	errorNames    []string // by number of error type plus one; only those in use
	keyGroups     []keyGroup
	whats         []what // by rank
}

type tuple struct {
	service, route string
	method         method
	errorType      string
}

func (n *tuple) compare(o *tuple) int {
	return cmp.Or(cmp.Compare(n.service, o.service), cmp.Compare(n.route, o.route), cmp.Compare(n.method, o.method),
		cmp.Compare(n.errorType, o.errorType))
}

// keyGroup is a minute and the rank of a what, with what rows have of that.
type keyGroup struct {
	minute, what uint32
	result       result
	service      string
}

// what is everything in a key's row but its minute and its key.
type what struct {
	service   uint32 // its rank
	result    result
	errorType string
}

func (w *what) compare(o *what) int {
	return cmp.Or(cmp.Compare(w.service, o.service), cmp.Compare(w.result, o.result),
		cmp.Compare(w.errorType, o.errorType))
}

// used are dimensions in use in this block.
type used struct {
	tuple
	dimension, number uint32 // number of dimensions, of service
	error             uint32 // number of the error type, plus one
	weight            weight
	merged            bool // its service is beyond the budget
}

func (r *resolved) resolve(t *Table, other *Others) {
	list := usedDimensions(t)
	r.truncatedServices = mergeServices(list, t.config.Budget.Services, other)
	r.truncatedRoutes = mergeRoutes(list, t.config.Budget.Routes, other) || r.truncatedServices
	r.truncatedErrors = mergeErrorTypes(list, t.config.Budget.ErrorTypes, other)
	if r.truncatedRoutes || r.truncatedErrors {
		slices.SortFunc(list, func(a, b used) int { return a.tuple.compare(&b.tuple) })
	}
	r.dimensionRank = slices.Grow(r.dimensionRank[:0], len(t.dimensions.list))[:len(t.dimensions.list)]
	r.serviceRank = slices.Grow(r.serviceRank[:0], len(t.services.list))[:len(t.services.list)]
	r.dimensions, r.serviceNames = r.dimensions[:0], r.serviceNames[:0]
	r.errorNames = slices.Grow(r.errorNames[:0], len(t.errorTypes.list)+1)[:len(t.errorTypes.list)+1]
	for _, u := range list {
		if n := len(r.serviceNames); n == 0 || r.serviceNames[n-1] != u.service {
			r.serviceNames = append(r.serviceNames, u.service)
		}
		if n := len(r.dimensions); n == 0 || r.dimensions[n-1] != u.tuple {
			r.dimensions = append(r.dimensions, u.tuple)
		}
		r.errorNames[u.error] = u.errorType
		r.dimensionRank[u.dimension] = uint32(len(r.dimensions) - 1)
		r.serviceRank[u.number] = uint32(len(r.serviceNames) - 1)
	}
	r.rankGroups(t)
}

// usedDimensions lists the block's dimensions with their weights, sorted by name.
func usedDimensions(t *Table) []used {
	weights := make([]weight, len(t.dimensions.list))
	for i := 1; i < len(t.responses.rows); i++ {
		row := &t.responses.rows[i]
		weights[numberIn(row.cell)].add(row.answer.outcome(), row.requests)
	}
	var list []used
	for i, w := range weights {
		if w.requests > 0 {
			d := &t.dimensions.list[i]
			list = append(list, used{
				tuple:     tuple{d.serviceName, d.route, d.method, d.errorName},
				dimension: uint32(i), number: d.service, error: d.errorType, weight: w})
		}
	}
	slices.SortFunc(list, func(a, b used) int { return a.tuple.compare(&b.tuple) })
	return list
}

// mergeServices renames the services over the budget, and their routes.
func mergeServices(list []used, budget int, other *Others) bool {
	all := make([]*used, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return mergeRunsOf(all, budget, func(a, b *used) bool { return a.number == b.number }, func(u *used) {
		u.merged = true
		u.service, u.route = classify.Other, classify.Other
		other[OfServices] += u.weight.requests
		other[OfRoutes] += u.weight.requests
	})
}

// mergeRoutes renames the routes over the budget, of the services that are kept.
func mergeRoutes(list []used, budget int, other *Others) bool {
	var kept []*used
	for i := range list {
		if !list[i].merged {
			kept = append(kept, &list[i])
		}
	}
	same := func(a, b *used) bool { return a.service == b.service && a.route == b.route }
	return mergeRunsOf(kept, budget, same, func(u *used) {
		u.route = classify.Other
		other[OfRoutes] += u.weight.requests
	})
}

// mergeErrorTypes renames the error types over the budget.
func mergeErrorTypes(list []used, budget int, other *Others) bool {
	byName := map[string]*weight{}
	for i := range list {
		u := &list[i]
		if u.errorType == "" {
			continue
		}
		if byName[u.errorType] == nil {
			byName[u.errorType] = &weight{}
		}
		byName[u.errorType].requests += u.weight.requests
		byName[u.errorType].refused += u.weight.refused
	}
	if len(byName) <= budget {
		return false
	}
	names := slices.Sorted(maps.Keys(byName))
	weights := make([]weight, len(names))
	for i, name := range names {
		weights[i] = *byName[name]
	}
	beyond := map[string]bool{}
	for _, n := range overBudget(weights, budget) {
		beyond[names[n]] = true
	}
	for i := range list {
		if u := &list[i]; beyond[u.errorType] {
			u.errorType = classify.Other
			other[OfErrorTypes] += u.weight.requests
		}
	}
	return true
}

// mergeRunsOf applies rename to the members of all but the budget heaviest
// runs of list, and reports whether there were such.
func mergeRunsOf(list []*used, budget int, same func(a, b *used) bool, rename func(*used)) bool {
	var starts []int
	var weights []weight
	for i := range list {
		if i == 0 || !same(list[i-1], list[i]) {
			starts = append(starts, i)
			weights = append(weights, weight{})
		}
		w := &weights[len(weights)-1]
		w.requests += list[i].weight.requests
		w.refused += list[i].weight.refused
	}
	beyond := overBudget(weights, budget)
	starts = append(starts, len(list))
	for _, n := range beyond {
		for i := starts[n]; i < starts[n+1]; i++ {
			rename(list[i])
		}
	}
	return len(beyond) > 0
}

// rankGroups ranks the (service, outcome, code, error type) of the key groups.
func (r *resolved) rankGroups(t *Table) {
	groups := t.keyGroups.keys
	order := make([]uint32, len(groups))
	names := make([]what, len(groups))
	for i, k := range groups {
		order[i] = uint32(i)
		names[i] = what{r.serviceRank[numberIn(k[0])], result(k[1]), r.errorNames[errorTypeIn(k[1])]}
	}
	slices.SortFunc(order, func(a, b uint32) int { return names[a].compare(&names[b]) })
	r.keyGroups = slices.Grow(r.keyGroups[:0], len(groups))[:len(groups)]
	r.whats = r.whats[:0]
	for _, i := range order {
		if n := len(r.whats); n == 0 || r.whats[n-1] != names[i] {
			r.whats = append(r.whats, names[i])
		}
		r.keyGroups[i] = keyGroup{minuteIn(groups[i][0]), uint32(len(r.whats) - 1), names[i].result,
			r.serviceNames[names[i].service]}
	}
}

// overBudgetSet are the values that the block's rows may not name, sorted.
type overBudgetSet []words

func (s overBudgetSet) has(v words) bool {
	_, found := slices.BinarySearchFunc(s, v, words.compare)
	return found
}

// keysOverBudget returns the keys that the block's rows may not name.
func (t *Table) keysOverBudget() overBudgetSet {
	return t.valuesOverBudget(len(t.keys.rows), t.config.Budget.Keys, func(i uint32) (words, weight) {
		var w weight
		w.add(result(t.keyGroups.keys[t.keys.rows[i].group][1]).outcome(), t.keyRequests(i))
		return t.keys.rows[i].key, w
	})
}

// clientsOverBudget returns the addresses that the block's rows may not name.
func (t *Table) clientsOverBudget() overBudgetSet {
	return t.valuesOverBudget(len(t.clients.rows), t.config.Budget.Clients, func(i uint32) (words, weight) {
		var w weight
		w.add(result(t.clientGroups.keys[t.clients.rows[i].group][1]).outcome(), t.clientRequests(i))
		return t.clients.rows[i].ip, w
	})
}

// valuesOverBudget weighs rows 1 to n-1; row returns the value and the weight of one.
// It returns all values but the budget heaviest.
func (t *Table) valuesOverBudget(n, budget int, row func(i uint32) (words, weight)) (beyond overBudgetSet) {
	if n-1 <= budget {
		return nil
	}
	type heavy struct {
		weight
		words
	}
	var list []heavy
	t.sorted(n-1, func(refs []ref) []ref {
		for i := range uint32(n - 1) {
			value, _ := row(i + 1)
			refs = append(refs, ref{[3]uint64{value[0], value[1]}, i + 1})
		}
		return refs
	}, func(refs []ref) {
		for i := range refs {
			value, w := row(refs[i].row)
			if last := len(list) - 1; last >= 0 && list[last].words == value {
				list[last].refused += w.refused
				list[last].requests += w.requests
				continue
			}
			list = append(list, heavy{w, value})
		}
	})
	if len(list) <= budget {
		return nil
	}
	slices.SortFunc(list, func(a, b heavy) int {
		return cmp.Or(a.weight.compare(b.weight), a.words.compare(b.words))
	})
	for _, x := range list[budget:] {
		beyond = append(beyond, x.words)
	}
	slices.SortFunc(beyond, words.compare)
	return beyond
}
