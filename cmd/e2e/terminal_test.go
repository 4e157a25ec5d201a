package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a command on a pseudo-terminal.
type terminal struct {
	cmd  *exec.Cmd
	keys *os.File
	mu   sync.Mutex
	text bytes.Buffer
	done chan error
}

func (d *terminal) shown() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// onTerminal starts the binary as somebody does who sits before a screen.
func onTerminal(t *testing.T, home string, args ...string) *terminal {
	t.Helper()
	d := &terminal{cmd: command(t, context.Background(), args...), done: make(chan error, 1)}
	d.cmd.Env = append(d.cmd.Env, "TERM=xterm-256color", "HOME="+home, "XDG_CONFIG_HOME="+home, "TMPDIR="+home)
	var err error
	if d.keys, err = pty.StartWithSize(d.cmd, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 4096)
		for {
			n, err := d.keys.Read(buf) // fails when the process has ended
			d.mu.Lock()
			d.text.Write(buf[:n])
			d.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		err := d.cmd.Wait()
		<-ended
		d.done <- err
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill() // it may have ended
		if err := d.keys.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := d.keys.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until the screen has shown what a pattern describes.
func (d *terminal) waitFor(t *testing.T, pattern string) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	eventually(t, time.Minute, "the terminal shows "+pattern, func() bool { return want.MatchString(d.shown()) })
}

// ends waits for the end and checks the status.
func (d *terminal) ends(t *testing.T, status int) {
	t.Helper()
	select {
	case err := <-d.done:
		if got := exitStatus(err); got != status {
			t.Errorf("%v: got status %d; want %d:\n%s", d.cmd.Args[1:], got, status, d.shown())
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%v did not end:\n%s", d.cmd.Args[1:], d.shown())
	}
}

const ctrlC, ctrlD = "\x03", "\x04"

// Ctrl-C ends a command that waits for somebody to type; what was read until
// then is reported, and nothing is left behind.
func TestCtrlC(t *testing.T) {
	home := t.TempDir()
	secret := write(t, "secret", []byte("0123456789abcdef0123456789abcdef\n"))
	id := onTerminal(t, home, "key-id", "--hmac-secret-file", secret)
	id.waitFor(t, "type or paste a key")
	id.press(t, "sesame\n")
	id.waitFor(t, `[a-z2-7]{26}`)
	id.press(t, ctrlC)
	id.ends(t, 130)

	probe := onTerminal(t, home, "probe", "-", "--hmac-secret-file", secret)
	probe.waitFor(t, "Ctrl-D ends")
	probe.press(t, fileLine("a", 1, 504))
	probe.waitFor(t, "504")
	probe.press(t, ctrlC)
	probe.ends(t, 130)

	for _, keys := range []string{ctrlC, ctrlC + ctrlD} {
		analyze := onTerminal(t, home, "analyze", "-", "--hmac-secret-file", secret)
		analyze.waitFor(t, "Ctrl-D ends")
		analyze.press(t, fileLine("a", 1, 200))
		analyze.press(t, fileLine("a", 2, 504))
		analyze.waitFor(t, `2 lines`)
		analyze.press(t, keys)
		analyze.ends(t, 130)
		if text := analyze.shown(); !strings.Contains(text, "2 responses, 1 failed") || !strings.Contains(text,
			"interrupted, the rest was not read") || strings.Contains(text, "panic") {
			t.Errorf("analyze - after %q shows\n%s", keys, text)
		}
	}
	emptyOfStores(t, home)
}

// Ctrl-C takes away what a terminal has and nobody has read: a command that was
// told that there is something to read does not wait for it.
func TestCtrlCAtOnce(t *testing.T) {
	home := t.TempDir()
	secret := write(t, "secret", []byte("0123456789abcdef0123456789abcdef\n"))
	for range 20 {
		probe := onTerminal(t, home, "probe", "-", "--hmac-secret-file", secret)
		probe.waitFor(t, "Ctrl-D ends")
		probe.press(t, fileLine("a", 1, 504)+ctrlC)
		probe.ends(t, 130)
	}
}

// Ctrl-D is the end of what is typed.
func TestCtrlD(t *testing.T) {
	analyze := onTerminal(t, t.TempDir(), "analyze", "-")
	analyze.waitFor(t, "Ctrl-D ends")
	analyze.press(t, fileLine("a", 1, 504)+ctrlD)
	analyze.ends(t, 0)
	if text := analyze.shown(); !strings.Contains(text, "1 responses, 1 failed") {
		t.Errorf("got\n%s", text)
	}
}

// A terminal that is closed and a reader that goes away end a command in order:
// the temporary store goes with it.
func TestNoStoreIsLeftBehind(t *testing.T) {
	// A child of a process that ignores SIGHUP, below nohup for example, would
	// ignore it too; of one that catches it, it does not.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	dir := t.TempDir()
	c := command(t, context.Background(), "analyze", "-")
	c.Env = append(c.Env, "TMPDIR="+dir)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stores := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "statline-*", "servers"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	eventually(t, time.Minute, "a temporary store", func() bool { return len(stores()) > 0 })
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); exitStatus(err) != 129 {
		t.Errorf("SIGHUP: got status %d; want 129", exitStatus(err))
	}
	_ = stdin.Close() // Wait has closed it
	emptyOfStores(t, dir)

	log := write(t, "a.log", []byte(fileLine("a", 1, 504)))
	c = command(t, context.Background(), "analyze", log)
	c.Env = append(c.Env, "TMPDIR="+dir)
	read, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = written
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	err = c.Run()
	if e := written.Close(); e != nil {
		t.Error(e)
	}
	if exitStatus(err) != 141 {
		t.Errorf("a closed pipe: got status %d; want 141", exitStatus(err))
	}
	emptyOfStores(t, dir)
}

func emptyOfStores(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "statline-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
