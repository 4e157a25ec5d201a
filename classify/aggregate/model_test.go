package aggregate

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"statline/classify"
	"statline/classify/agent"
)

// item is what Add is called with.
type item struct {
	r  classify.Response
	d  classify.Decision
	at Position
}

func fold(t *Table, items []item) Rows {
	t.Reset()
	for i := range items {
		t.Add(&items[i].r, items[i].d, items[i].at)
	}
	return t.Rows()
}

// randomItems draws from few values each, so that rows coincide, over some
// minutes around an hour's and a day's end.
func randomItems(rng *rand.Rand, n int) []item {
	pick := func(list ...string) []byte { return []byte(list[rng.IntN(len(list))]) }
	codes := []uint16{0, 0, 1, 1, 1, 7, 10, 24, 25, 25, 34, 77}
	statuses := []int16{-1, 0, 200, 200, 200, 301, 401, 404, 429, 500, 504}
	items := make([]item, n)
	for i := range items {
		r := &items[i].r
		r.Reset()
		r.UnixMilli = 1_700_006_400_000 - 90_000 + rng.Int64N(240_000)
		if rng.IntN(50) == 0 {
			r.UnixMilli = []int64{-5, 0, 1, 1 << 45}[rng.IntN(4)]
		}
		r.Service = pick("movies", "people", "search")
		r.Route = pick("/3/movie/{id}", "/3/search", "")
		r.Method = pick("GET", "get", "POST", "PURGE", "")
		r.Path, r.RequestID = fmt.Appendf(nil, "/path/%d?q=%d", rng.IntN(1000), i),
			fmt.Appendf(nil, "id-%d", rng.IntN(1000))
		r.Code, r.Status = codes[rng.IntN(len(codes))], statuses[rng.IntN(len(statuses))]
		if r.Code == 25 {
			r.Message = fmt.Appendf(nil, "Your request count (%d) is over the allowed limit of (40).", 40+rng.IntN(9))
		}
		if k := rng.IntN(9); k > 0 {
			r.Key = classify.KeyID{0: byte(k), 9: byte(k * 3)}
		}
		if k := rng.IntN(15); k > 0 {
			r.ClientIP = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(k)}
		}
		errorTypes := []string{"", "", "", "quota", "expired", "invalid_token", strings.Repeat("long", 30)}
		r.ErrorType = []byte(errorTypes[(5*i+len(r.Path))%len(errorTypes)])
		r.UserAgent = pick("", "a/1", "a/2", "b/1", "b/2", "c/1", "c/2", "d/1", "d/2", "e/1", "e/2")
		if rng.IntN(4) > 0 {
			r.LatencyMicros = rng.Int64N(1 << rng.IntN(45))
		}
		if rng.IntN(2) > 0 {
			r.UpstreamLatencyMicros = rng.Int64N(1 << 20)
		}
		r.Bytes = rng.Int64N(10_000) - 100
		r.Blame = classify.Blame(rng.IntN(4))
		if told := rand.New(rand.NewPCG(uint64(i), uint64(r.Bytes))); told.IntN(3) == 0 {
			r.Quota = classify.Quota{Limit: uint32(told.IntN(3) * 40), Window: uint32(told.IntN(2) * 10),
				RetryAfter: uint32(told.IntN(4))}
			if told.IntN(3) > 0 {
				r.Quota.SetLeft(uint32(told.IntN(40)))
			}
		}
		if told := rand.New(rand.NewPCG(uint64(i), 14)); told.IntN(4) > 0 {
			r.Agent = someAgents[told.IntN(len(someAgents))]
		}
		r.Attempt = uint16(max(0, 7*i%11-7)) // 0 to 3
		versions := []string{"", "", "1.8.0", "1.8.0", "1.9.0", "2.0.0-rc.1+7"}
		r.Version = []byte(versions[(11*i+len(r.RequestID))%len(versions)])
		items[i].d = classify.Builtin().Decide(r)
		items[i].at = Position{int32(rng.IntN(3)), int64(i)}
	}
	return items
}

// someAgents are some of each kind; the last three are of one name and of two numbers.
var someAgents = func() (list []classify.Agent) {
	m := agent.New()
	for _, header := range []string{"okhttp/4.12.0", "okhttp/4.11", "curl/8", "GPTBot/1.2", "Googlebot/2.1", "who/1",
		"Mozilla/5.0 Edg/126.0", "Mozilla/5.0 EdgA/126.0", "Mozilla/5.0 Firefox/127"} {
		list = append(list, m.Of([]byte(header)))
	}
	return list
}()

