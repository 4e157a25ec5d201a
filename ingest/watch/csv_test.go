package watch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"statline/classify/detect"
)

// history is a CSV of one service with a spike, in points of step minutes;
// lines holds one a point.
func history(step int, drop func(minute int) bool) (lines []string) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for m := 0; m < 2*1440; m += step {
		if drop(m) {
			continue
		}
		n, k := 600*step, 0
		if m >= 1500 && m < 1520 {
			k = 120 * step
		}
		lines = append(lines, fmt.Sprintf("%s,search,%d,%d", start.Add(time.Duration(m)*time.Minute).
			Format(time.RFC3339), n, k))
	}
	return lines
}

func backtest(t *testing.T, text string) []detect.Incident {
	t.Helper()
	s, err := ReadCSV(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := detect.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	found, err := Evaluate(context.Background(), &cfg, s, s.Range())
	if err != nil {
		t.Fatal(err)
	}
	var spikes []detect.Incident
	for _, i := range found {
		if i.Kind == detect.TimeoutSpike {
			spikes = append(spikes, i)
		}
	}
	return spikes
}

// A file with gaps, without traffic, unsorted or in five-minute points gives
// the one spike that is in it.
func TestReadCSVFindsTheSpike(t *testing.T) {
	never := func(int) bool { return false }
	opened := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	shuffled := history(1, never)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled),
		func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	idle := append(history(1, never), "2026-03-01T05:00:00Z,idle,0,0", "2026-03-02T05:00:00Z,idle,0,0")
	for name, lines := range map[string][]string{
		"plain":       history(1, never),
		"header":      append([]string{"Time,service,requests,timeouts"}, history(1, never)...),
		"unsorted":    shuffled,
		"gaps":        history(1, func(m int) bool { return m > 300 && m < 400 || m%97 == 0 }),
		"no traffic":  idle,
		"five-minute": history(5, never),
	} {
		spikes := backtest(t, strings.Join(lines, "\n"))
		if len(spikes) != 1 || spikes[0].Entity != "search" || spikes[0].OpenedAt.Time().Sub(opened).
			Abs() > 5*time.Minute {
			t.Errorf("%s: got %+v; want one spike of search at %v", name, spikes, opened)
		}
	}
}

// Columns may stand in another order when a header names them, and seconds and
// plain times are read.
func TestReadCSVForms(t *testing.T) {
	for _, text := range []string{
		"requests,timeouts,service,time\n10,1,a,2026-03-01 00:00\n",
		"1772323200,a,10,1\n", "\ufeff1772323200,a,10,1\n", "2026-03-01T01:00:00+01:00,a,10.0,1\n",
		"# a comment\n2026-03-01 00:00:30, a, 10, 1\n",
	} {
		s, err := ReadCSV(strings.NewReader(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if r := s.rows[0]; r.Minute.Time().Format(time.RFC3339) != "2026-03-01T00:00:00Z" || r.Service != "a" ||
			r.N != 10 || r.Timeout != 1 {
			t.Errorf("%q: got %+v", text, r)
		}
	}
}

// A bad file is refused with the line, the column and what is wanted.
func TestReadCSVErrors(t *testing.T) {
	for text, want := range map[string]string{
		"": "no data", "time,service,requests,timeouts\n": "no data",
		"2026-03-01 00:00,a,10\n": "line 1: got 3 columns", "when,service,requests,timeouts\n": "no column time",
		"2026-03-01 00:00,a,10,1\nyesterday,a,10,1\n":        `line 2: time: got "yesterday"`,
		"2026-03-01 00:00,a,ten,1\n":                         `requests: got "ten"`,
		"2026-03-01 00:00,a,10,-1\n":                         `timeouts: got "-1"`,
		"2026-03-01 00:00,a,10,11\n":                         "no more than requests",
		"2026-03-01 00:00,a,10,1\n2026-03-01 00:01,a,\"10,1": "line 2",
		"2026-03-01 00:00,a,1.5,1\n":                         "whole number",
		"time;service;requests;timeouts\n":                   "commas",
		"1772323200,a,10,1\n1772323260000,a,10,1\n":          "line 2: time: got \"1772323260000\"; want seconds",
		"2026-03-01 00:00,,10,1\n":                           "line 1: service",
		"2026-03-01 00:00,a,10,1\n2006-03-01 00:00,a,10,1\n": "span 2006-03-01 to 2026-03-01",
	} {
		if _, err := ReadCSV(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v; want an error with %q", text, err, want)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("2026-03-01 00:00,a,10,1\n1772323260,a,10,1\n")
	f.Add("service,time,timeouts,requests\na,2026-03-01T00:00:00Z,1,10\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadCSV(strings.NewReader(text))
		if err == nil && s.Range().To < s.Range().From {
			t.Errorf("%q: range %+v", text, s.Range())
		}
	})
}

// A million rows take seconds.
func BenchmarkBacktestMillionRows(b *testing.B) {
	var text strings.Builder
	text.WriteString("time,service,requests,timeouts\n")
	for m := range 1_000_000 / 25 {
		for s := range 25 {
			fmt.Fprintf(&text, "%d,svc-%d,%d,%d\n", 1780272000+60*m, s, 100+m%7, m%50/49)
		}
	}
	cfg, err := detect.Preset("default")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := ReadCSV(strings.NewReader(text.String()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Evaluate(b.Context(), &cfg, s, s.Range()); err != nil {
			b.Fatal(err)
		}
	}
}
