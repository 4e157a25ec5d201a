package ingest_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"statline/ingest"
	"statline/ingest/ingesttest"
	"statline/ingest/retry"
	"statline/ingest/sandbox/faultproxy"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// Promise: what stops a partition and is soon over costs seconds, not the pause
// of what lasts: a proxy that answers 404 for two seconds, a table that is away
// for two. Meanwhile readiness is red and says what to do, and however many
// partitions are concerned, the log has one line about it.
func TestStoppedForAShortTime(t *testing.T) {
	r := ingesttest.New(t, "stopped")
	proxy, err := faultproxy.HTTP(sandboxtest.Sandbox(t).ClickHouseURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	r.Partitions = 12
	r.Into = storetest.On(t, r.Topic, func(c *store.Config) { c.URL = proxy.URL() })
	var log logged
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	p, client := r.Pipeline(func(c *ingest.Config) { c.UntilCaughtUp, c.FlushInterval = false, 200*time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	first := r.Produce(1, 5_000)
	go func() { done <- p.Run(ctx) }()
	stored := func(n uint64) func(ingest.Status) bool {
		return func(st ingest.Status) bool {
			sum := uint64(0)
			for _, s := range st.Partitions {
				sum += s.Records
			}
			return sum >= n && st.Ready
		}
	}
	await(t, p, "the first records", stored(first.Records))
	stopped := func(todo string) func(ingest.Status) bool {
		return func(st ingest.Status) bool {
			n := 0
			for _, s := range st.Partitions {
				if s.Stalled && strings.Contains(s.LastError, todo) {
					n++
				}
			}
			return n == len(st.Partitions) && !st.Ready
		}
	}
	storetest.Exec(t, r.Store, "RENAME TABLE stopped.services TO stopped.away")
	second := r.Produce(2, 5_000)
	await(t, p, "all stopped, with what to do", stopped("statline migrate"))
	lines := strings.Count(log.String(), "partition stopped")
	time.Sleep(2 * time.Second) // what the promise is about
	storetest.Exec(t, r.Store, "RENAME TABLE stopped.away TO stopped.services")
	back := time.Now()
	await(t, p, "all stored, and ready", stored(first.Records+second.Records))
	t.Logf("going on %s after the table was back", time.Since(back).Round(time.Millisecond))
	if took := time.Since(back); took > 20*time.Second {
		t.Errorf("went on %s after the table was back; want a few seconds", took)
	}
	if lines > 2 {
		t.Errorf("got %d lines about 12 partitions that stopped; want one", lines)
	}

	proxy.Impose(faultproxy.Rule{Statement: "INSERT", Fault: faultproxy.Answer, Status: http.StatusNotFound,
		Text: "<html>not found</html>"})
	third := r.Produce(3, 5_000)
	await(t, p, "all stopped, with what to do", stopped("is the address ClickHouse's HTTP interface?"))
	proxy.Lift()
	back = time.Now()
	await(t, p, "all stored, and ready", stored(first.Records+second.Records+third.Records))
	t.Logf("going on %s after the proxy was back", time.Since(back).Round(time.Millisecond))
	if took := time.Since(back); took > 20*time.Second {
		t.Errorf("went on %s after the proxy was back; want a few seconds", took)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	r.Check(first, second, third)
}

func await(t *testing.T, p *ingest.Pipeline, what string, ok func(ingest.Status) bool) {
	t.Helper()
	for began := time.Now(); ; {
		st := p.Status()
		if ok(st) {
			return
		}
		if !retry.Sleep(t.Context(), 20*time.Millisecond) || time.Since(began) > time.Minute {
			t.Fatalf("not within a minute: %s: %+v", what, st)
		}
	}
}

// logged is a log that is read while it is written.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
