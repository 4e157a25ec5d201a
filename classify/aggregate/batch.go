package aggregate

import (
	"bytes"

	"statline/classify"
	"statline/classify/distinct"
	"statline/classify/prefetch"
)

// batch is how many responses Add collects before it looks up their rows.
// The tables of keys, clients and latencies are larger than the nearest
// caches: Add asks for the index slots that flush will look at, and flush for
// the rows that they point to, before it comes to any. Without it a record costs as
// much with up to 3,000 keys, 8 % more with 10,000 and 24 % more with 100,000 (stage
// growth of cmd/bench, medians of four pairs).
const batch = 64

// pending is the rest of the work on a response. It holds none of the response's
// memory.
type pending struct {
	key, ip                 words
	bytes                   uint64
	keyGroup, clientGroup   uint32
	keyHash, clientHash     uint32
	keyGuess, clientGuess   uint32 // probable rows, 0 for none
	histogram, page         uint32
	upstream                uint32 // the histogram of the upstream's times; 0 without one
	bucket, upstreamBucket  uint16
	failure, retry          bool
	slot                    uint64 // refused: the bit of its slot
	second                  uint32
	count, limit, userAgent uint32 // userAgent: its number plus one, 0 for none
	path                    uint16 // 404: the number of its path's bit plus one, 0 for none
	quota                   classify.Quota
}

// waitFailure fills in what only failures have.
func (t *Table) waitFailure(p *pending, r *classify.Response, d classify.Decision, second uint32) {
	p.slot = 0
	if d.Outcome == classify.RateLimited {
		p.slot = 1 << (second % 60 / uint32(t.config.SlotSeconds))
	}
	p.second, p.count, p.limit, p.userAgent = second, d.Count, d.Limit, 0
	r.Detail()
	p.path = 0
	if r.Status == 404 && p.ip != (words{}) {
		p.path = pathBit(r.Path)
	}
	if len(r.UserAgent) > 0 && p.key != (words{}) {
		id, _ := t.userAgents.number(r.UserAgent[:min(len(r.UserAgent), maxUserAgent)])
		p.userAgent = id + 1
	}
}

// flush does the pending work in two passes: the first reads the index slots, which
// are near by now, and prefetches the rows that they point to; the second updates the
// rows.
func (t *Table) flush() {
	todo := t.pending[:t.waiting]
	t.waiting = 0
	keys, clients, histograms := &t.keys, &t.clients, &t.responses.histograms
	keySlots, clientSlots := keys.slots, clients.slots
	for i := range todo {
		p := &todo[i]
		p.keyGuess = keySlots[p.keyHash&keys.mask] & keys.mask
		p.clientGuess = clientSlots[p.clientHash&clients.mask] & clients.mask
		p.page = histograms.directories[p.histogram][p.bucket>>subBucketsLog2]
		prefetch.Lines(&keys.rows[p.keyGuess], &clients.rows[p.clientGuess], &histograms.pages[p.page])
	}
	for i := range todo {
		p := &todo[i]
		if p.page != 0 {
			histograms.count(p.page, p.bucket)
		} else {
			histograms.add(p.histogram, p.bucket)
		}
		if p.key != (words{}) {
			t.addKey(p)
		}
		if p.ip != (words{}) {
			t.addClient(p)
		}
	}
	if !t.upstreams { // most logs tell none
		return
	}
	t.upstreams = false
	for i := range todo {
		if p := &todo[i]; p.upstream != 0 {
			histograms.add(p.upstream, p.upstreamBucket)
		}
	}
}

func (t *Table) addKey(p *pending) {
	n := p.keyGuess
	row := &t.keys.rows[n]
	if row.key != p.key || row.group != p.keyGroup {
		n = t.keys.find(p.key, p.keyGroup, p.keyHash)
		row = &t.keys.rows[n]
	}
	row.bytes += p.bytes
	row.requests++
	if row.requests == 0 {
		t.carries = append(t.carries, carry{&t.keys.index, n})
	}
	if p.quota != (classify.Quota{}) || p.retry {
		told := t.keys.quota(n)
		told.Quota.Join(p.quota)
		if p.retry {
			told.Retries++
		}
	}
	if !p.failure {
		return
	}
	f := t.keys.failure(n)
	f.slots |= p.slot
	f.countMax, f.limitMax = max(f.countMax, p.count), max(f.limitMax, p.limit)
	f.first, f.last = min(f.first, p.second), max(f.last, p.second)
	if p.ip != (words{}) {
		t.keys.ips.add(&f.ips, hashPair(p.ip[0], p.ip[1]), p.ip)
	}
	if p.userAgent > 0 {
		t.keys.agents.add(&f.agents, t.userAgents.hash[p.userAgent-1], p.userAgent-1)
	}
}

func (t *Table) addClient(p *pending) {
	n := p.clientGuess
	row := &t.clients.rows[n]
	if row.ip != p.ip || row.group != p.clientGroup {
		n = t.clients.find(p.ip, p.clientGroup, p.clientHash)
		row = &t.clients.rows[n]
	}
	row.requests++
	if row.requests == 0 {
		t.carries = append(t.carries, carry{&t.clients.index, n})
	}
	if !p.failure {
		return
	}
	f := t.clients.failure(n)
	f.slots |= p.slot
	if p.key != (words{}) {
		t.clients.keys.add(&f.keys, hashPair(p.key[0], p.key[1]), p.key)
	}
	if p.path != 0 {
		f.paths.Set(uint8(p.path - 1))
	}
}

// pathBit is the number of the bit of a path without its query, plus one; 0 for none.
// The bits are stored, so its hash must not change without a new Version.
func pathBit(path []byte) uint16 {
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	if len(path) == 0 {
		return 0
	}
	return uint16(distinct.Bit(hashBytes(path, mix2))) + 1
}
