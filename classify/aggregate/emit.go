package aggregate

import (
	"cmp"
	"slices"

	"statline/classify"
)

// output is the memory of Rows, kept from block to block.
type output struct {
	resolved resolved

	responseRefs  []ref // (minute, rank of dimensions, b)
	spareRefs     []ref
	order, spare  []uint32
	starts        []int
	responses     []ResponseRow
	responsesHour []ResponseRow
	services      []ServiceRow
	versions      []ServiceRow // those that tell a version
	servicesHour  []ServiceHourRow
	agentRows     []AgentRow
	agentsHour    []AgentRow
	// What the rows of keys and clients have besides their counts. After them, the
	// numbers in keys.cold and clients.cold are of these failures.
	keysTruncated, clientsTruncated bool
	keyFailures, hourFailures       []KeyFailure
	hourTold                        []KeyTold
	keyHours                        []keyHour
	clientFailures                  []ClientFailure
	samples                         []SampleRow
	labels                          []KeyNameRow
	days                            []DayCount

	buckets                  []uint16
	counts                   []uint64
	scratch, scratchUpstream histogramSum
	ips                      [][16]byte
	agents                   []string
	ids                      []classify.KeyID
}

// Rows returns what has been folded since Reset. The result and everything in it but
// the strings is valid until Reset. Its lists may be read by several goroutines.
//
// After Rows, only Reset (or Rows again) may follow.
func (t *Table) Rows() Rows {
	if !t.sealed {
		t.flush()
		t.sealed = true
		t.rows = t.emit()
	}
	return t.rows
}

func (t *Table) emit() Rows {
	rows := Rows{Responded: t.count}
	if t.count == 0 {
		return rows
	}
	rows.MinUnixMilli, rows.MaxUnixMilli = t.min, t.max
	o := &t.out
	o.buckets, o.counts, o.ips = o.buckets[:0], o.counts[:0], o.ips[:0]
	o.agents, o.ids = o.agents[:0], o.ids[:0]
	o.resolved.resolve(t, &rows.Other)

	t.emitResponses()
	t.emitResponsesHour()
	t.emitServices(t.versionRows(&rows.Other))
	t.emitServicesHour()
	rows.Responses, rows.ResponsesHour, rows.Days = o.responses, o.responsesHour, o.days
	rows.Services, rows.ServicesHour = o.services, o.servicesHour
	otherKeys := t.emitKeys(&rows.Other)
	t.emitKeysHour()
	t.emitClients(&rows.Other)
	t.emitAgents(&rows.Other)
	t.emitAgentsHour()
	rows.Keys, rows.KeysHour, rows.Clients = t.listKeys(), t.listKeysHour(), t.listClients()
	rows.Agents, rows.AgentsHour = o.agentRows, o.agentsHour
	rows.SumDays()
	t.emitSamples()
	t.emitLabels(otherKeys)
	rows.Samples, rows.KeyNames = o.samples, o.labels
	return rows
}

// emitResponses sorts the rows and merges rows that are equal after budgets.
func (t *Table) emitResponses() {
	o := &t.out
	o.responseRefs, o.responses = o.responseRefs[:0], o.responses[:0]
	for i := 1; i < len(t.responses.rows); i++ {
		row := &t.responses.rows[i]
		rank := o.resolved.dimensionRank[numberIn(row.cell)]
		o.responseRefs = append(o.responseRefs, numberRef(minuteIn(row.cell), rank, row.answer, uint32(i)))
	}
	o.sort(o.responseRefs)
	w := 0
	for i := 0; i < len(o.responseRefs); {
		j := i + 1
		for j < len(o.responseRefs) && o.responseRefs[i].w == o.responseRefs[j].w {
			j++
		}
		t.emitResponse(o.responseRefs[i:j])
		o.responseRefs[w] = o.responseRefs[i] // from here on parallel to responses
		w++
		i = j
	}
	o.responseRefs = o.responseRefs[:w]
}

func (o *output) sort(refs []ref) {
	o.spareRefs = slices.Grow(o.spareRefs[:0], len(refs))[:len(refs)]
	sortRefs(refs, o.spareRefs)
}

func (t *Table) emitResponse(run []ref) {
	o := &t.out
	d := &o.resolved.dimensions[run[0].number()]
	a := run[0].answer()
	out := ResponseRow{
		Minute: run[0].minute() * 60, Service: d.service, Route: d.route, Method: d.method.String(),
		ErrorType: d.errorType, HTTPStatus: a.status(), Code: a.code(), Outcome: a.outcome(), DecidedBy: a.decidedBy(),
		Blame:     a.blame(),
		Truncated: o.resolved.truncatedRoutes || o.resolved.truncatedErrors,
	}
	for _, ref := range run {
		row, up := &t.responses.rows[ref.row], &t.responses.upstream[ref.row]
		out.Requests += row.requests
		out.Bytes += row.bytes
		out.Drift += row.drift
		out.LatencyMicros += row.latency
		out.UpstreamRequests += up.requests
		out.UpstreamMicros += up.micros
		out.Retries += uint64(up.retries)
	}
	out.LatencyBuckets, out.LatencyCounts = t.histogramOf(run,
		func(row uint32) uint32 { return t.responses.rows[row].histogram })
	if out.UpstreamRequests > 0 {
		out.UpstreamBuckets, out.UpstreamCounts = t.histogramOf(run,
			func(row uint32) uint32 { return t.responses.upstream[row].histogram })
	}
	o.responses = append(o.responses, out)
}

