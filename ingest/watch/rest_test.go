package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"statline/classify/detect"
)

// backlog is a store that answers slowly while ten minutes are stored each second.
type backlog struct {
	*memory
	begin, end time.Time
}

func (b *backlog) Progress(ctx context.Context) (Progress, error) {
	p, err := b.memory.Progress(ctx)
	at := time.Now()
	if at.After(b.end) {
		at = b.end
	}
	p.Watermark = p.First.Time().Add(10 * time.Minute * (at.Sub(b.begin) / time.Second))
	return p, err
}

func (b *backlog) Write(ctx context.Context, rows []Stored, scores []ScoreRow, version uint64) error {
	time.Sleep(2 * time.Second)
	return b.memory.Write(ctx, rows, scores, version)
}

// While a backlog is drained a twentieth of the time is spent on rounds, and they decide
// all of it in the end.
func TestRoundsRestInABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.addService(ServiceRow{29_000_000, "api", detect.Counts{N: 100}})
		b := &backlog{memory: m, begin: time.Now(), end: time.Now().Add(5 * time.Minute)}
		w := New(testConfig(), m, b)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		if n := w.Stats().Evaluations.Load(); n < 6 || n > 12 {
			t.Errorf("%d rounds of two seconds in five minutes; want one in half a minute", n)
		}
		if quiet := time.Since(w.Moved()); quiet > 10*time.Second {
			t.Errorf("no sign of life for %s", quiet)
		}
		time.Sleep(maxRest)
		want := detect.MinuteOf(b.end.Sub(b.begin).Milliseconds()/1000*600) + m.first - 1
		if got := detect.MinuteOf(w.Stats().EvaluatedTo.Load()); got < want-detect.Minute(w.cfg.Lag/time.Minute)-1 {
			t.Errorf("decided up to %d; want %d, the backlog's end", got, want)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// In step with the clock no minute waits for another.
func TestRestIsShorterThanAMinute(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 0, time.Second: 19 * time.Second, 2 * time.Second: maxRest, time.Minute: maxRest,
	} {
		if got := restAfter(took); got != want {
			t.Errorf("after %s: got %s; want %s", took, got, want)
		}
	}
}
