package retry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errAway = errors.New("connection refused")

// Promise: what nobody marked is tried again; a mark holds however deep.
func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Class
	}{
		{nil, ""},
		{errAway, Transient},
		{context.DeadlineExceeded, Transient},
		{fmt.Errorf("insert: %w: %w", ErrWaiting, errAway), Waiting},
		{fmt.Errorf("insert: %w: %w", ErrPermanent, errAway), Permanent},
		{errors.Join(errAway, fmt.Errorf("x: %w", ErrPermanent)), Permanent},
	} {
		if got := ClassOf(c.err); got != c.want {
			t.Errorf("%v: got %q; want %q", c.err, got, c.want)
		}
	}
}

// Promise: transient errors are tried again after growing pauses, errors that
// ask for time after longer ones, and success ends it.
func TestDoUntilSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failures []Failure
		var out bytes.Buffer
		l := Loop{
			Pause: Pause{time.Second, 8 * time.Second}, Waiting: Pause{time.Minute, time.Hour},
			Failed: func(f Failure) { failures = append(failures, f) },
			Log:    slog.New(slog.NewTextHandler(&out, nil)), Limit: &LogLimiter{},
		}
		calls := 0
		err := l.Do(t.Context(), "reach the broker", func(context.Context) error {
			switch calls++; {
			case calls <= 5:
				return errAway
			case calls == 6:
				return fmt.Errorf("too many parts: %w", ErrWaiting)
			}
			return nil
		})
		if err != nil || len(failures) != 6 {
			t.Fatalf("got %v after %d failures; want success after 6", err, len(failures))
		}
		for i, f := range failures[:5] {
			mean := min(time.Second<<i, 8*time.Second)
			if f.Wait < mean/2 || f.Wait > mean*3/2 || f.Class != Transient || f.Try != i+1 {
				t.Errorf("failure %d: got %+v; want about %s", i, f, mean)
			}
		}
		if f := failures[5]; f.Wait < 30*time.Second || f.Class != Waiting {
			t.Errorf("got %+v; want a longer pause", f)
		}
		if got := out.String(); strings.Count(got, "msg=retrying") >= 6 ||
			!strings.Contains(got, "succeeded after retries") || !strings.Contains(got, "try=7") {
			t.Errorf("got the log\n%s\nwant few lines, and the success", got)
		}
	})
}

// Promise: an error that another try cannot mend, one that the caller decides
// on, and the end of the context are returned at once.
func TestDoEnds(t *testing.T) {
	errMoved := errors.New("moved")
	l := Loop{Pause: Pause{time.Hour, time.Hour}, Ends: func(err error) bool { return errors.Is(err, errMoved) }}
	for _, want := range []error{fmt.Errorf("no such table: %w", ErrPermanent), errMoved} {
		calls := 0
		got := l.Do(t.Context(), "insert", func(context.Context) error { calls++; return want })
		if got != want || calls != 1 {
			t.Errorf("got %v after %d calls; want %v after one", got, calls, want)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	got := l.Do(ctx, "insert", func(context.Context) error { cancel(errMoved); return errAway })
	if got != errMoved {
		t.Errorf("got %v; want the context's cause", got)
	}
}

// Promise: a try that hangs is cut and made again.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		l := Loop{Timeout: time.Minute}
		v, err := Get(t.Context(), &l, "ask", func(ctx context.Context) (int, error) {
			if calls++; calls == 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 7, nil
		})
		if v != 7 || err != nil {
			t.Errorf("got %d, %v; want 7", v, err)
		}
	})
}

// Promise: rounds follow each other at their interval; a failed one comes
// sooner or later by its class, and a permanent error does not end them.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		var at []time.Duration
		var classes []Class
		l := Loop{Pause: Pause{4 * time.Second, 4 * time.Second},
			Failed: func(f Failure) { classes = append(classes, f.Class) }}
		l.Every(ctx, 10*time.Second, "evaluate", func(context.Context) error {
			at = append(at, time.Since(began))
			switch len(at) {
			case 2:
				return errAway
			case 3:
				return ErrPermanent
			case 5:
				cancel()
			}
			return nil
		})
		if len(at) != 5 || at[1] != 10*time.Second || at[2] > 16*time.Second || at[3]-at[2] != stoppedPause ||
			at[4]-at[3] != 10*time.Second {
			t.Errorf("got rounds at %v", at)
		}
		if len(classes) != 2 || classes[0] != Transient || classes[1] != Permanent {
			t.Errorf("got %v", classes)
		}
	})
}

// Promise: of many lines about one thing one is due in ten seconds, and says
// how many were left out.
func TestLogLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l LogLimiter
		if due, n := l.Due("insert"); !due || n != 0 {
			t.Errorf("first: got %t, %d", due, n)
		}
		for range 3 {
			if due, _ := l.Due("insert"); due {
				t.Error("again at once: got due")
			}
		}
		if due, _ := l.Due("commit"); !due {
			t.Error("another thing: got not due")
		}
		time.Sleep(logEvery)
		if due, n := l.Due("insert"); !due || n != 3 {
			t.Errorf("later: got %t, %d; want the 3 left out", due, n)
		}
	})
}

// Promise: what fails of one kind, whatever it is called, is one line in ten
// seconds.
func TestOneLineAKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var limit LogLimiter
		log := slog.New(slog.NewTextHandler(&out, nil))
		for _, what := range []string{"fetch", "commit offset", "read the log's bounds"} {
			for range 20 {
				l := Loop{Kind: func(error) string { return "log" }, Log: log, Limit: &limit,
					Pause: Pause{time.Millisecond, time.Millisecond}}
				calls := 0
				if err := l.Do(t.Context(), what, func(context.Context) error {
					if calls++; calls < 3 {
						return errAway
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := strings.Count(out.String(), "msg=retrying"); n != 1 {
			t.Errorf("got %d lines; want one:\n%s", n, out.String())
		}
	})
}
