package aggregate

import (
	"slices"

	"statline/classify"
)

// emitClients puts the rows in the order of their table and merges rows that are equal
// after budgets.
func (t *Table) emitClients(other *Others) {
	o, c := &t.out, &t.clients
	o.clientFailures = slices.Grow(o.clientFailures[:0], len(c.failures))
	beyond := t.clientsOverBudget()
	o.clientsTruncated = len(beyond) > 0
	if o.clientsTruncated {
		for i := 1; i < len(c.rows); i++ {
			if row := &c.rows[i]; beyond.has(row.ip) {
				row.ip = wordsOf(OtherClient)
				other[OfClients] += t.clientRequests(uint32(i))
			}
		}
	}
	t.sorted(len(c.rows)-1, func(refs []ref) []ref {
		for i := 1; i < len(c.rows); i++ {
			row := &c.rows[i]
			g := t.clientGroups.keys[row.group]
			what := result(g[1])
			refs = append(refs, valueRef(minuteIn(g[0]), what.outcome(), row.ip, uint32(what), uint32(i)))
		}
		return refs
	}, func(refs []ref) {
		t.renumber(&c.index, refs)
		permute(refs, func(to, from uint32) { c.rows[to], c.cold[to] = c.rows[from], c.cold[from] })
		t.mergeClients(refs)
	})
}

// mergeClients makes the failures of the sorted rows and merges rows whose refs are
// equal.
func (t *Table) mergeClients(refs []ref) {
	o, c := &t.out, &t.clients
	w := uint32(0)
	for i := range refs {
		from := uint32(i + 1)
		failure := uint32(0)
		if c.cold[from] != 0 {
			o.clientFailures = append(o.clientFailures, t.clientFailure(from))
			failure = uint32(len(o.clientFailures))
		}
		if i > 0 && refs[i-1].w == refs[i].w {
			t.addUp(&c.index, &c.rows[w].requests, w, &c.rows[from].requests, from)
			if failure != 0 { // then row w failed, too: the outcome is the same
				into, f := &o.clientFailures[c.cold[w]-1], &o.clientFailures[failure-1]
				into.Slots |= f.Slots
				into.Paths.Join(f.Paths)
				into.Keys, o.ids = union(into.Keys, f.Keys, o.ids, keySetSize, hashID, compareIDs)
				o.clientFailures = o.clientFailures[:failure-1]
			}
			continue
		}
		w++
		t.moved(&c.index, from, w)
		c.rows[w], c.cold[w] = c.rows[from], failure
	}
	c.rows, c.cold = c.rows[:w+1], c.cold[:w+1]
}

func (t *Table) clientRequests(row uint32) uint64 {
	n := uint64(t.clients.rows[row].requests)
	if len(t.carries) > 0 {
		n += t.carried(&t.clients.index, row)
	}
	return n
}

// clientRow makes row n; 0 is none.
func (t *Table) clientRow(n uint32, out *ClientRow) {
	row := &t.clients.rows[n]
	g := &t.clientGroups.keys[row.group]
	what := result(g[1])
	out.Minute, out.Outcome, out.Code = minuteIn(g[0])*60, what.outcome(), what.code()
	row.ip.put(&out.ClientIP)
	out.Requests, out.Truncated = t.clientRequests(n), t.out.clientsTruncated
	out.ClientFailure = &noClientFailure
	if cold := t.clients.cold[n]; cold != 0 {
		out.ClientFailure = &t.out.clientFailures[cold-1]
	}
}

func (t *Table) listClients() List[ClientRow] {
	return List[ClientRow]{len(t.clients.rows) - 1, func(i int, made *ClientRow) *ClientRow {
		t.clientRow(uint32(i+1), made)
		return made
	}, func(i int, _ part) bool { return t.clients.cold[i+1] != 0 }}
}

func (t *Table) clientFailure(n uint32) ClientFailure {
	o, f := &t.out, &t.clients.failures[t.clients.cold[n]-1]
	from := len(o.ids)
	t.clients.keys.each(&f.keys, func(k words) { o.ids = append(o.ids, classify.KeyID(k.array())) })
	return ClientFailure{Slots: f.slots, Paths: f.paths, Keys: sortedArrays(o.ids[from:len(o.ids):len(o.ids)])}
}

// noClientFailure is what rows without failures point to. It is never written to.
var noClientFailure ClientFailure

func hashID(k classify.KeyID) uint64 { return hashArray(k) }

func compareIDs(a, b classify.KeyID) int { return compareArrays(a, b) }
