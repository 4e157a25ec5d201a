package traffic

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
)

// Lines is one day of a world as log lines: folding them gives exactly the world's
// aggregate rows of that day. The service names differ: keys call "api", clients "login".
// It is not safe for concurrent use.
type Lines struct {
	r       *rand.Rand
	times   timestamps
	minutes map[int64][]lineGroup
	now     int64 // the minute being given out
	end     int64
	pending []pendingLine
	next    int
	// Records is the number of lines given out so far.
	Records uint64
}

// lineGroup is n equal responses of one row.
type lineGroup struct {
	service        string
	status         int
	code           uint16
	n              uint64
	slots          uint64 // ten-second slots to fill, 0: the whole minute
	keys, ips, uas []string
}

type pendingLine struct {
	at    int64 // milliseconds
	group *lineGroup
	index uint64 // within the group
}

// Day returns the lines of one day of the world by event time. Keys, clients and
// contracts exist on the first day after the warm-up only, dead keys from that day on.
func (w *World) Day(day int) (*Lines, error) {
	if day < 0 || day >= w.cfg.Days {
		return nil, fmt.Errorf("world: got day %d; want 0 to %d", day, w.cfg.Days-1)
	}
	from := w.at(day * 1440)
	l := &Lines{
		r: stream(w.cfg.Seed, "lines", day), minutes: map[int64][]lineGroup{},
		now: from - 60, end: from + daySeconds,
	}
	for i := range w.Services() {
		for _, row := range w.Service(i).Rows {
			l.addService(row)
		}
	}
	for i := range w.DeadKeys() {
		l.addKeys(w.DeadKey(i).Rows)
	}
	if day != w.cfg.WarmUp {
		return l, nil
	}
	for i := range w.Keys() {
		l.addKeys(w.Key(i).Rows)
	}
	for i := range w.InvalidKeys() {
		l.addKeys(w.InvalidKey(i).Rows)
	}
	for i := range w.Clients() {
		for _, row := range w.Client(i).Rows {
			l.add(row.Minute, lineGroup{service: "login", status: httpOf(row.Code), code: row.Code,
				n: row.Requests, keys: row.Keys, ips: []string{row.IP}})
		}
	}
	for i := range w.Contracts() {
		for _, row := range w.Contract(i).Rows {
			l.add(row.Minute, lineGroup{service: row.Service, status: row.HTTPStatus, code: row.Code, n: row.Requests})
		}
	}
	return l, nil
}

func httpOf(code uint16) int { return int(statuses[code].http) }

func (l *Lines) add(minute int64, g lineGroup) {
	if g.n > 0 && minute > l.now && minute < l.end {
		l.minutes[minute] = append(l.minutes[minute], g)
	}
}

func (l *Lines) addService(row ServiceMinute) {
	l.add(row.Minute, lineGroup{service: row.Service, status: 504, code: 24, n: row.Timeout})
	l.add(row.Minute, lineGroup{service: row.Service, status: 503, code: 9, n: row.Offline})
	l.add(row.Minute, lineGroup{service: row.Service, status: 500, code: 11, n: row.Internal})
	l.add(row.Minute, lineGroup{service: row.Service, status: 502, n: row.ServerErr})
	l.add(row.Minute, lineGroup{service: row.Service, status: 200,
		n: row.N - row.Timeout - row.Offline - row.Internal - row.ServerErr})
}

func (l *Lines) addKeys(rows []KeyMinute) {
	for _, row := range rows {
		l.add(row.Minute, lineGroup{service: row.Service, status: httpOf(row.Code), code: row.Code, n: row.Requests,
			slots: row.Slots, keys: []string{row.Key}, ips: row.ClientIPs, uas: row.UserAgents})
	}
}

// Next appends the next line, as Generator.Next does.
func (l *Lines) Next(line []byte) (out []byte, unixMilli int64, partitionKey uint64, ok bool) {
	for l.next == len(l.pending) {
		if l.now += 60; l.now >= l.end {
			return line, 0, 0, false
		}
		l.spread()
	}
	p := &l.pending[l.next]
	l.next++
	l.Records++
	line, partitionKey = l.appendTo(line, p)
	return line, p.at, partitionKey, true
}

// spread gives every response of the minute a time, in its slots.
func (l *Lines) spread() {
	l.pending, l.next = l.pending[:0], 0
	groups := l.minutes[l.now]
	delete(l.minutes, l.now)
	for i := range groups {
		g := &groups[i]
		for j := range g.n {
			at := l.now*1000 + l.r.Int64N(60_000)
			if n := bits.OnesCount64(g.slots); n > 0 {
				at = l.now*1000 + 10_000*int64(nthBit(g.slots, int(j)%n)) + l.r.Int64N(10_000)
			}
			l.pending = append(l.pending, pendingLine{at, g, j})
		}
	}
	slices.SortFunc(l.pending, func(a, b pendingLine) int { return cmp.Compare(a.at, b.at) })
}

// nthBit is the position of the n-th set bit of mask, from 0.
func nthBit(mask uint64, n int) int {
	for ; n > 0; n-- {
		mask &= mask - 1
	}
	return bits.TrailingZeros64(mask)
}

func (l *Lines) appendTo(b []byte, p *pendingLine) ([]byte, uint64) {
	g := p.group
	// Every member of a set appears, since a row counts at least as many
	// responses as its sets have members.
	member := func(set []string) string {
		if len(set) == 0 {
			return ""
		}
		return set[p.index%uint64(len(set))]
	}
	partition := hashString(g.service) ^ p.index%4 // a busy service is spread
	b = append(b, `{"ts":"`...)
	b = l.times.append(b, p.at)
	b = append(b, `","service":"`...)
	b = append(b, g.service...)
	b = append(b, `","method":"GET","route":"/","status":`...)
	b = strconv.AppendInt(b, int64(g.status), 10)
	if g.code != 0 {
		b = append(b, `,"code":`...)
		b = strconv.AppendUint(b, uint64(g.code), 10)
	}
	if key := member(g.keys); key != "" {
		b = append(append(append(b, `,"api_key":"`...), key...), '"')
		partition = hashString(key)
	}
	if ip := member(g.ips); ip != "" {
		b = append(append(append(b, `,"client_ip":"`...), ip...), '"')
	}
	if agent := member(g.uas); agent != "" {
		b = append(append(append(b, `,"user_agent":"`...), agent...), '"')
	}
	return append(b, '}'), partition
}