// histogramOf is the sum of the histograms of a run's rows, in the output's memory.
func (t *Table) histogramOf(run []ref, of func(row uint32) uint32) ([]uint16, []uint64) {
	o, h := &t.out, &t.responses.histograms
	if len(run) > 1 {
		for _, ref := range run {
			if d := of(ref.row); d != 0 { // 0 takes what has no time
				h.addTo(&o.scratch, d)
			}
		}
		return o.takeHistogram(&o.scratch)
	}
	from := len(o.buckets)
	o.buckets, o.counts = h.appendTo(o.buckets, o.counts, of(run[0].row))
	to := len(o.buckets)
	return o.buckets[from:to:to], o.counts[from:to:to]
}

// emitResponsesHour merges the minute rows of an hour.
func (t *Table) emitResponsesHour() {
	o := &t.out
	o.responsesHour = o.responsesHour[:0]
	hourOf := func(i uint32) uint32 { return o.responses[i].Minute / 3600 }
	minuteOf := func(i uint32) uint32 { return o.responses[i].Minute }
	o.mergeMinutes(len(o.responses), minuteOf, func(a, b uint32) int {
		return o.responseRefs[a].compareWithin(&o.responseRefs[b])
	})
	for i := 0; i < len(o.order); {
		first := o.order[i]
		out := o.responses[first]
		out.Minute = hourOf(first) * 3600
		j := i + 1
		for ; j < len(o.order); j++ {
			next := o.order[j]
			if hourOf(next) != hourOf(first) || o.responseRefs[first].compareWithin(&o.responseRefs[next]) != 0 {
				break
			}
			if j == i+1 {
				o.scratch.add(out.LatencyBuckets, out.LatencyCounts)
				o.scratchUpstream.add(out.UpstreamBuckets, out.UpstreamCounts)
			}
			r := &o.responses[next]
			out.Requests += r.Requests
			out.Bytes += r.Bytes
			out.Drift += r.Drift
			out.LatencyMicros += r.LatencyMicros
			out.UpstreamRequests += r.UpstreamRequests
			out.UpstreamMicros += r.UpstreamMicros
			out.Retries += r.Retries
			o.scratch.add(r.LatencyBuckets, r.LatencyCounts)
			o.scratchUpstream.add(r.UpstreamBuckets, r.UpstreamCounts)
		}
		if j > i+1 {
			out.LatencyBuckets, out.LatencyCounts = o.takeHistogram(&o.scratch)
			out.UpstreamBuckets, out.UpstreamCounts = o.takeHistogram(&o.scratchUpstream)
		}
		o.responsesHour = append(o.responsesHour, out)
		i = j
	}
}

// takeHistogram moves a sum to the output; an empty sum takes no memory there.
func (o *output) takeHistogram(sum *histogramSum) ([]uint16, []uint64) {
	if sum.touched == 0 {
		return nil, nil
	}
	from := len(o.buckets)
	o.buckets, o.counts = sum.take(o.buckets, o.counts)
	to := len(o.buckets)
	return o.buckets[from:to:to], o.counts[from:to:to]
}

// mergeMinutes leaves in order the positions of n rows, sorted by minute and
// then by compare, in the order (hour, compare): it merges the minutes of each
// hour, which are sorted already.
func (o *output) mergeMinutes(n int, minute func(i uint32) uint32, compare func(a, b uint32) int) {
	o.order = slices.Grow(o.order[:0], n)[:n]
	o.spare = slices.Grow(o.spare[:0], n)[:n]
	for i := range o.order {
		o.order[i] = uint32(i)
	}
	for i := 0; i < n; {
		hour := minute(uint32(i)) / 3600
		o.starts = append(o.starts[:0], i)
		last := minute(uint32(i))
		j := i + 1
		for ; j < n && minute(uint32(j))/3600 == hour; j++ {
			if m := minute(uint32(j)); m != last {
				o.starts = append(o.starts, j)
				last = m
			}
		}
		mergeRuns(o.order, o.spare, append(o.starts, j), compare)
		i = j
	}
}

