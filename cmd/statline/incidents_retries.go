package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/classify/repeats"
	"statline/dashboards/report"
)

// estimateRetries estimates from the log how many requests to its service were retries
// during an incident.
func estimateRetries(ctx context.Context, st *settings, s *asked, i *report.Incident) (*repeats.Estimate, error) {
	switch detect.Kind(i.Kind) {
	case detect.TimeoutSpike, detect.Outage, detect.ErrorSpike, detect.TrafficSurge:
	default:
		return nil, usage("from-kafka: got an incident of kind %s; want one of %s, %s, %s or %s: they have a service that is tried again",
			i.Kind, detect.TimeoutSpike, detect.Outage, detect.ErrorSpike, detect.TrafficSurge)
	}
	to := time.Now().UTC()
	if i.Closed != nil {
		to = *i.Closed
	}
	e := repeats.New(i.Opened, to)
	err := recount(ctx, st, s, i.Opened.Add(-repeats.Before), to, func(r *classify.Response, o classify.Outcome) {
		if string(r.Service) == i.Entity {
			e.Add(r, o)
		}
	})
	if err == nil && e.Full() {
		err = fmt.Errorf("from-kafka: the incident and the hour before it have more than %d requests with a key",
			repeats.MaxRequests)
	}
	if err != nil {
		return nil, err
	}
	return e.Estimate(), nil
}

func printRetries(w io.Writer, st style, e *repeats.Estimate) {
	st.heading(w, "Retries, estimated")
	said := fmt.Sprintf("%s (give or take %s)", count(e.Retries), count(e.Margin))
	if e.Retries == 0 {
		said = "none beyond what chance explains,"
	}
	fmt.Fprintf(w, "  %s of %s requests with a key; %s declare it themselves\n", said, count(e.Requests), count(e.Declared))
	fmt.Fprintf(w, "  %s of %s failures that can be judged were followed up by the same key, method and route within %s;\n"+
		"  by chance it would be %.0f; not judged: %s\n", count(e.Followed), count(e.Judged), repeats.MaxGap, e.Chance,
		count(e.Failures-e.Judged))
}
