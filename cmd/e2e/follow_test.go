package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var followFor = flag.Duration("follow-for", 5*time.Second, "how long TestFollow writes its logs")

// analyze -f counts every line once of a log that is renamed, copied and truncated
// while it is written, and of files that come later.
// Long because it is one story, told in its order.
func TestFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	c := command(t, context.Background(), "analyze", "-f", "-o", "json", filepath.Join(dir, "access.log*"))
	var stdout bytes.Buffer
	stderr := &daemon{}
	c.Stdout, c.Stderr = &stdout, stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() }) // it may have ended
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	n, rotated := 0, 0
	write := func(lines int) {
		t.Helper()
		var text strings.Builder
		for range lines {
			n++
			fmt.Fprintf(&text,
				`{"ts":"2026-03-01T12:%02d:%02dZ","service":"a","method":"GET","path":"/3/movie/%d","status":504}`+"\n",
				n/60%60, n%60, n)
		}
		half := text.Len() / 2 // a line may be seen unfinished
		for _, part := range []string{text.String()[:half], text.String()[half:]} {
			if _, err := f.WriteString(part); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Millisecond)
		}
	}
	write(1)
	eventually(t, time.Minute, "the log is followed",
		func() bool { return strings.Contains(stderr.logged(), "access.log: new") })
	for end := time.Now().Add(*followFor); time.Now().Before(end); {
		for range 40 {
			write(7)
		}
		rotated++
		to := fmt.Sprintf("%s.%d", log, rotated)
		if rotated%2 == 1 { // renamed; the writer goes on for a while
			if err := os.Rename(log, to); err != nil {
				t.Fatal(err)
			}
			write(11)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if f, err = os.Create(log); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(log) // copied and truncated
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err == nil {
			err = f.Truncate(0)
		}
		if err == nil {
			_, err = f.Seek(0, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.logged())
	}
	got := decodeJSON[report](t, stdout.String())
	if got.Responses != uint64(n) || got.Rejected != 0 || rotated < 4 {
		t.Errorf("got %d responses, %d rejects of %d lines, rotated %d times\n%s", got.Responses, got.Rejected, n,
			rotated,
			tail(stderr.logged(), 2000))
	}
}

// Directories, patterns, standard input that is followed to its end, and the
// prefixes of kubectl logs and docker compose logs.
func TestInputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "old", ".hidden"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, lines := range map[string]string{"a.log": fileLine("a", 1, 504), "old/b.log": fileLine("a", 2, 504) +
		fileLine("a", 3, 504),
		"old/.hidden/c.log": fileLine("a", 4, 504)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var prefixed strings.Builder
	for i, p := range []string{"web-1  | ", "web-1  | 2026-03-01T12:00:00.123456789Z ", "[pod/gateway-7d4b9/app] ",
		"[pod/gateway-7d4b9/app] 2026-03-01T12:00:00.123456789Z ", "2026-03-01T12:00:00.123456789Z "} {
		prefixed.WriteString(p + fileLine("a", i, 504))
	}
	for _, c := range []struct {
		want  uint64
		stdin string
		args  []string
	}{
		{3, "", []string{dir}},
		{1, "", []string{filepath.Join(dir, "*.log")}},
		{3, "", []string{filepath.Join(dir, "*.log"), filepath.Join(dir, "old")}},
		{5, strings.TrimRight(prefixed.String(), "\n"), []string{"-f", "-"}},
	} {
		r := run(t, strings.NewReader(c.stdin), append([]string{"analyze", "-o", "json"}, c.args...)...)
		if r.err != nil {
			t.Errorf("%v: %v\n%s", c.args, r.err, r.stderr)
			continue
		}
		if got := decodeJSON[report](t, r.stdout); got.Responses != c.want {
			t.Errorf("%v: got %d responses; want %d", c.args, got.Responses, c.want)
		}
	}
}
