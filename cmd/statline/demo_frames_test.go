package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"statline/dashboards/report"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/config"
	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/traffic"
)

// Promise: the counts of a frame are of one moment. While blocks of four partitions
// are written, whatever a frame counts twice is the same number.
func TestFramesAreOfOneMoment(t *testing.T) {
	ctx := t.Context()
	cfg := config.Default()
	cfg.Local.Data = t.TempDir()
	e, err := openEmbedded(ctx, cfg, schema.DefaultTTL(),
		sandbox.Config{Kafka: "127.0.0.1:0", ClickHouse: "127.0.0.1:0", Partitions: 4, Topics: []string{demoTopic}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
	}()
	client, p, err := demoPipeline(e, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	g, err := traffic.New(traffic.Config{Seed: 7, Scenario: traffic.Mixed, Rate: 4000 / demoSpeed,
		Start: time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{options: &demoOptions{}, embedded: e, traffic: g, began: time.Now(), before: &report.Report{}}
	working, stop := context.WithCancel(ctx)
	group, working := errgroup.WithContext(working)
	group.Go(func() error { return (&ingest.Daemon{Pipeline: p}).Run(working) })
	group.Go(func() error {
		return traffic.Produce(working, e.sandbox.Brokers(), demoTopic, g,
			traffic.ProduceOptions{Speed: demoSpeed, Progress: d.produced.set})
	})
	var last frame
	moved, refused := 0, 0
	for began := time.Now(); moved < 15 && time.Since(began) < time.Minute && working.Err() == nil; {
		f, err := d.frame(ctx, last, &framePace{})
		if errors.Is(err, block.ErrHalfWritten) {
			refused++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Stored > last.Stored {
			moved++
		}
		for _, what := range disagreements(f) {
			t.Errorf("frame %d: %s", moved, what)
		}
		last = f
	}
	stop()
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if moved < 15 || refused > 3 {
		t.Errorf("%d frames had news, %d found blocks half written for %s; want 15 and hardly any", moved, refused,
			framePatience)
	}
}

// disagreements are the counts of a frame that are not what another of its counts
// says.
func disagreements(f frame) (all []string) {
	if f.Sum == nil {
		return nil
	}
	r := f.Sum
	same := func(what string, got, want uint64) {
		if got != want {
			all = append(all, fmt.Sprintf("%s: %d; the ledger and the outcomes say %d", what, got, want))
		}
	}
	same("responses of the ledger", r.Responses, r.ByOutcome.Total())
	same("responses by code", r.ByCode.Total(), r.Responses)
	same("responses by service", r.ByService.Total(), r.Responses)
	same("responses by HTTP status", r.ByHTTPStatus.Total(), r.Responses)
	same("rejects by reason", r.RejectReasons.Total(), r.Rejected)
	var services, why uint64
	for _, s := range r.Services {
		services += s.Requests
	}
	for _, w := range r.Why {
		why += w.Requests
	}
	same("requests of the services", services, r.Responses)
	if failed := r.ByOutcome.Failures().Total(); why > failed || why < failed*9/10 { // those with most alone are listed
		all = append(all, fmt.Sprintf("reasons of %d failures; there are %d", why, failed))
	}
	var refused uint64 // a code of its own is a row of its own
	for _, w := range r.Who {
		if w.Outcome == "rate_limited" {
			refused += w.Requests
		}
		if w.Requests > w.OfKey {
			all = append(all, fmt.Sprintf("key %s: %d of %d", w.Key, w.Requests, w.OfKey))
		}
	}
	if refused > r.ByOutcome["rate_limited"] {
		all = append(all, fmt.Sprintf("keys were refused %d times; all together %d", refused,
			r.ByOutcome["rate_limited"]))
	}
	if !f.EventTime.Equal(*r.Last) {
		all = append(all, fmt.Sprintf("the newest event is of %s; the ledger says %s", f.EventTime, r.Last))
	}
	return all
}