// naming is what a budget makes of an item's names.
type naming struct {
	service, route, errorType string
	key, client               [16]byte
	class, agent, version     string
}

func plain(it *item) naming {
	n := naming{service: string(it.r.Service), route: string(it.r.Route), key: it.r.Key, client: it.r.ClientIP}
	if it.r.Agent != (classify.Agent{}) {
		n.class, n.agent = agent.ClassOf(it.r.Agent).String(), agent.Name(it.r.Agent)
	}
	n.version = string(it.r.Version)
	if it.d.Outcome.Failure() {
		n.errorType = string(it.r.ErrorType[:min(len(it.r.ErrorType), maxErrorType)])
	}
	return n
}

// single is the definition of the minute rows of one response.
// Long because it is one row of each table, field by field.
func single(c Config, it *item, name naming) Rows {
	r, d := &it.r, it.d
	second := uint32(min(max(r.UnixMilli, 0)/1000, 1<<32-1))
	minute := second / 60 * 60
	m := string(bytes.ToUpper(r.Method))
	if !slices.Contains([]string{"", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"},
		m) {
		m = "OTHER"
	}
	size := uint64(max(r.Bytes, 0))
	status := uint16(max(r.Status, 0))
	response := ResponseRow{
		Minute: minute, Service: name.service, Route: name.route, Method: m, ErrorType: name.errorType,
		HTTPStatus: status, Code: d.Code,
		Outcome: d.Outcome, DecidedBy: d.DecidedBy, Blame: r.Blame, Requests: 1, Bytes: size,
	}
	if d.Drift {
		response.Drift = 1
	}
	if us := min(r.LatencyMicros, maxMicros); us >= 0 {
		response.LatencyMicros = uint64(us)
		response.LatencyBuckets, response.LatencyCounts = []uint16{Bucket(us)}, []uint64{1}
	}
	if r.UpstreamLatencyMicros >= 0 {
		response.UpstreamRequests, response.UpstreamMicros = 1, uint64(r.UpstreamLatencyMicros)
		response.UpstreamBuckets, response.UpstreamCounts = []uint16{Bucket(r.UpstreamLatencyMicros)}, []uint64{1}
	}
	if r.Attempt > 1 {
		response.Retries = 1
	}
	day := DayCount{Day: int32(minute / 86400), Responses: 1}
	rows := Rows{
		Responses: []ResponseRow{response}, Responded: 1, MinUnixMilli: r.UnixMilli, MaxUnixMilli: r.UnixMilli,
		Services: []ServiceRow{{minute, name.service, d.Outcome, name.version, 1}},
	}
	var slot uint64
	if d.Outcome == classify.RateLimited {
		slot = 1 << (second % 60 / uint32(c.SlotSeconds))
	}
	if r.Key != (classify.KeyID{}) {
		day.Keyed = 1
		told := KeyTold{Quota: r.Quota}
		if r.Attempt > 1 {
			told.Retries = 1
		}
		k := KeyRow{Minute: minute, Key: name.key, Service: name.service, Outcome: d.Outcome, Code: d.Code, Requests: 1,
			Bytes: size, KeyFailure: &KeyFailure{}, KeyTold: &told}
		if d.Outcome.Failure() {
			k.ErrorType = name.errorType
			k.CountMax, k.LimitMax, k.Slots, k.FirstSeen, k.LastSeen = d.Count, d.Limit, slot, second, second
			if slot != 0 {
				k.SlotSeconds = uint8(c.SlotSeconds)
			}
			if r.ClientIP != ([16]byte{}) {
				k.ClientIPs = [][16]byte{r.ClientIP}
			}
			if len(r.UserAgent) > 0 {
				k.UserAgents = []string{string(r.UserAgent)}
			}
		}
		rows.Keys = ListOf([]KeyRow{k})
	}
	if r.ClientIP != ([16]byte{}) {
		day.Addressed = 1
		cl := ClientRow{Minute: minute, ClientIP: name.client, Outcome: d.Outcome, Code: d.Code, Requests: 1,
			ClientFailure: &ClientFailure{}}
		if d.Outcome.Failure() {
			cl.Slots = slot
			if path, _, _ := strings.Cut(string(r.Path), "?"); r.Status == 404 && path != "" {
				cl.Paths.Add(hashBytes([]byte(path), mix2))
			}
			if r.Key != (classify.KeyID{}) {
				cl.Keys = []classify.KeyID{r.Key}
			}
		}
		rows.Clients = ListOf([]ClientRow{cl})
	}
	if name.class != "" {
		day.Agented = 1
		row := AgentRow{Minute: minute, Service: name.service, Class: name.class, Agent: name.agent, Outcome: d.Outcome,
			Requests: 1}
		if r.Key != (classify.KeyID{}) {
			row.Keys.Set(r.Key[15])
		}
		rows.Agents = []AgentRow{row}
	}
	rows.Days = []DayCount{day}
	rows.Samples = []SampleRow{{
		Minute: minute, Service: name.service, Outcome: d.Outcome, UnixMilli: r.UnixMilli, Route: name.route, Method: m,
		Path: string(r.Path), HTTPStatus: status, Code: d.Code, Message: string(r.Message), Key: r.Key,
		ClientIP:      r.ClientIP,
		LatencyMicros: r.LatencyMicros, UpstreamStatus: r.UpstreamStatus, RequestID: string(r.RequestID),
		UserAgent: string(r.UserAgent), Partition: it.at.Partition, Offset: it.at.Offset,
	}}
	return rows
}

// collect adds rows up by key, the way the store's engines do.
type collect[K comparable, V any] struct {
	rows map[K]*V
	add  func(into, from *V)
}

func (c *collect[K, V]) put(k K, v V) {
	if c.rows == nil {
		c.rows = map[K]*V{}
	}
	if old := c.rows[k]; old != nil {
		c.add(old, &v)
	} else {
		c.rows[k] = &v
	}
}

func (c *collect[K, V]) sorted(compare func(a, b *V) int) []V {
	list := slices.SortedFunc(maps.Values(c.rows), compare)
	out := make([]V, len(list))
	for i, v := range list {
		out[i] = *v
	}
	return out
}

type (
	responseKey struct {
		minute                 uint32
		service, route, method string
		errorType              string
		status, code           uint16
		outcome                classify.Outcome
		by                     classify.DecidedBy
		blame                  classify.Blame
	}
	keyKey struct {
		minute  uint32
		key     classify.KeyID
		service string
		outcome classify.Outcome
		code    uint16
		errors  string
	}
	clientKey struct {
		minute  uint32
		ip      [16]byte
		outcome classify.Outcome
		code    uint16
	}
	serviceKey struct {
		minute  uint32
		service string
		outcome classify.Outcome
		version string
	}
)

// mergeAll is the definition of merging: sums, extremes, unions cut to the
// members with the smallest hashes, hours from minutes.
// Long because it is one merge for each table.
func mergeAll(c Config, parts ...Rows) Rows {
	addResponse := func(a, b *ResponseRow) {
		a.Requests += b.Requests
		a.Bytes += b.Bytes
		a.Drift += b.Drift
		a.LatencyMicros += b.LatencyMicros
		a.UpstreamRequests += b.UpstreamRequests
		a.UpstreamMicros += b.UpstreamMicros
		a.Retries += b.Retries
		a.LatencyBuckets, a.LatencyCounts = mergeHistograms(a.LatencyBuckets, a.LatencyCounts, b.LatencyBuckets,
			b.LatencyCounts)
		a.UpstreamBuckets, a.UpstreamCounts = mergeHistograms(a.UpstreamBuckets, a.UpstreamCounts, b.UpstreamBuckets,
			b.UpstreamCounts)
	}
	addKey := func(a, b *KeyRow) {
		a.Requests += b.Requests
		a.Bytes += b.Bytes
		q := classify.Quota{Limit: max(a.Quota.Limit, b.Quota.Limit), Window: max(a.Quota.Window, b.Quota.Window),
			RetryAfter: max(a.Quota.RetryAfter, b.Quota.RetryAfter), Low: max(a.Quota.Low, b.Quota.Low)}
		// not a part's
		a.KeyTold = &KeyTold{Quota: q, Retries: a.Retries + b.Retries}
		// not a part's
		a.KeyFailure = &KeyFailure{a.ErrorType, a.CountMax, a.LimitMax, a.Slots, max(a.SlotSeconds, b.SlotSeconds),
			a.FirstSeen, a.LastSeen, a.ClientIPs, a.UserAgents}
		a.CountMax, a.LimitMax = max(a.CountMax, b.CountMax), max(a.LimitMax, b.LimitMax)
		a.Slots |= b.Slots
		a.FirstSeen, a.LastSeen = min(a.FirstSeen, b.FirstSeen), max(a.LastSeen, b.LastSeen)
		a.ClientIPs = smallest(c.SetSize, hashArray, compareArrays, a.ClientIPs, b.ClientIPs)
		a.UserAgents = smallest(c.SetSize, hashString, cmp.Compare[string], a.UserAgents, b.UserAgents)
	}
	responses, hours := collect[responseKey, ResponseRow]{add: addResponse},
		collect[responseKey, ResponseRow]{add: addResponse}
	keys, keyHours := collect[keyKey, KeyRow]{add: addKey}, collect[keyKey, KeyRow]{add: addKey}
	clients := collect[clientKey, ClientRow]{add: func(a, b *ClientRow) {
		a.Requests += b.Requests
		a.ClientFailure = &ClientFailure{a.Slots, a.Keys, a.Paths} // not a part's
		a.Slots |= b.Slots
		a.Paths.Join(b.Paths)
		a.Keys = smallest(keySetSize, hashID, compareIDs, a.Keys, b.Keys)
	}}
	services := collect[serviceKey, ServiceRow]{add: func(a, b *ServiceRow) { a.Requests += b.Requests }}
	serviceHours := collect[serviceKey, ServiceHourRow]{add: func(a, b *ServiceHourRow) {
		a.Requests += b.Requests
		a.LatencyBuckets, a.LatencyCounts = mergeHistograms(a.LatencyBuckets, a.LatencyCounts, b.LatencyBuckets,
			b.LatencyCounts)
		a.UpstreamBuckets, a.UpstreamCounts = mergeHistograms(a.UpstreamBuckets, a.UpstreamCounts, b.UpstreamBuckets,
			b.UpstreamCounts)
	}}
	addAgent := func(a, b *AgentRow) {
		a.Requests += b.Requests
		a.Keys.Join(b.Keys)
	}
	agents, agentHours := collect[AgentRow, AgentRow]{add: addAgent}, collect[AgentRow, AgentRow]{add: addAgent}
	days := collect[int32, DayCount]{add: func(a, b *DayCount) {
		a.Responses += b.Responses
		a.Keyed += b.Keyed
		a.Addressed += b.Addressed
		a.Agented += b.Agented
	}}
	samples := map[serviceKey][]SampleRow{}
	var all Rows
	for i, p := range parts {
		for _, r := range p.Responses {
			k := responseKey{r.Minute, r.Service, r.Route, r.Method, r.ErrorType, r.HTTPStatus, r.Code, r.Outcome,
				r.DecidedBy, r.Blame}
			responses.put(k, r)
			r.Minute -= r.Minute % 3600
			k.minute = r.Minute
			hours.put(k, r)
			at := serviceKey{r.Minute, r.Service, r.Outcome, ""}
			serviceHours.put(at, ServiceHourRow{r.Minute, r.Service, r.Outcome,
				r.Requests, r.LatencyBuckets, r.LatencyCounts, r.UpstreamBuckets, r.UpstreamCounts})
		}
		for _, r := range p.Keys.All() {
			k := keyKey{r.Minute, r.Key, r.Service, r.Outcome, r.Code, r.ErrorType}
			keys.put(k, r)
			r.Minute -= r.Minute % 3600
			failure := *r.KeyFailure
			failure.Slots, failure.SlotSeconds, k.minute = 0, 0, r.Minute
			r.KeyFailure = &failure
			keyHours.put(k, r)
		}
		for _, r := range p.Clients.All() {
			clients.put(clientKey{r.Minute, r.ClientIP, r.Outcome, r.Code}, r)
		}
		for _, r := range p.Agents {
			k := AgentRow{Minute: r.Minute, Service: r.Service, Class: r.Class, Agent: r.Agent, Outcome: r.Outcome}
			agents.put(k, r)
			r.Minute -= r.Minute % 3600
			k.Minute = r.Minute
			agentHours.put(k, r)
		}
		for _, r := range p.Services {
			services.put(serviceKey{r.Minute, r.Service, r.Outcome, r.Version}, r)
		}
		for _, d := range p.Days {
			days.put(d.Day, d)
		}
		for _, s := range p.Samples {
			k := serviceKey{s.Minute, s.Service, s.Outcome, ""}
			samples[k] = append(samples[k], s)
		}
		if i == 0 {
			all.MinUnixMilli, all.MaxUnixMilli = p.MinUnixMilli, p.MaxUnixMilli
		}
		all.MinUnixMilli, all.MaxUnixMilli = min(all.MinUnixMilli, p.MinUnixMilli),
			max(all.MaxUnixMilli, p.MaxUnixMilli)
		all.Responded += p.Responded
	}
	all.Responses, all.ResponsesHour = responses.sorted(compareResponses), hours.sorted(compareResponses)
	all.Keys, all.KeysHour = ListOf(keys.sorted(compareKeys)), ListOf(keyHours.sorted(compareKeys))
	all.Clients = ListOf(clients.sorted(func(a, b *ClientRow) int {
		return cmp.Or(cmp.Compare(a.Minute/86400, b.Minute/86400), cmp.Compare(a.Outcome.String(), b.Outcome.String()),
			bytes.Compare(a.ClientIP[:], b.ClientIP[:]), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Minute, b.Minute))
	}))
	all.Agents, all.AgentsHour = agents.sorted((*AgentRow).compare), agentHours.sorted((*AgentRow).compare)
	all.Services = services.sorted(func(a, b *ServiceRow) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Version, b.Version))
	})
	all.ServicesHour = serviceHours.sorted(func(a, b *ServiceHourRow) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.Outcome, b.Outcome))
	})
	all.Days = days.sorted(func(a, b *DayCount) int { return cmp.Compare(a.Day, b.Day) })
	all.Samples = cutSamples(c, samples)
	return all
}

