package watch

import (
	"context"
	"strings"
	"testing"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
	"statline/ingest/traffic"
)

// The retries that requests declare are counted exactly, and an outage whose load they
// are says so: how much of it, whose client, of how many keys. A service with a surge of
// first tries beside its timeouts says nothing of retries.
func TestDeclaredRetries(t *testing.T) {
	s := storetest.Open(t)
	f := newFeedOf(t, s, traffic.Config{Scenario: traffic.TimeoutSpike, Seed: 7, Retries: true})
	until := f.start.Add(35 * time.Minute)
	f.until(until)
	truth := f.gen.Truth().Retries
	if truth < 1000 {
		t.Fatalf("got %d retries; want a storm", truth)
	}
	for _, table := range []schema.Table{schema.Responses, schema.ResponsesHour, schema.Keys, schema.KeysHour} {
		if n := storetest.Number(t, s, "(SELECT sum(retries) FROM "+s.Table(table)+")"); n != truth {
			t.Errorf("%s: got %d retries; the generator declared %d", table, n, truth)
		}
	}
	cfg := DefaultConfig()
	list, err := testSQL(s).Stored(t.Context(), &cfg.Detectors, f.start, until)
	if err != nil {
		t.Fatal(err)
	}
	outages, spikes := 0, 0
	for i := range list {
		switch inc := &list[i]; {
		case inc.Kind == detect.Outage && inc.Entity == "search":
			outages++
			if inc.Evidence.Retries == 0 || inc.Evidence.Load < 1.5 ||
				!strings.Contains(inc.Summary, retriedMark+"x") ||
				!strings.HasSuffix(inc.Summary,
					" % of it declared retries, 100 % of them from okhttp/4.12.0 of 3 keys") {
				t.Errorf("got %q, %+v", inc.Summary, inc.Evidence)
			}
			told := []*detect.Incident{inc}
			before := inc.Summary
			if err := retries(t.Context(), testSQL(s), told, detect.MinuteOf(until.Unix())); err != nil ||
				inc.Summary != before {
				t.Errorf("told again: got %q, %v; want %q", inc.Summary, err, before)
			}
		case inc.Kind == detect.TimeoutSpike && inc.Entity == "tv":
			spikes++
			if inc.Evidence.Retries != 0 || strings.Contains(inc.Summary, "retries") {
				t.Errorf("first tries: got %q, %+v", inc.Summary, inc.Evidence)
			}
		}
	}
	if outages == 0 || spikes == 0 {
		t.Errorf("got %d outages and %d spikes", outages, spikes)
	}
}

// Of several senders the one with the most is named: a user agent of keys that have it
// alone, else a key. Without keys nobody is.
func TestWhoRetries(t *testing.T) {
	for _, c := range []struct {
		keys []RetryingKey
		want string
	}{
		{nil, "; load x2.0, 50 % of it declared retries"},
		{[]RetryingKey{{"a234567890z", 30, nil}},
			"; load x2.0, 50 % of it declared retries, 60 % of them from a234567890 of one key"},
		{[]RetryingKey{{"a", 20, []string{"x/1", "y/2"}}, {"b", 15, []string{"okhttp/4"}}, {"c", 10, []string{"okhttp/4"}}},
			"; load x2.0, 50 % of it declared retries, 50 % of them from okhttp/4 of 2 keys"},
	} {
		r := &Retried{Minutes: 10, Requests: 100, Retries: 50, Before: 5, Keys: c.keys}
		if got := r.sentence(2); got != c.want {
			t.Errorf("got %q; want %q", got, c.want)
		}
	}
	inc := detect.Incident{Kind: detect.Outage, Summary: "it is offline", OpenedAt: 100, State: detect.Open}
	few := retriedBy{answer: Retried{Minutes: 1, Requests: 100, Retries: 4}}
	if err := retries(t.Context(), few, []*detect.Incident{&inc}, 100); err != nil || inc.Summary != "it is offline" {
		t.Errorf("got %q, %v; want nothing of four in a hundred", inc.Summary, err)
	}
}

// retriedBy are Tables of one answer.
type retriedBy struct {
	Tables
	answer Retried
}

func (r retriedBy) Retried(context.Context, string, detect.Minute, detect.Minute) (*Retried, error) {
	return &r.answer, nil
}
