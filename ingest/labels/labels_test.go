package labels

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"statline/classify"
)

var (
	one = classify.KeyID{1, 2, 3}
	two = classify.KeyID{4, 5, 6}
)

// Whatever writes CSV, the same labels come out.
func TestRead(t *testing.T) {
	want := Labels{one: "ACME, Inc.", two: "Süd & Co"}
	plain := one.String() + `,"ACME, Inc."` + "\n" + two.String() + ",Süd & Co\n"
	for name, text := range map[string]string{
		"plain": plain, "header": "key_id,name\n" + plain, "other header": "\"Key_ID\",customer\n" + plain,
		"comments": "# customers\n\n" + plain, "crlf": strings.ReplaceAll(plain, "\n", "\r\n"),
		"byte order mark": "\xef\xbb\xbf" + plain,
		"blanks":          strings.ReplaceAll(plain, ",Süd", " ,  Süd"), "no line end": strings.TrimSuffix(plain, "\n"),
	} {
		got, err := Read("f", []byte(text))
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, want)
		}
	}
	if got, err := Read("f", nil); err != nil || len(got) != 0 {
		t.Errorf("empty file: got %v, %v", got, err)
	}
}

// What is wrong is said with file, line, value and what is accepted; a key in
// clear is not repeated.
func TestReadErrors(t *testing.T) {
	good := one.String() + ",a\n"
	for _, c := range []struct{ name, text, want string }{
		{"short id", good + one.Short() + ",b\n", `customers.csv:2: got key id "` + one.Short()[:4] +
			`…" (10 characters); want the 26 characters that statline key-id prints`},
		{"tiny id", good + "abc,b\n", `customers.csv:2: got key id "abc"; want`},
		{"no id", ",b\n", `customers.csv:1: got key id ""; want`},
		{"upper case", strings.ToUpper(one.String()) + ",b\n", "customers.csv:1: got key id"},
		{"not canonical", one.String()[:25] + "b,b\n", "customers.csv:1: got key id"},
		{"other", "__other__,b\n", "customers.csv:1: got key id"},
		{"no name", good + two.String() + ", \n", `customers.csv:2: name of key ` + two.Short() +
			`: got "", nothing; want the customer's name`},
		{"long name", two.String() + "," + strings.Repeat("x", 201), "201 bytes; want"},
		{"control characters", two.String() + ",a\x1b[2J", "control characters"},
		{"not text", two.String() + ",a\xff", "not UTF-8"},
		{"one column", good + two.String() + "\n", "customers.csv:2: got 1 columns; want two"},
		{"three columns", good + two.String() + ",b,c\n", "customers.csv:2: got 3 columns; want two"},
		{"twice", good + "\n" + one.String() + ",b\n", "customers.csv:3: key id " + one.String() + " is named in line 1 already"},
		{"open quote", two.String() + ",\"b\n", "customers.csv: "},
	} {
		got, err := Read("customers.csv", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || got != nil {
			t.Errorf("%s: got %v, %v; want an error with %q", c.name, got, err, c.want)
		}
	}
	const secret = "sk_live_51H8vK2eZvKYlo2CABCDEF"
	if _, err := Read("f", []byte(secret+",b\n")); err == nil || strings.Contains(err.Error(), secret[:6]) {
		t.Errorf("a key in clear: got %v", err)
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}

// setter remembers what it was told.
type setter struct {
	mu     sync.Mutex
	labels map[classify.KeyID]string
	calls  int
	err    error
}

func (s *setter) SetKeyLabels(_ context.Context, labels map[classify.KeyID]string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err == nil {
		s.labels = labels
	}
	return len(labels), s.err
}

// logged is a log under the setter's lock.
type logged struct {
	*setter
	strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(b)
}

// A change of the file reaches the store once; a broken file changes nothing,
// and a store that failed is told again.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "customers.csv")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := &setter{}
		log := &logged{setter: s}
		f := NewFollower(path, s, slog.New(slog.NewTextHandler(log, nil)))
		if err := f.Set(t.Context()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no file: got %v", err)
		}
		write(one.String() + ",a\n")
		if err := f.Set(t.Context()); err != nil || s.labels[one] != "a" {
			t.Fatalf("got %v, %v", s.labels, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx, time.Second) }()
		// What the test reads and changes between passes is the other
		// goroutine's as well.
		pass := func() { s.mu.Unlock(); time.Sleep(3 * time.Second); synctest.Wait(); s.mu.Lock() }
		s.mu.Lock()

		pass()
		if s.calls != 1 {
			t.Errorf("unchanged file: got %d writes; want 1", s.calls)
		}
		s.err = errors.New("no answer")
		write(one.String() + ",longer\n")
		pass()
		if s.labels[one] != "a" || strings.Count(log.String(), "no answer") != 1 {
			t.Errorf("store that fails: got %v, log %s", s.labels, log.String())
		}
		s.err = nil
		pass()
		if s.labels[one] != "longer" {
			t.Errorf("store that came back: got %v", s.labels)
		}
		write("what is this\n")
		pass()
		if s.labels[one] != "longer" || strings.Count(log.String(), "key labels not updated") != 2 {
			t.Errorf("broken file: got %v, log %s", s.labels, log.String())
		}
		s.mu.Unlock()
		stop()
		if err := <-done; err != nil {
			t.Errorf("got %v at the end", err)
		}
	})
}
