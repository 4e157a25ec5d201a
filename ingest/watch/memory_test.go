package watch

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"statline/classify/detect"
)

// memory is a store in memory: aggregates that grow as rows arrive, and the
// tables that a watch writes. It answers from what has arrived.
type memory struct {
	mu        sync.Mutex
	services  map[detect.Minute]map[string]detect.Counts
	keys      map[detect.Minute]map[string]KeyRow
	clients   map[detect.Minute]map[string]ClientRow
	contracts map[detect.Minute]map[Pair]detect.ContractMinute
	sources   map[detect.Minute]map[string]detect.SourceMinute
	versions  map[detect.Minute]map[versionOf]uint64
	late      time.Duration
	lateOf    map[string]int // minutes, by service
	mark      time.Time
	first     detect.Minute

	incidents map[string]Stored
	scores    map[scoreKey]ScoreRow
	scored    detect.Minute
	writes    int
	fail      error
	breakOff  error // of Keys and Clients, after some rows
	meta      map[string]Told
	holder    string
	expires   time.Time
	notes     []Note
	deploys   map[detect.Deploy]int // how often each was told
}

type versionOf struct{ service, version string }

type scoreKey struct {
	minute          detect.Minute
	service, series string
}

func newMemory() *memory {
	return &memory{
		services: map[detect.Minute]map[string]detect.Counts{}, keys: map[detect.Minute]map[string]KeyRow{},
		clients:   map[detect.Minute]map[string]ClientRow{},
		contracts: map[detect.Minute]map[Pair]detect.ContractMinute{},
		sources:   map[detect.Minute]map[string]detect.SourceMinute{},
		versions:  map[detect.Minute]map[versionOf]uint64{}, deploys: map[detect.Deploy]int{},
		incidents: map[string]Stored{}, scores: map[scoreKey]ScoreRow{}, meta: map[string]Told{},
	}
}

func inner[K, L comparable, V any](m map[K]map[L]V, k K) map[L]V {
	if m[k] == nil {
		m[k] = map[L]V{}
	}
	return m[k]
}

func (m *memory) addService(r ServiceRow) {
	at := inner(m.services, r.Minute)
	c := at[r.Service]
	c.Add(r.Counts)
	at[r.Service] = c
	if m.first == 0 || r.Minute < m.first {
		m.first = r.Minute
	}
}

// addVersion adds requests of a version to a service.
func (m *memory) addVersion(at detect.Minute, service, version string, n uint64) {
	m.addService(ServiceRow{at, service, detect.Counts{N: n}})
	inner(m.versions, at)[versionOf{service, version}] += n
}

func (m *memory) addKey(r KeyRow) {
	at := inner(m.keys, r.Minute)
	k, ok := at[r.Key]
	if !ok {
		at[r.Key] = r
		return
	}
	k.Requests, k.Success, k.RateLimited = k.Requests+r.Requests, k.Success+r.Success, k.RateLimited+r.RateLimited
	k.Dead, k.Invalid, k.Slots = k.Dead+r.Dead, k.Invalid+r.Invalid, k.Slots|r.Slots
	k.DeadCode = max(k.DeadCode, r.DeadCode)
	at[r.Key] = k
}

func (m *memory) addClient(r ClientRow) {
	at := inner(m.clients, r.Minute)
	c, ok := at[r.IP]
	if !ok {
		at[r.IP] = r
		return
	}
	c.Requests, c.Success, c.Invalid, c.AuthFailed = c.Requests+r.Requests, c.Success+r.Success, c.Invalid+r.Invalid,
		c.AuthFailed+r.AuthFailed
	c.NotFound += r.NotFound
	c.Paths.Join(r.Paths)
	c.InvalidKeys = slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.InvalidKeys, r.InvalidKeys))))
	at[r.IP] = c
}

func (m *memory) addContract(r ContractRow) {
	at := inner(m.contracts, r.Minute)
	c := at[r.Pair]
	at[r.Pair] = detect.ContractMinute{Minute: r.Minute, Count: c.Count + r.Count, Total: c.Total + r.Total}
}

// addSource adds a block of a source, by the minute of its last record.
func (m *memory) addSource(r SourceRow) {
	at := inner(m.sources, r.Minute)
	s, ok := at[r.Source]
	if !ok {
		s.Late = r.Late
	}
	at[r.Source] = detect.SourceMinute{Minute: r.Minute, Responses: s.Responses + r.Responses,
		Late: min(s.Late, r.Late)}
}

