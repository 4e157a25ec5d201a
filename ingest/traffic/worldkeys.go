package traffic

import (
	"math/rand/v2"
	"slices"
)

// The classes of keys at a rate limit of 40 requests in 10 s. An offender goes on against
// refusals; the others meet the limit by their nature or by accident.
const (
	KeyNormal    = "normal"     // far from the limit
	KeyNearLimit = "near-limit" // 28 to 36 a window, evenly
	KeyPolite    = "polite"     // batches that wait 30 to 60 s after a refusal
	KeyBackoff   = "sdk-backoff"
	KeyOneOff    = "one-off-loop" // one runaway burst of at most 90 s
	KeyPageLoad  = "page-load"    // bursts of 50 to 90 in one window
	KeyRetryLoop = "retry-loop"   // offender: 5 to 120 min
	KeyShortLoop = "short-loop"   // offender: 3 to 5 min
	KeyOveruser  = "overuser"     // offender: 5 to 60 % over, all day
	KeySlowRetry = "slow-retrier" // offender: a little over in spells
)

// KeySeries is what one key does: rows sorted by minute, outcome and code, and the labels
// of what is planted. A key that is never refused has no rows, since no detector looks at
// it.
type KeySeries struct {
	Key    string
	Class  string
	Rows   []KeyMinute
	Labels []Label
	Uses   []int64 // when a dead key was used, retries apart (Unix seconds)
}

// Offends reports whether the class is one of the offenders.
func (s *KeySeries) Offends() bool {
	switch s.Class {
	case KeyRetryLoop, KeyShortLoop, KeyOveruser, KeySlowRetry:
		return true
	}
	return false
}

// Keys is the number of keys of the rate-limit world. They live for one day,
// the first after the warm-up.
func (w *World) Keys() int { return w.cfg.Keys }

// slotsPerDay is the number of rate-limit windows in the keys' day.
const slotsPerDay = 24 * 60 * 6

// Key makes the day of key i: one in fifty is an offender; of the others three in a
// hundred meet the limit often, six in a hundred sometimes.
func (w *World) Key(i int) KeySeries {
	r := stream(w.cfg.Seed, "key/"+w.cfg.Kind, i)
	s := KeySeries{Key: newKey(r), Class: keyClass(r)}
	d := &keyDay{r: r, world: w, series: &s, rows: newKeyRows(s.Key, "api"), ips: keyIPs(r), agent: pickUserAgent(r)}
	switch s.Class {
	case KeyNearLimit:
		d.nearLimit()
	case KeyPolite:
		d.polite()
	case KeyBackoff:
		d.backoff()
	case KeyOneOff:
		d.loop(KeyNormal, between(r, 20, 90), between(r, 100, 600))
	case KeyPageLoad:
		d.pageLoads()
	case KeyRetryLoop:
		d.loop("offender", 60*between(r, 5, 120), between(r, 60, 600))
	case KeyShortLoop:
		d.loop("offender", 60*between(r, 3, 5), between(r, 100, 600))
	case KeyOveruser:
		d.overuse()
	case KeySlowRetry:
		d.slowRetry()
	}
	if d.rows.refused {
		s.Rows = d.rows.sorted()
	}
	return s
}

func keyClass(r *rand.Rand) string {
	u := r.Float64()
	for _, c := range []struct {
		class string
		share float64
	}{
		{KeyRetryLoop, 0.007}, {KeyShortLoop, 0.005}, {KeyOveruser, 0.004}, {KeySlowRetry, 0.004},
		{KeyBackoff, 0.015}, {KeyNearLimit, 0.015}, {KeyPolite, 0.02}, {KeyOneOff, 0.02}, {KeyPageLoad, 0.02},
	} {
		if u < c.share {
			return c.class
		}
		u -= c.share
	}
	return KeyNormal
}

// keyIPs gives a key its addresses: 30 % are behind one of 40 NATs, 1 % roam
// over more than twenty.
func keyIPs(r *rand.Rand) []string {
	u, n := r.Float64(), 1+r.IntN(2)
	switch {
	case u < 0.30:
		return []string{natIP(r.IntN(natAddresses))}
	case u < 0.31:
		n = 21 + r.IntN(20)
	}
	ips := make([]string, n)
	for i := range ips {
		ips[i] = newIP(r)
	}
	return ips
}

// keyDay simulates one key's day window by window.
type keyDay struct {
	r      *rand.Rand
	world  *World
	series *KeySeries
	rows   *keyRows
	ips    []string
	agent  string
}

func (d *keyDay) time(slot int) int64 {
	return d.world.at(d.world.cfg.WarmUp*1440) + int64(slot)*10
}

// window sends n requests in a window; those over rateLimit are refused.
func (d *keyDay) window(slot int, n uint64) {
	d.put(slot, min(n, rateLimit), n-min(n, rateLimit))
}

func (d *keyDay) put(slot int, allowed, refused uint64) {
	at := d.time(slot)
	d.rows.add(at, success, 0, allowed, d.pickIP(), d.agent)
	d.rows.add(at, rateLimited, 25, refused, d.pickIP(), d.agent)
}

func (d *keyDay) pickIP() string { return d.ips[d.r.IntN(len(d.ips))] }