func cutSamples(c Config, groups map[serviceKey][]SampleRow) []SampleRow {
	var out []SampleRow
	position := func(s *SampleRow) uint64 { return mixWords(uint64(uint32(s.Partition)), uint64(s.Offset)) }
	for k, list := range groups {
		sort.Slice(list, func(i, j int) bool { return position(&list[i]) < position(&list[j]) })
		n := 1
		if k.outcome.Failure() {
			n = c.SampleSlots
		}
		for i, s := range list[:min(n, len(list))] {
			s.Slot = uint8(i)
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b SampleRow) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Slot, b.Slot))
	})
	return out
}

func compareResponses(a, b *ResponseRow) int {
	return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Route, b.Route),
		cmp.Compare(a.Method, b.Method), cmp.Compare(a.ErrorType, b.ErrorType), cmp.Compare(a.HTTPStatus, b.HTTPStatus),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.DecidedBy, b.DecidedBy), cmp.Compare(a.Blame, b.Blame))
}

func compareKeys(a, b *KeyRow) int {
	return cmp.Or(cmp.Compare(a.Minute/86400, b.Minute/86400), cmp.Compare(a.Outcome.String(), b.Outcome.String()),
		cmp.Compare(a.Key.String(), b.Key.String()), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.ErrorType, b.ErrorType), cmp.Compare(a.Minute, b.Minute))
}

func mergeHistograms(b1 []uint16, c1 []uint64, b2 []uint16, c2 []uint64) (buckets []uint16, counts []uint64) {
	sum := map[uint16]uint64{}
	for i, b := range b1 {
		sum[b] += c1[i]
	}
	for i, b := range b2 {
		sum[b] += c2[i]
	}
	for _, b := range slices.Sorted(maps.Keys(sum)) {
		buckets, counts = append(buckets, b), append(counts, sum[b])
	}
	return buckets, counts
}

func smallest[V comparable](n int, hash func(V) uint64, compare func(a, b V) int, lists ...[]V) []V {
	all := map[V]bool{}
	for _, l := range lists {
		for _, v := range l {
			all[v] = true
		}
	}
	list := slices.SortedFunc(maps.Keys(all), func(a, b V) int { return cmp.Compare(hash(a), hash(b)) })
	list = list[:min(n, len(list))]
	slices.SortFunc(list, compare)
	return list
}