func (m *memory) Rows(ctx context.Context, minutes []detect.Minute) (*Rows, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return nil, m.fail
	}
	b := &Rows{Minutes: minutes}
	for _, at := range minutes {
		for _, s := range slices.Sorted(maps.Keys(m.services[at])) {
			b.Services = append(b.Services, ServiceRow{at, s, m.services[at][s]})
		}
		for _, v := range slices.SortedFunc(maps.Keys(m.versions[at]), func(a, b versionOf) int {
			return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.version, b.version))
		}) {
			b.Versions = append(b.Versions, VersionRow{v.service, detect.VersionMinute{Minute: at, Version: v.version,
				Requests: m.versions[at][v]}})
		}
		for _, p := range slices.SortedFunc(maps.Keys(m.contracts[at]), comparePairs) {
			b.Contracts = append(b.Contracts, ContractRow{p, m.contracts[at][p]})
		}
		for _, s := range slices.Sorted(maps.Keys(m.sources[at])) {
			b.Sources = append(b.Sources, SourceRow{s, m.sources[at][s]})
		}
	}
	return b, nil
}

func (r *KeyRow) refused() bool { return r.RateLimited+r.Dead+r.Invalid > 0 }

func (m *memory) Candidates(_ context.Context, minutes []detect.Minute, from detect.Minute,
	c detect.Candidate) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := map[string]bool{}
	for _, at := range minutes {
		for id, r := range m.keys[at] {
			if ids[id] || !r.refused() {
				continue
			}
			var rows []detect.KeyMinute
			for at := from; at <= minutes[len(minutes)-1]; at++ {
				if r, ok := m.keys[at][id]; ok {
					rows = append(rows, r.KeyMinute)
				}
			}
			if keyMet(c, rows) {
				ids[id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(ids)), nil
}

// asked are the minutes that are needed, and the names whose.
func (n *Need) asked() iter.Seq2[detect.Minute, []string] {
	return func(yield func(detect.Minute, []string) bool) {
		if len(n.Minutes) == 0 {
			return
		}
		last := n.Minutes[len(n.Minutes)-1]
		for at := min(n.Minutes[0], cmp.Or(n.First, last)); at <= last; at++ {
			var names []string
			if _, found := slices.BinarySearch(n.Minutes, at); found {
				names = n.Names
			}
			if at >= n.First {
				names = slices.Concat(names, n.Fresh)
			}
			if !yield(at, names) {
				return
			}
		}
	}
}

func (m *memory) Keys(_ context.Context, n KeyNeed, each func(*KeyRow)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := 1
	for at, names := range n.asked() {
		for _, id := range names {
			if r, ok := m.keys[at][id]; ok && (!n.Refusals || r.refused() || slices.Contains(n.Whole, id)) {
				if left--; left < 0 && m.breakOff != nil {
					return m.breakOff
				}
				each(&r)
			}
		}
	}
	return nil
}

func (m *memory) ClientCandidates(_ context.Context, minutes []detect.Minute, from detect.Minute,
	c detect.ClientCandidate) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ips := map[string]bool{}
	for _, at := range minutes {
		for ip, r := range m.clients[at] {
			if ips[ip] || r.Invalid+r.AuthFailed+r.NotFound == 0 {
				continue
			}
			var rows []detect.ClientMinute
			for at := from; at <= minutes[len(minutes)-1]; at++ {
				if r, ok := m.clients[at][ip]; ok {
					rows = append(rows, r.ClientMinute)
				}
			}
			if clientMet(c, rows) {
				ips[ip] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(ips)), nil
}

func (m *memory) Clients(_ context.Context, n Need, each func(*ClientRow)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := 1
	for at, ips := range n.asked() {
		for _, ip := range ips {
			if r, ok := m.clients[at][ip]; ok {
				if left--; left < 0 && m.breakOff != nil {
					return m.breakOff
				}
				each(&r)
			}
		}
	}
	return nil
}

// The memory knows no rates.
func (m *memory) FloodCandidates(context.Context, detect.EntityType, []detect.Minute, uint64) ([]string, error) {
	return nil, nil
}

func (m *memory) Floods(context.Context, detect.EntityType, []string, []detect.Minute, func(*FloodRow)) error {
	return nil
}

func (m *memory) PairSeen(ctx context.Context, p Pair, before detect.Minute) (last detect.Minute, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at, pairs := range m.contracts {
		if at < before-before%60 && at > before-detect.ContractMemory && pairs[p].Count > 0 {
			last = max(last, at)
		}
	}
	return last, nil
}

func (m *memory) Past(ctx context.Context, at detect.Minute, keys, clients []string) (*Past, error) {
	p := &Past{}
	b, err := m.Rows(ctx, minutesOf(max(at-detect.MinuteHistory, m.first), at))
	if err != nil {
		return nil, err
	}
	p.Minutes = b.Services
	blocks := map[detect.Minute]map[string]BlockRow{}
	b, err = m.Rows(ctx, minutesOf(max(at-22*1440, m.first), at))
	if err != nil {
		return nil, err
	}
	dead := map[string]bool{}
	for _, r := range b.Services {
		start := r.Minute - r.Minute%5
		x := inner(blocks, start)[r.Service]
		x.Minute, x.Service = start, r.Service
		x.Add(r.Counts)
		blocks[start][r.Service] = x
	}
	for _, x := range blocks {
		for _, r := range x {
			p.Blocks = append(p.Blocks, r)
		}
	}
	add := func(r *KeyRow) { p.Keys = append(p.Keys, *r) }
	if err := m.Keys(ctx, KeyNeed{Need: Need{Names: keys, Minutes: minutesOf(max(at-keyMemory, m.first), at)},
		Refusals: true}, add); err != nil {
		return nil, err
	}
	m.mu.Lock()
	for _, at := range minutesOf(max(at-detect.KeyLookback-60, m.first), at) {
		for id, r := range m.keys[at] {
			if r.Dead > 0 {
				dead[id] = true
			}
		}
	}
	m.mu.Unlock()
	err = m.Keys(ctx, KeyNeed{Need: Need{Names: slices.Sorted(maps.Keys(dead)),
		Minutes: minutesOf(max(at-detect.KeyLookback, m.first), at)}}, add)
	if err != nil {
		return nil, err
	}
	err = m.Clients(ctx, Need{Names: clients, Minutes: minutesOf(max(at-detect.ClientLookback, m.first), at)},
		func(r *ClientRow) { p.Clients = append(p.Clients, *r) })
	if err != nil {
		return nil, err
	}
	for _, r := range b.Contracts {
		if r.Minute >= at-detect.ContractLookback {
			p.Contracts = append(p.Contracts, r)
		}
	}
	for _, r := range b.Versions {
		if r.Minute >= at-detect.DeployLookback {
			p.Versions = append(p.Versions, r)
		}
	}
	p.Deploys = m.told()
	p.Late = m.lateOf
	for _, r := range b.Sources {
		if r.Minute >= at-detect.SourceLookback {
			p.Sources = append(p.Sources, r)
		}
	}
	return p, nil
}

func (m *memory) Progress(context.Context) (Progress, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := Progress{Watermark: m.mark, Late: m.late, First: m.first}
	p.Evaluated = m.scored
	return p, nil
}

func (m *memory) Incidents(_ context.Context, since detect.Minute) (rows []Stored, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.incidents {
		if r.State == detect.Open || r.OpenedAt >= since || r.ClosedAt >= since {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows,
		func(a, b Stored) int { return cmp.Or(cmp.Compare(a.OpenedAt, b.OpenedAt), cmp.Compare(a.ID, b.ID)) })
	return rows, nil
}

// Write replaces like a ReplacingMergeTree.
func (m *memory) Write(_ context.Context, rows []Stored, scores []ScoreRow, version uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.writes++
	for _, r := range rows {
		if old, ok := m.incidents[r.ID]; !ok || r.Version >= old.Version {
			m.incidents[r.ID] = r
		}
	}
	for _, s := range scores {
		m.scores[scoreKey{s.Minute, s.Service, s.Series}] = s
		m.scored = max(m.scored, s.Minute)
	}
	return nil
}

// Errors implements Evidence: the memory knows none.
func (m *memory) Errors(context.Context, []detect.Minute, []detect.Deploy) ([]ErrorRow, error) {
	return nil, nil
}

func (m *memory) Seen(_ context.Context, list []detect.Deploy) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range list {
		m.deploys[d]++
	}
	return nil
}

// told are the deploys that were seen, by when they were known.
func (m *memory) told() []detect.Deploy {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Collect(maps.Keys(m.deploys))
	byKnown(list)
	return list
}

func (m *memory) Notes(context.Context, time.Time) ([]Note, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.notes), nil
}

func (m *memory) Retried(context.Context, string, detect.Minute, detect.Minute) (*Retried, error) {
	return &Retried{}, nil
}

func (m *memory) Sources(_ context.Context, from map[string][]detect.Minute, _ detect.Minute, each EachSource) error {
	for k, minutes := range from {
		for _, at := range minutes {
			each(k, at, []string{"192.0.2.1"}, []string{"curl/8"})
		}
	}
	return nil
}

func (m *memory) Lease(_ context.Context, instance string, now, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder != "" && m.holder != instance && now.Before(m.expires) {
		return false, nil
	}
	m.holder, m.expires = instance, until
	return true, nil
}

func (m *memory) Told(context.Context) (map[string]Told, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.meta), nil
}

func (m *memory) Tell(_ context.Context, id string, t Told) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meta[id] = t
	return nil
}
