package aggregate

import (
	"cmp"
	"slices"

	"statline/classify"
)

// emitKeys puts the rows in the order of their table and merges rows that are equal
// after budgets. It returns the keys that went to OtherKey.
func (t *Table) emitKeys(other *Others) (merged overBudgetSet) {
	o, k := &t.out, &t.keys
	o.keyFailures = slices.Grow(o.keyFailures[:0], len(k.failures))
	o.keysTruncated = o.resolved.truncatedServices || o.resolved.truncatedErrors
	if len(k.quotas) > 0 {
		k.quota(uint32(len(k.rows) - 1)) // parallel to all rows
	}
	merged = t.keysOverBudget()
	if len(merged) > 0 {
		o.keysTruncated = true
		for i := 1; i < len(k.rows); i++ {
			if row := &k.rows[i]; merged.has(row.key) {
				row.key = wordsOf(classify.OtherKey)
				other[OfKeys] += t.keyRequests(uint32(i))
			}
		}
	}
	groups := o.resolved.keyGroups
	t.sorted(len(k.rows)-1, func(refs []ref) []ref {
		for i := 1; i < len(k.rows); i++ {
			row := &k.rows[i]
			g := &groups[row.group]
			refs = append(refs, valueRef(g.minute, g.result.outcome(), spelled(row.key), g.what, uint32(i)))
		}
		return refs
	}, func(refs []ref) {
		t.renumber(&k.index, refs)
		permute(refs, func(to, from uint32) {
			k.rows[to], k.cold[to] = k.rows[from], k.cold[from]
			if len(k.quotas) > 0 {
				k.quotas[to] = k.quotas[from]
			}
		})
		t.mergeKeys(refs)
	})
	return merged
}

// mergeKeys makes the failures of the sorted rows and merges rows whose refs are equal.
func (t *Table) mergeKeys(refs []ref) {
	o, k := &t.out, &t.keys
	w := uint32(0)
	for i := range refs {
		from := uint32(i + 1)
		failure := uint32(0)
		if k.cold[from] != 0 {
			o.keyFailures = append(o.keyFailures, t.keyFailure(from))
			failure = uint32(len(o.keyFailures))
		}
		if i > 0 && refs[i-1].w == refs[i].w {
			t.addUp(&k.index, &k.rows[w].requests, w, &k.rows[from].requests, from)
			k.rows[w].bytes += k.rows[from].bytes
			if len(k.quotas) > 0 {
				k.quotas[w].join(&k.quotas[from])
			}
			if failure != 0 { // then row w failed, too: the outcome is the same
				t.mergeKeyFailure(&o.keyFailures[k.cold[w]-1], &o.keyFailures[failure-1])
				o.keyFailures = o.keyFailures[:failure-1]
			}
			continue
		}
		w++
		t.moved(&k.index, from, w)
		k.rows[w], k.cold[w] = k.rows[from], failure
		if len(k.quotas) > 0 {
			k.quotas[w] = k.quotas[from]
		}
	}
	k.rows, k.cold, k.quotas = k.rows[:w+1], k.cold[:w+1], k.quotas[:min(len(k.quotas), int(w)+1)]
}

func (t *Table) keyRequests(row uint32) uint64 {
	n := uint64(t.keys.rows[row].requests)
	if len(t.carries) > 0 {
		n += t.carried(&t.keys.index, row)
	}
	return n
}

// keyRow makes row n; 0 is none.
func (t *Table) keyRow(n uint32, out *KeyRow) {
	o, row := &t.out, &t.keys.rows[n]
	group := &o.resolved.keyGroups[row.group]
	out.Minute, out.Service = group.minute*60, group.service
	out.Outcome, out.Code = group.result.outcome(), group.result.code()
	row.key.put((*[16]byte)(&out.Key))
	out.Requests, out.Bytes, out.Truncated = t.keyRequests(n), row.bytes, o.keysTruncated
	out.KeyTold, out.KeyFailure = &noTold, &noKeyFailure
	if len(t.keys.quotas) > 0 {
		out.KeyTold = &t.keys.quotas[n]
	}
	if cold := t.keys.cold[n]; cold != 0 {
		out.KeyFailure = &o.keyFailures[cold-1]
	}
}

func (t *Table) listKeys() List[KeyRow] {
	return List[KeyRow]{len(t.keys.rows) - 1, func(i int, made *KeyRow) *KeyRow {
		t.keyRow(uint32(i+1), made)
		return made
	}, func(i int, p part) bool {
		if p == told {
			return len(t.keys.quotas) > 0
		}
		return t.keys.cold[i+1] != 0
	}}
}

