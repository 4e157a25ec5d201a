package aggregate

import (
	"cmp"
	"slices"

	"statline/classify"
)

// emitKeys sorts the rows and merges rows that are equal after budgets. It returns the
// keys that went to OtherKey.
func (t *Table) emitKeys(other *Others) map[words]bool {
	o := &t.out
	o.keyRefs = slices.Grow(o.keyRefs[:0], len(t.keys.rows))
	o.keys = slices.Grow(o.keys[:0], len(t.keys.rows))
	o.keyFailures = slices.Grow(o.keyFailures[:0], 2*len(t.keys.failures)) // with those of the hours
	o.keyQuotas = slices.Grow(o.keyQuotas[:0], 3*len(t.keys.quotas))       // merged, and with those of the hours
	groups := o.resolved.keyGroups
	merged := t.keysOverBudget()
	for i := 1; i < len(t.keys.rows); i++ {
		row := &t.keys.rows[i]
		g := &groups[row.group]
		key := spelled(row.key)
		if len(merged) > 0 && merged[row.key] {
			key = otherSpelled
			other[OfKeys] += t.keyRequests(uint32(i))
		}
		outcome := o.resolved.whats[g.what].result.outcome()
		o.keyRefs = append(o.keyRefs, valueRef(g.minute, outcome, key, g.what, uint32(i)))
	}
	o.sort(o.keyRefs)
	truncated := len(merged) > 0 || o.resolved.truncatedServices || o.resolved.truncatedErrors
	w := 0
	for i := range o.keyRefs {
		ref := &o.keyRefs[i]
		row := t.keyRow(ref, truncated)
		if w > 0 && o.keyRefs[w-1].w == ref.w {
			t.mergeKey(&o.keys[w-1], &row)
			continue
		}
		o.keys = append(o.keys, row)
		o.keyRefs[w] = *ref // from here on parallel to keys
		w++
	}
	o.keyRefs = o.keyRefs[:w]
	return merged
}

func (t *Table) keyRequests(row uint32) uint64 {
	n := uint64(t.keys.rows[row].requests)
	if len(t.carries) > 0 {
		n += t.carried(&t.keys.index, row)
	}
	return n
}

func (t *Table) keyRow(ref *ref, truncated bool) KeyRow {
	o := &t.out
	what := &o.resolved.whats[ref.what()]
	key := classify.OtherKey
	if ref.value() != otherSpelled {
		key = t.keys.rows[ref.row].key.array()
	}
	out := KeyRow{
		Minute: ref.minuteOf() * 60, Key: key,
		Service: o.resolved.serviceNames[what.service],
		Outcome: what.result.outcome(), Code: what.result.code(), Requests: t.keyRequests(ref.row),
		Bytes: t.keys.rows[ref.row].bytes, Truncated: truncated, KeyFailure: &noKeyFailure,
		KeyTold: &noTold,
	}
	if n := int(ref.row); n < len(t.keys.quotas) && t.keys.quotas[n] != noTold {
		out.KeyTold = o.keyTold(t.keys.quotas[n])
	}
	cold := t.keys.cold[ref.row]
	if cold == 0 {
		return out
	}
	f := &t.keys.failures[cold-1]
	out.KeyFailure = o.keyFailure(KeyFailure{
		ErrorType: what.errorType,
		CountMax:  f.countMax, LimitMax: f.limitMax, Slots: f.slots, FirstSeen: f.first, LastSeen: f.last,
	})
	if f.slots != 0 {
		out.SlotSeconds = uint8(t.config.SlotSeconds)
	}
	from := len(o.ips)
	t.keys.ips.each(&f.ips, func(ip words) { o.ips = append(o.ips, ip.array()) })
	out.ClientIPs = sortedArrays(o.ips[from:len(o.ips):len(o.ips)])
	from = len(o.agents)
	t.keys.agents.each(&f.agents, func(a uint32) { o.agents = append(o.agents, t.userAgents.list[a]) })
	out.UserAgents = o.agents[from:len(o.agents):len(o.agents)]
	if len(out.UserAgents) > 1 {
		slices.Sort(out.UserAgents)
	}
	return out
}

// noKeyFailure is what rows without failures point to. It is never written to.
var noKeyFailure KeyFailure

// noTold is what rows point to that have neither quotas nor retries. It is never
// written to.
var noTold KeyTold