// mergeRuns merges the sorted runs of order between the given bounds, pair by
// pair until one is left. It is stable and overwrites bounds.
func mergeRuns(order, spare []uint32, bounds []int, compare func(a, b uint32) int) {
	for len(bounds) > 2 {
		w := 1
		for i := 0; i+1 < len(bounds); i += 2 {
			if i+2 >= len(bounds) {
				bounds[w] = bounds[i+1]
				w++
				break
			}
			merge(order, spare, bounds[i], bounds[i+1], bounds[i+2], compare)
			bounds[w] = bounds[i+2]
			w++
		}
		bounds = bounds[:w]
	}
}

func merge(order, spare []uint32, from, middle, to int, compare func(a, b uint32) int) {
	copy(spare[from:middle], order[from:middle])
	i, j, w := from, middle, from
	for i < middle && j < to {
		if compare(spare[i], order[j]) <= 0 {
			order[w] = spare[i]
			i++
		} else {
			order[w] = order[j]
			j++
		}
		w++
	}
	copy(order[w:], spare[i:middle])
}

// emitServices and the days follow from the response rows, which are sorted by
// minute and service, and from those that tell a version.
func (t *Table) emitServices(told []ServiceRow) {
	o := &t.out
	o.services, o.days = o.services[:0], o.days[:0]
	for i := 0; i < len(o.responses); {
		first := &o.responses[i]
		var requests [256]uint64
		var total uint64
		j := i
		for ; j < len(o.responses) && o.responses[j].Minute == first.Minute &&
			o.responses[j].Service == first.Service; j++ {
			requests[o.responses[j].Outcome] += o.responses[j].Requests
			total += o.responses[j].Requests
		}
		for outcome, n := range requests {
			if n > 0 {
				told = o.splitVersions(ServiceRow{Minute: first.Minute, Service: first.Service,
					Outcome: classify.Outcome(outcome), Requests: n}, told)
			}
		}
		day := int32(first.Minute / 86400)
		if n := len(o.days); n == 0 || o.days[n-1].Day != day {
			o.days = append(o.days, DayCount{Day: day})
		}
		o.days[len(o.days)-1].Responses += total
		i = j
	}
}

func (t *Table) emitSamples() {
	o := &t.out
	o.samples = o.samples[:0]
	s := &t.samples
	type group struct {
		minute, rank uint32
		outcome      classify.Outcome
		n            uint32
	}
	groups := make([]group, len(s.heads))
	for i, k := range s.groups.keys {
		groups[i] = group{minuteIn(k[0]), o.resolved.serviceRank[numberIn(k[0])], classify.Outcome(k[1]), uint32(i)}
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.rank, b.rank), cmp.Compare(a.outcome, b.outcome))
	})
	var candidates []*sample
	for i := 0; i < len(groups); {
		g := groups[i]
		candidates = candidates[:0]
		size := int(s.heads[g.n].size)
		j := i
		for ; j < len(groups) && groups[j].minute == g.minute && groups[j].rank == g.rank &&
			groups[j].outcome == g.outcome; j++ {
			n := int(groups[j].n)
			for k := range int(s.heads[n].n) {
				candidates = append(candidates, &s.kept[n*s.slots+k])
			}
		}
		slices.SortFunc(candidates, s.compare)
		for slot, c := range candidates[:min(len(candidates), size)] {
			o.samples = append(o.samples, t.sampleRow(c, g.minute*60, g.outcome, uint8(slot)))
		}
		i = j
	}
}

func (t *Table) sampleRow(c *sample, minute uint32, outcome classify.Outcome, slot uint8) SampleRow {
	text := string(c.text)
	d := &t.out.resolved.dimensions[t.out.resolved.dimensionRank[c.dim]]
	return SampleRow{
		Minute: minute, Service: d.service, Outcome: outcome, Slot: slot,
		UnixMilli: c.milli, Route: d.route, Method: d.method.String(), Path: text[:c.ends[0]],
		HTTPStatus: c.status, Code: c.code, Message: text[c.ends[0]:c.ends[1]],
		Key: c.key, ClientIP: c.ip, LatencyMicros: c.latency, UpstreamStatus: c.upstreamStatus,
		RequestID: text[c.ends[1]:c.ends[2]], UserAgent: text[c.ends[2]:],
		Partition: c.at.Partition, Offset: c.at.Offset,
	}
}

// emitLabels emits the names of the keys that are kept; other has the rest.
func (t *Table) emitLabels(other overBudgetSet) {
	o := &t.out
	o.labels = o.labels[:0]
	for _, l := range t.labels.list {
		if !other.has(l.key) {
			o.labels = append(o.labels, KeyNameRow{classify.KeyID(l.key.array()), t.keyNames.list[l.name]})
		}
	}
	slices.SortFunc(o.labels, func(a, b KeyNameRow) int {
		return wordsOf(a.Key).compare(wordsOf(b.Key))
	})
}