func (t *Table) keyFailure(n uint32) KeyFailure {
	o, f := &t.out, &t.keys.failures[t.keys.cold[n]-1]
	what := &o.resolved.whats[o.resolved.keyGroups[t.keys.rows[n].group].what]
	out := KeyFailure{
		ErrorType: what.errorType,
		CountMax:  f.countMax, LimitMax: f.limitMax, Slots: f.slots, FirstSeen: f.first, LastSeen: f.last,
	}
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

func sortedArrays[A ~[16]byte](s []A) []A {
	if len(s) > 1 {
		slices.SortFunc(s, func(a, b A) int { return wordsOf(a).compare(wordsOf(b)) })
	}
	return s
}

// mergeKeyFailure adds from to f; both are of rows with the same dimensions.
func (t *Table) mergeKeyFailure(f, from *KeyFailure) {
	f.CountMax, f.LimitMax = max(f.CountMax, from.CountMax), max(f.LimitMax, from.LimitMax)
	f.Slots |= from.Slots
	f.SlotSeconds = max(f.SlotSeconds, from.SlotSeconds)
	f.FirstSeen, f.LastSeen = min(f.FirstSeen, from.FirstSeen), max(f.LastSeen, from.LastSeen)
	o := &t.out
	f.ClientIPs, o.ips = union(f.ClientIPs, from.ClientIPs, o.ips, t.config.SetSize, hashArray, compareArrays)
	f.UserAgents, o.agents = union(f.UserAgents, from.UserAgents, o.agents, t.config.SetSize, hashString,
		cmp.Compare[string])
}

// keyHour is a row of an hour: the minute rows from first on, up to the next one's.
// failure and told are the numbers of what they have in common, plus one; 0 for none.
type keyHour struct{ first, failure, told uint32 }

// emitKeysHour finds the minute rows of each hour, which follow each other. The slots
// are of a minute and do not add up.
func (t *Table) emitKeysHour() {
	o, k := &t.out, &t.keys
	o.keyHours, o.hourFailures, o.hourTold = o.keyHours[:0], o.hourFailures[:0], o.hourTold[:0]
	for i := 1; i < len(k.rows); i++ {
		cold := k.cold[i]
		if i > 1 && t.sameKeyHour(&k.rows[i-1], &k.rows[i]) {
			h := &o.keyHours[len(o.keyHours)-1]
			if cold != 0 {
				t.mergeKeyFailure(&o.hourFailures[h.failure-1], &o.keyFailures[cold-1])
			}
			if len(k.quotas) > 0 {
				o.hourTold[h.told-1].join(&k.quotas[i])
			}
			continue
		}
		h := keyHour{first: uint32(i)}
		if cold != 0 {
			o.hourFailures = append(o.hourFailures, o.keyFailures[cold-1])
			h.failure = uint32(len(o.hourFailures))
		}
		if len(k.quotas) > 0 {
			o.hourTold = append(o.hourTold, k.quotas[i])
			h.told = uint32(len(o.hourTold))
		}
		o.keyHours = append(o.keyHours, h)
	}
	for i := range o.hourFailures {
		o.hourFailures[i].Slots, o.hourFailures[i].SlotSeconds = 0, 0
	}
}

// sameKeyHour reports whether two rows differ by nothing but their minute, which is of
// the same hour.
func (t *Table) sameKeyHour(a, b *keyRow) bool {
	if a.key != b.key {
		return false
	}
	x, y := &t.out.resolved.keyGroups[a.group], &t.out.resolved.keyGroups[b.group]
	return x.what == y.what && x.minute/60 == y.minute/60
}

// keyHourRow makes row i of the hours.
func (t *Table) keyHourRow(i int, out *KeyRow) {
	o := &t.out
	h, end := &o.keyHours[i], uint32(len(t.keys.rows))
	if i+1 < len(o.keyHours) {
		end = o.keyHours[i+1].first
	}
	t.keyRow(h.first, out)
	out.Minute -= out.Minute % 3600
	for n := h.first + 1; n < end; n++ {
		out.Requests += t.keyRequests(n)
		out.Bytes += t.keys.rows[n].bytes
	}
	if h.failure != 0 {
		out.KeyFailure = &o.hourFailures[h.failure-1]
	}
	if h.told != 0 {
		out.KeyTold = &o.hourTold[h.told-1]
	}
}

func (t *Table) listKeysHour() List[KeyRow] {
	hours := t.out.keyHours
	return List[KeyRow]{len(hours), func(i int, made *KeyRow) *KeyRow {
		t.keyHourRow(i, made)
		return made
	}, func(i int, p part) bool {
		return p == told && hours[i].told != 0 || p == failures && hours[i].failure != 0
	}}
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