func (o *output) keyTold(q KeyTold) *KeyTold {
	o.keyQuotas = append(o.keyQuotas, q)
	return &o.keyQuotas[len(o.keyQuotas)-1]
}

func (o *output) keyFailure(f KeyFailure) *KeyFailure {
	o.keyFailures = append(o.keyFailures, f)
	return &o.keyFailures[len(o.keyFailures)-1]
}

func sortedArrays[A ~[16]byte](s []A) []A {
	if len(s) > 1 {
		slices.SortFunc(s, func(a, b A) int { return wordsOf(a).compare(wordsOf(b)) })
	}
	return s
}

// mergeKey adds from to row; both have the same dimensions.
func (t *Table) mergeKey(row, from *KeyRow) {
	row.Requests += from.Requests
	row.Bytes += from.Bytes
	if from.KeyTold != &noTold {
		if row.KeyTold == &noTold {
			row.KeyTold = t.out.keyTold(noTold)
		}
		row.KeyTold.join(from.KeyTold)
	}
	if from.KeyFailure == &noKeyFailure {
		return // nor has row one: the outcome is the same
	}
	row.CountMax, row.LimitMax = max(row.CountMax, from.CountMax), max(row.LimitMax, from.LimitMax)
	row.Slots |= from.Slots
	row.SlotSeconds = max(row.SlotSeconds, from.SlotSeconds)
	row.FirstSeen, row.LastSeen = min(row.FirstSeen, from.FirstSeen), max(row.LastSeen, from.LastSeen)
	o := &t.out
	row.ClientIPs, o.ips = union(row.ClientIPs, from.ClientIPs, o.ips, t.config.SetSize, hashArray, compareArrays)
	row.UserAgents, o.agents = union(row.UserAgents, from.UserAgents, o.agents, t.config.SetSize, hashString,
		cmp.Compare[string])
}

// emitKeysHour merges the minute rows of an hour. The slots are of a minute
// and do not add up.
func (t *Table) emitKeysHour() {
	o := &t.out
	hours := 0
	for i := range o.keyRefs {
		if i == 0 || !o.keyRefs[i-1].sameHour(&o.keyRefs[i]) {
			hours++
		}
	}
	o.keysHour = slices.Grow(o.keysHour[:0], hours)
	for i := range o.keyRefs {
		row := o.keys[i]
		row.Minute = row.Minute / 3600 * 3600
		if i > 0 && o.keyRefs[i-1].sameHour(&o.keyRefs[i]) {
			t.mergeKey(&o.keysHour[len(o.keysHour)-1], &row)
			continue
		}
		if row.KeyFailure != &noKeyFailure {
			row.KeyFailure = o.keyFailure(*row.KeyFailure)
		}
		if row.KeyTold != &noTold {
			row.KeyTold = o.keyTold(*row.KeyTold)
		}
		o.keysHour = append(o.keysHour, row)
	}
	for i := range o.keysHour {
		if f := o.keysHour[i].KeyFailure; f != &noKeyFailure {
			f.Slots, f.SlotSeconds = 0, 0
		}
	}
}

// union returns the size members of a and b with the smallest hashes, sorted
// by value. It appends to pool and returns that as well, but when one side
// adds nothing.
func union[V comparable](a, b, pool []V, size int, hash func(V) uint64, compare func(a, b V) int) (set, grown []V) {
	if len(b) == 0 || slices.Equal(a, b) {
		return a, pool
	}
	if len(a) == 0 {
		return b, pool
	}
	from := len(pool)
	pool = append(append(pool, a...), b...)
	all := pool[from:]
	slices.SortFunc(all, compare)
	all = slices.Compact(all)
	if len(all) > size {
		slices.SortFunc(all, func(x, y V) int { return cmp.Or(cmp.Compare(hash(x), hash(y)), compare(x, y)) })
		all = all[:size]
		slices.SortFunc(all, compare)
	}
	return all[:len(all):len(all)], pool[:from+len(all)]
}

func hashArray(b [16]byte) uint64 {
	w := wordsOf(b)
	return hashPair(w[0], w[1])
}

func compareArrays(a, b [16]byte) int { return wordsOf(a).compare(wordsOf(b)) }

func hashString(s string) uint64 { return hashBytes([]byte(s), mix1) }