func (d *keyDay) label(kind string, from, to int, note string) {
	d.series.Labels = append(d.series.Labels, Label{
		Kind: kind, Entity: d.series.Key, Start: d.time(from), End: d.time(to), Detectable: true, Note: note,
	})
}

// nearLimit is a paced client: its windows differ by little.
func (d *keyDay) nearLimit() {
	mean := between(d.r, 28, 36)
	for slot := range slotsPerDay {
		d.window(slot, uint64(max(mean+1.5*d.r.NormFloat64(), 0)))
	}
}

// polite works in batches: it meets the limit with one to three requests in flight, then
// waits as long as it is told to.
func (d *keyDay) polite() {
	for slot := d.r.IntN(2000); slot < slotsPerDay-360; slot += 60 + d.r.IntN(3000) {
		for end := slot + 60 + d.r.IntN(300); slot < end; slot += 4 + d.r.IntN(3) {
			d.put(slot, rateLimit, 1+d.r.Uint64N(3))
		}
	}
}

// backoff is a batch job whose library tries again after 1, 2, 4 and 8 s: it
// stays at the limit until it is done, mostly within a quarter of an hour.
func (d *keyDay) backoff() {
	for range 1 + d.r.IntN(2) {
		minutes := min(9*lognormal(d.r, 0.8), 60)
		slot := d.r.IntN(slotsPerDay - 361)
		workers := 2 + d.r.Uint64N(5)
		for end := slot + int(6*minutes); slot < end; slot++ {
			if d.r.IntN(20) == 0 { // all workers asleep
				d.put(slot, between64(d.r, 10, rateLimit), 0)
				continue
			}
			d.put(slot, rateLimit, 1+d.r.Uint64N(workers))
		}
	}
}

// loop is one runaway burst. Around it the key is an ordinary one.
func (d *keyDay) loop(kind string, seconds, perWindow float64) {
	n := int(seconds / 10)
	from := d.r.IntN(slotsPerDay - n)
	for slot := range slotsPerDay {
		if slot < from || slot >= from+n {
			d.window(slot, poisson(d.r, 0.5))
		} else {
			d.window(slot, poisson(d.r, perWindow))
		}
	}
	if kind != KeyNormal {
		d.label(kind, from, from+n, d.series.Class)
	}
}

// pageLoads is an application that asks for everything when it opens.
func (d *keyDay) pageLoads() {
	every := between(d.r, 18, 120) // windows
	for slot := 0; slot < slotsPerDay; slot += 1 + int(d.r.ExpFloat64()*every) {
		d.window(slot, 50+d.r.Uint64N(41))
	}
}

func (d *keyDay) overuse() {
	mean := rateLimit * between(d.r, 1.05, 1.6)
	for slot := range slotsPerDay {
		d.window(slot, poisson(d.r, mean))
	}
	d.label("offender", 0, slotsPerDay, d.series.Class)
}

// slowRetry is a little over the limit for 15 to 45 min at a time.
func (d *keyDay) slowRetry() {
	for from := d.r.IntN(1500); from < slotsPerDay-400; from += 1500 + d.r.IntN(2500) {
		n := 90 + d.r.IntN(181)
		for slot := from; slot < from+n; slot++ {
			if d.r.IntN(5) == 0 {
				d.window(slot, between64(d.r, 20, rateLimit))
			} else {
				d.window(slot, between64(d.r, 41, 46))
			}
		}
		d.label("offender", from, from+n, d.series.Class)
	}
}

// keyRows gathers a key's responses into rows.
type keyRows struct {
	key, service string
	refused      bool // by the rate limit, or dead
	byKind       map[keyRowKind]*KeyMinute
}

type keyRowKind struct {
	minute  int64
	outcome outcome
	code    uint16
}

func newKeyRows(key, service string) *keyRows {
	return &keyRows{key: key, service: service, byKind: map[keyRowKind]*KeyMinute{}}
}

// add counts n responses at a time (Unix seconds).
func (k *keyRows) add(at int64, o outcome, code uint16, n uint64, ip, agent string) {
	if n == 0 {
		return
	}
	kind := keyRowKind{at - at%60, o, code}
	row := k.byKind[kind]
	if row == nil {
		row = &KeyMinute{Minute: kind.minute, Key: k.key, Service: k.service, Outcome: outcomeNames[o], Code: code}
		k.byKind[kind] = row
	}
	row.Requests += n
	if o == rateLimited {
		row.Slots |= 1 << (at % 60 / 10)
	}
	if o == success {
		return // the store keeps the sets for failures only
	}
	k.refused = true
	row.ClientIPs = insert(row.ClientIPs, ip)
	row.UserAgents = insert(row.UserAgents, agent)
}

// sorted returns the rows by minute, outcome and code.
func (k *keyRows) sorted() []KeyMinute {
	rows := make([]KeyMinute, 0, len(k.byKind))
	for _, row := range k.byKind {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b KeyMinute) int {
		return compare(a.Minute, b.Minute, a.Outcome, b.Outcome, a.Code, b.Code)
	})
	return rows
}

// insert adds a string to a sorted set.
func insert(set []string, s string) []string {
	i, found := slices.BinarySearch(set, s)
	if found {
		return set
	}
	return slices.Insert(set, i, s)
}
