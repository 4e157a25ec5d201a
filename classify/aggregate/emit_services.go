package aggregate

import "statline/classify"

// emitServicesHour sums the hour rows over routes, methods and codes. They are
// sorted by hour and service.
func (t *Table) emitServicesHour() {
	o := &t.out
	o.servicesHour = o.servicesHour[:0]
	for i := 0; i < len(o.responsesHour); {
		first := &o.responsesHour[i]
		var rows [256]uint32 // of each outcome
		j := i
		for ; j < len(o.responsesHour) && o.responsesHour[j].Minute == first.Minute &&
			o.responsesHour[j].Service == first.Service; j++ {
			rows[o.responsesHour[j].Outcome]++
		}
		for outcome, n := range rows {
			if n > 0 {
				o.servicesHour = append(o.servicesHour, o.serviceHour(o.responsesHour[i:j], classify.Outcome(outcome),
					n))
			}
		}
		i = j
	}
}

// serviceHour sums the n rows of one outcome among an hour's rows of a service.
// The histogram of a single row is shared with it.
func (o *output) serviceHour(rows []ResponseRow, outcome classify.Outcome, n uint32) ServiceHourRow {
	out := ServiceHourRow{Minute: rows[0].Minute, Service: rows[0].Service, Outcome: outcome}
	for i := range rows {
		r := &rows[i]
		if r.Outcome != outcome {
			continue
		}
		out.Requests += r.Requests
		if n == 1 {
			out.LatencyBuckets, out.LatencyCounts = r.LatencyBuckets, r.LatencyCounts
			out.UpstreamBuckets, out.UpstreamCounts = r.UpstreamBuckets, r.UpstreamCounts
			return out
		}
		o.scratch.add(r.LatencyBuckets, r.LatencyCounts)
		o.scratchUpstream.add(r.UpstreamBuckets, r.UpstreamCounts)
	}
	out.LatencyBuckets, out.LatencyCounts = o.takeHistogram(&o.scratch)
	out.UpstreamBuckets, out.UpstreamCounts = o.takeHistogram(&o.scratchUpstream)
	return out
}
