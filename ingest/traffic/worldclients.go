package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// The classes of client addresses.
const (
	ClientNAT         = "nat"     // 500 keys behind it; typing errors and forgotten passwords
	ClientBackend     = "backend" // one busy key, logins of its users
	ClientFastScan    = "fast scan"
	ClientSlowScan    = "slow scan"
	ClientStuffing    = "stuffing"             // one address, fast
	ClientStuffingBot = "distributed stuffing" // one of 200 addresses, slow
)

// ClientSeries is a day of one client address: rows sorted by minute, outcome and code,
// and the labels of what is planted.
type ClientSeries struct {
	IP     string
	Class  string
	Rows   []ClientMinute
	Labels []Label
}

// Clients is the number of client addresses. Of the usual 340, 40 are NATs, 20
// backends, 60 key scanners, 20 fast stuffers and 200 a stuffing botnet.
func (w *World) Clients() int { return w.cfg.Clients }

// Client makes the day of client address i, the first after the warm-up.
func (w *World) Client(i int) ClientSeries {
	d := &clientDay{
		r: stream(w.cfg.Seed, "client", i), from: w.at(w.cfg.WarmUp * 1440),
		s: ClientSeries{IP: fmt.Sprintf("2001:db8:c::%x", i+1)}, rows: map[keyRowKind]*ClientMinute{},
	}
	switch i % 17 {
	case 0, 1:
		d.nat()
	case 2:
		d.backend()
	case 3, 4:
		d.fastScan()
	case 5:
		d.slowScan()
	case 6:
		d.stuffing()
	default:
		d.stuffingBot()
	}
	for _, row := range d.rows {
		d.s.Rows = append(d.s.Rows, *row)
	}
	slices.SortFunc(d.s.Rows, func(a, b ClientMinute) int {
		return compare(a.Minute, b.Minute, a.Outcome, b.Outcome, a.Code, b.Code)
	})
	return d.s
}

type clientDay struct {
	r    *rand.Rand
	from int64
	s    ClientSeries
	rows map[keyRowKind]*ClientMinute
}

const daySeconds = 86_400

// add counts n responses at a second of the day.
func (d *clientDay) add(second int64, o outcome, code uint16, n uint64, key string) {
	at := d.from + second
	if n == 0 || second >= daySeconds {
		return
	}
	kind := keyRowKind{at - at%60, o, code}
	row := d.rows[kind]
	if row == nil {
		row = &ClientMinute{Minute: kind.minute, IP: d.s.IP, Outcome: outcomeNames[o], Code: code}
		d.rows[kind] = row
	}
	row.Requests += n
	if o != success { // the store keeps the sets for failures only
		row.Keys = insert(row.Keys, key)
	}
}

func (d *clientDay) label(kind string, from, to int64, note string) {
	d.s.Labels = append(d.s.Labels, Label{Kind: kind, Entity: d.s.IP, Start: d.from + from,
		End: d.from + min(to, daySeconds), Detectable: true, Note: note})
}

// often calls f at random seconds of the day, mean times an hour.
func (d *clientDay) often(mean float64, f func(second int64)) {
	for at := d.r.ExpFloat64() * 3600 / mean; at < daySeconds; at += d.r.ExpFloat64() * 3600 / mean {
		f(int64(at))
	}
}

// nat is a company behind one address: 500 keys, one typing error per key and
// week, forty logins an hour of which one in eight fails.
func (d *clientDay) nat() {
	d.s.Class = ClientNAT
	d.often(500.0/7/24, func(at int64) {
		key := newKey(d.r)
		for range 1 + d.r.IntN(2) {
			d.add(at, invalidKey, 7, 1, key)
		}
	})
	key := newKey(d.r)
	d.often(40, func(at int64) { d.login(at, key, 0.125) })
	d.traffic(20)
}

// backend is a server that logs its users in.
func (d *clientDay) backend() {
	d.s.Class = ClientBackend
	key := newKey(d.r)
	d.often(400, func(at int64) { d.login(at, key, 0.1) })
	d.traffic(15)
}

func (d *clientDay) login(at int64, key string, failing float64) {
	if d.r.Float64() >= failing {
		d.add(at, success, 0, 1, key)
		return
	}
	code := [...]uint16{30, 30, 30, 26, 14}[d.r.IntN(5)]
	d.add(at, authFailed, code, 1, key)
}

// traffic adds perMinute successes to every minute.
func (d *clientDay) traffic(perMinute float64) {
	for minute := range int64(1440) {
		d.add(minute*60, success, 0, poisson(d.r, perMinute), "")
	}
}

// fastScan tries 10 to 10,000 keys, 12 to 600 a minute.
func (d *clientDay) fastScan() {
	d.s.Class = ClientFastScan
	n := int(10 * logUniform(d.r, 1000))
	perMinute := between(d.r, 12, 600)
	start := int64(d.r.IntN(daySeconds / 3))
	last := d.scan(start, max(n, 15), 60/perMinute)
	d.label("key_scanning", start, last+1, fmt.Sprintf("%d keys, %.0f a minute", max(n, 15), perMinute))
}

// slowScan tries 40 to 300 keys over a day: fewer than ten in ten minutes.
func (d *clientDay) slowScan() {
	d.s.Class = ClientSlowScan
	n := 40 + d.r.IntN(260)
	start := int64(d.r.IntN(600))
	last := d.scan(start, n, float64(daySeconds-2000)/float64(n))
	d.label("key_scanning", start, last+1, fmt.Sprintf("%d keys in a day", n))
}

// scan tries n keys, seconds apart, a hundredth of them valid.
func (d *clientDay) scan(start int64, n int, seconds float64) (last int64) {
	at := float64(start)
	for range n {
		if last = int64(at); last >= daySeconds {
			break
		}
		if d.r.IntN(100) == 0 {
			d.add(last, success, 0, 1, "")
		} else {
			d.add(last, invalidKey, 7, 1, newKey(d.r))
		}
		at += seconds * between(d.r, 0.8, 1.2)
	}
	return min(last, daySeconds-1)
}

// stuffing tries leaked passwords from one address, 6 to 120 a minute.
func (d *clientDay) stuffing() {
	d.s.Class = ClientStuffing
	perMinute := between(d.r, 6, 120)
	start := int64(d.r.IntN(daySeconds / 2))
	length := int64(60 * between(d.r, 10, 120))
	d.tryPasswords(start, length, 60/perMinute)
	d.label("credential_stuffing", start, start+length, fmt.Sprintf("%.0f logins a minute", perMinute))
}

// stuffingBot is one address of a botnet: 60 to 200 logins a day.
func (d *clientDay) stuffingBot() {
	d.s.Class = ClientStuffingBot
	n := 60 + d.r.IntN(140)
	d.tryPasswords(0, daySeconds, float64(daySeconds)/float64(n))
	d.label("credential_stuffing", 0, daySeconds, fmt.Sprintf("one of 200 addresses, %d logins a day", n))
}

func (d *clientDay) tryPasswords(start, length int64, seconds float64) {
	key := newKey(d.r)
	for at := float64(start); at < float64(start+length); at += seconds * between(d.r, 0.7, 1.3) {
		d.login(int64(at), key, 0.98)
	}
}

// logUniform draws a factor from 1 to high, evenly in its logarithm.
func logUniform(r *rand.Rand, high float64) float64 {
	return math.Pow(high, r.Float64())
}
