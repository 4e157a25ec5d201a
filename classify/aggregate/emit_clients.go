package aggregate

import (
	"slices"

	"statline/classify"
)

// emitClients sorts the rows and merges rows that are equal after budgets.
func (t *Table) emitClients(other *Others) {
	o := &t.out
	o.clientRefs = slices.Grow(o.clientRefs[:0], len(t.clients.rows))
	o.clients = slices.Grow(o.clients[:0], len(t.clients.rows))
	o.ofClients = slices.Grow(o.ofClients[:0], len(t.clients.failures))
	merged := t.clientsOverBudget()
	for i := 1; i < len(t.clients.rows); i++ {
		row := &t.clients.rows[i]
		g := t.clientGroups.keys[row.group]
		ip := row.ip
		if len(merged) > 0 && merged[ip] {
			ip = wordsOf(OtherClient)
			other[OfClients] += t.clientRequests(uint32(i))
		}
		what := result(g[1])
		o.clientRefs = append(o.clientRefs, valueRef(minuteIn(g[0]), what.outcome(), ip, uint32(what), uint32(i)))
	}
	o.sort(o.clientRefs)
	for i := range o.clientRefs {
		ref := &o.clientRefs[i]
		row := t.clientRow(ref, len(merged) > 0)
		if i > 0 && o.clientRefs[i-1].w == ref.w {
			last := &o.clients[len(o.clients)-1]
			last.Requests += row.Requests
			if row.ClientFailure == &noClientFailure {
				continue // nor has last one: the outcome is the same
			}
			last.Slots |= row.Slots
			last.Paths.Join(row.Paths)
			last.Keys, o.ids = union(last.Keys, row.Keys, o.ids, keySetSize, hashID, compareIDs)
			continue
		}
		o.clients = append(o.clients, row)
	}
}

func (t *Table) clientRequests(row uint32) uint64 {
	n := uint64(t.clients.rows[row].requests)
	if len(t.carries) > 0 {
		n += t.carried(&t.clients.index, row)
	}
	return n
}

func (t *Table) clientRow(ref *ref, truncated bool) ClientRow {
	o := &t.out
	what := result(ref.what())
	out := ClientRow{
		Minute: ref.minuteOf() * 60, ClientIP: ref.value().array(), Outcome: what.outcome(),
		Code: what.code(), Requests: t.clientRequests(ref.row), Truncated: truncated,
		ClientFailure: &noClientFailure,
	}
	cold := t.clients.cold[ref.row]
	if cold == 0 {
		return out
	}
	f := &t.clients.failures[cold-1]
	o.ofClients = append(o.ofClients, ClientFailure{Slots: f.slots, Paths: f.paths})
	out.ClientFailure = &o.ofClients[len(o.ofClients)-1]
	from := len(o.ids)
	t.clients.keys.each(&f.keys, func(k words) { o.ids = append(o.ids, classify.KeyID(k.array())) })
	out.Keys = sortedArrays(o.ids[from:len(o.ids):len(o.ids)])
	return out
}

// noClientFailure is what rows without failures point to. It is never written to.
var noClientFailure ClientFailure

func hashID(k classify.KeyID) uint64 { return hashArray(k) }

func compareIDs(a, b classify.KeyID) int { return compareArrays(a, b) }
