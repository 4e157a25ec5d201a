//go:build terminal

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Promise: what README, --help and its errors show works as shown in a terminal of 80
// and of 140 columns, leaves on the screen what the golden files hold, and no line of it
// is cut by the terminal.
func TestTerminal(t *testing.T) {
	for _, size := range terminals {
		t.Run(size.String(), func(t *testing.T) {
			s := newSession(t, size)
			s.prepare()
			var shown []string
			for _, x := range session() {
				shown = append(shown, s.play(x))
			}
			for _, c := range helps(t) {
				if wraps := s.typed(step{line: strings.TrimSpace("statline " + c + " --help")}).wraps; len(wraps) > 0 {
					t.Errorf("statline %s --help: the terminal cuts\n%s", c, strings.Join(wraps, "\n"))
				}
			}
			s.compare(shown)
		})
	}
}

// Every command that README and --help show is in the session.
func TestTerminalHasEveryExample(t *testing.T) {
	shown := append(shellLines(readPage(t, "README.md")), shellLines(readPage(t, guide))...)
	for _, c := range helps(t) {
		help := must(t, append(strings.Fields(c), "--help")...).stdout
		_, examples, _ := strings.Cut(help, "\nExamples:\n")
		examples, _, _ = strings.Cut(examples, "\n\n")
		for line := range strings.Lines(examples) {
			line, _, _ = strings.Cut(line, "  # ")
			if line = strings.TrimSpace(line); line != "" {
				shown = append(shown, line)
			}
		}
	}
	played := map[string]bool{}
	for _, x := range session() {
		played[x.line] = true
	}
	commands := 0
	for _, line := range shown {
		if strings.HasPrefix(line, "make ") || strings.HasPrefix(line, "curl ") {
			continue
		}
		if commands++; !played[strings.Join(strings.Fields(line), " ")] {
			t.Errorf("the session lacks: %s", line)
		}
	}
	if commands < 80 {
		t.Errorf("found %d commands; the test reads them wrongly", commands)
	}
}

// helps lists every command by its words.
func helps(t *testing.T) (all []string) {
	t.Helper()
	var below func(words ...string)
	below = func(words ...string) {
		all = append(all, strings.Join(words, " "))
		listing := false
		for line := range strings.Lines(must(t, append(slices.Clone(words), "--help")...).stdout) {
			title := !strings.HasPrefix(line, " ") && strings.TrimSpace(line) != ""
			if title {
				listing = strings.HasSuffix(line, ":\n") && !strings.HasPrefix(line, "Usage") &&
					!strings.HasPrefix(line, "Examples")
			}
			name := strings.Fields(line)
			if listing && !title && len(name) > 1 && !strings.HasPrefix(name[0], "-") &&
				strings.HasPrefix(line, "  "+name[0]) {
				below(append(slices.Clone(words), name[0])...)
			}
		}
	}
	below()
	return all
}

// step is a command of the session.
type step struct {
	line string // as README or --help show it, or as somebody types it
	run  string // what is typed in its place; "" is line
	// screen is what a command that goes on has to show, one after the other, and
	// press what is pressed then.
	screen, press []string
	data          bool // it prints data, whose lines may be longer than the terminal's
	varies        bool // its figures are those of this run
	quiet         bool // what it prints is not compared
	kafka         bool // it is of the store that is filled from Kafka
}

// played is what a step showed.
type played struct {
	text  string   // that the screen shows at the end
	wraps []string // lines that the terminal has cut
}

// tmuxSession is a shell in a terminal of tmux.
type tmuxSession struct {
	size
	t           *testing.T
	began       time.Time
	dir, socket string
	commands    *os.File
	env         []string
	typing      *strings.Replacer // what is shown, as it is here
	typingKafka *strings.Replacer // the same, for steps of the store that Kafka fills
	showing     []string          // pairs: what is here, as it is shown
	seen        map[string]string // commands, by what they have shown
}

func newSession(t *testing.T, size size) *tmuxSession {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatalf("the terminal is not installed: apt-get install tmux (%v)", err)
	}
	home, run, dir := t.TempDir(), t.TempDir(), t.TempDir()
	// What names it is as long each time, so that it goes on at the same word.
	dir = filepath.Join(dir, strings.Repeat("d", max(1, 49-len(dir))))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &tmuxSession{size: size, t: t, began: time.Now(), dir: dir, seen: map[string]string{}}
	const engine = "./libchdb.so" // wherever it is here
	if err := os.Symlink(enginePath(t), filepath.Join(dir, engine)); err != nil {
		t.Fatal(err)
	}
	s.socket = filepath.Join(run, "tmux")
	s.env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "TMPDIR="+run, "STATLINE_ENGINE="+engine,
		"API_KEY=sesame-street",
		"KEY=sesame-street", "STATLINE_HMAC_SECRET=0123456789abcdef0123456789abcdef",
		"PATH="+filepath.Join(s.dir, "bin")+":"+os.Getenv("PATH"),
		"USER=me", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "STATLINE_LISTEN="+freeAddress(t))
	fifo := filepath.Join(run, "commands")
	// Ctrl-C is for the command, not for the shell.
	driver := `trap : INT; while IFS= read -r line <&9; do printf '\033[2J\033[H'; tmux clear-history; eval "$line"; ` +
		`echo "[exit $?]"; tmux wait-for -S done; done`
	for name, text := range map[string]string{filepath.Join(run,
		"conf"): "set -g history-limit 200000\nset -g status off\nset -g scroll-on-clear off\nset -g default-terminal tmux-256color\n",
		filepath.Join(run, "driver"): driver} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	s.tmux(t.Context(), "-f", filepath.Join(run, "conf"), "new-session", "-d", "-x", fmt.Sprint(size.width), "-y",
		fmt.Sprint(size.height),
		"bash "+filepath.Join(run, "driver")+" 9<"+fifo)
	var err error
	if s.commands, err = os.OpenFile(fifo, os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.commands.Close() // the shell ends with it, and tmux with the shell
		_ = exec.Command("tmux", "-S", s.socket, "kill-server").Run()
	})
	return s
}

func (s *tmuxSession) tmux(ctx context.Context, args ...string) string {
	s.t.Helper()
	c := exec.CommandContext(ctx, "tmux", append([]string{"-S", s.socket}, args...)...)
	c.Dir, c.Env = s.dir, s.env
	out, err := c.CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %v: %v %s", args, err, out)
	}
	return string(out)
}

// bash runs a command outside the terminal.
func (s *tmuxSession) bash(command string) string {
	s.t.Helper()
	c := exec.CommandContext(s.t.Context(), "bash", "-e", "-o", "pipefail", "-c", command)
	c.Dir, c.Env = s.dir, s.env
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		s.t.Fatalf("%s: %v %s%s", command, err, out, stderr.Bytes())
	}
	return string(out)
}

// write makes a file in the session's folder.
func (s *tmuxSession) write(name string, text []byte) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// prepare makes the files that the commands name, and starts the servers.
func (s *tmuxSession) prepare() {
	t := s.t
	if err := os.Mkdir(filepath.Join(s.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(s.dir, "bin", "statline")); err != nil {
		t.Fatal(err)
	}
	s.bash("statline generate --to access.log --count 20000 --rate 3 --seed 7 --malformed 0.001 --start 2026-11-29T23:40:00Z")
	text, err := os.ReadFile(filepath.Join(s.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	half := bytes.IndexByte(text[len(text)/2:], '\n') + len(text)/2 + 1
	quarter := bytes.IndexByte(text[half/2:], '\n') + half/2 + 1
	s.write("access.log.1.gz", zipped(t, text[:half])) // which access.log goes on after
	s.write("access.log.2.gz", zipped(t, text[:quarter]))
	s.write("old/a.gz", zipped(t, text[:half]))
	s.write("nginx/access.log", text[:half])
	_, codes, _ := strings.Cut(readPage(t, guide), "# my-codes.yaml\n")
	codes, _, _ = strings.Cut(codes, "```")
	s.write("my-codes.yaml", []byte(codes))
	s.write("last-month.csv", historyOfTimeouts())
	s.write("limits.yaml", []byte("others: 600/1m\n"))
	s.write("keys.txt", []byte("sesame-street\n"))
	s.write("statline-hmac", []byte("0123456789abcdef0123456789abcdef\n"))
	s.write("token", []byte("a token of 24 characters\n"))
	s.write("users", []byte("statline:secret\n"))
	s.write("empty.log", nil)
	s.write("picture.png", bytes.Repeat([]byte("\x89PNG\r\n\x1a\x00\xff\xfe\x00\x01"), 400))
	s.write("huge.log", bytes.Repeat([]byte("n"), 65<<20))
	s.write("bad.yaml", []byte("topik: access\n"))
	s.bash("mkdir empty && ssh-keygen -q -t ed25519 -N '' -C '' -f receipts")
	s.bash("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 30 -keyout key.pem -out cert.pem 2>/dev/null")
	analyzed := s.bash("statline analyze --data served -o json access.log")
	key, incident := decodeJSON[named](t, analyzed).Who[0].Key, decodeJSON[report](t, analyzed).Incidents[0].ID
	s.write("customers.csv", []byte(key+",\"ACME, Inc.\"\n"))
	s.bash("statline analyze --data served --key-labels customers.csv access.log")
	s.serve(key, incident)
}

// serve starts the servers and a receiver of notices.
func (s *tmuxSession) serve(key, incident string) {
	t := s.t
	kafka, clickhouse, filled, locked := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", filepath.Join(s.dir, "served")).
		waitFor(t, "ready", time.Minute)
	start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", filled).waitFor(t, "ready", time.Minute)
	start(t, "", "sandbox", "--kafka", "", "--clickhouse", locked, "--users", filepath.Join(s.dir, "users")).
		waitFor(t, "ready", time.Minute)
	told := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the client notices by itself
	}))
	t.Cleanup(told.Close)
	receiver := strings.TrimPrefix(told.URL, "http://")
	s.write("statline.yaml", []byte("brokers: "+kafka+"\ntopic: access\nclickhouse: http://"+filled+"\nuntil_caught_up: true\n"))
	typing := []string{
		"clickhouse://statline:secret@clickhouse:9000/statline", "http://" + filled,
		"clickhouse://user:pass@host:9000/statline", "http://" + filled,
		"https://hooks.slack.com/services/T0/B0/x", "http://" + receiver + "/services/T0/B0/x",
		"abcdefgh", incident[:8], "3f9a", incident[:8], "k7f3q2mzpa", key[:10],
		"/var/log/nginx/", "nginx/", "/run/secrets/statline-hmac", "statline-hmac",
	}
	address := func(shown, here string) {
		typing = append(typing, shown, here)
		if name, _, _ := strings.Cut(shown, ":"); name != "kafka" { // of two names for one address the first is shown
			s.showing = append(s.showing, here, shown)
		}
	}
	address("127.0.0.1:18123", clickhouse)
	address("127.0.0.1:19092", kafka)
	address("statline:wrong@127.0.0.1:8123", "statline:wrong@"+locked)
	address("127.0.0.1:8123", clickhouse)
	address("kafka:9092", kafka)
	address("127.0.0.1:9093", receiver)
	for _, shown := range []string{"127.0.0.1:19093", "127.0.0.1:18124", "127.0.0.1:9090", "127.0.0.1:8081",
		"127.0.0.1:9000"} {
		address(shown, freeAddress(t))
	}
	address("0.0.0.0:8443", strings.Replace(freeAddress(t), "127.0.0.1", "0.0.0.0", 1))
	s.showing = append(s.showing, locked, "127.0.0.1:8123", filled, "127.0.0.1:8123")
	s.typing = strings.NewReplacer(typing...)
	s.typingKafka = strings.NewReplacer(append([]string{"127.0.0.1:18123", filled, "127.0.0.1:8123", filled},
		typing...)...)
}

// historyOfTimeouts is a day and a half with twenty bad minutes.
func historyOfTimeouts() []byte {
	var b bytes.Buffer
	b.WriteString("time,service,requests,timeouts\n")
	for m := range 2000 {
		timeouts := 0
		if m >= 1500 && m < 1520 {
			timeouts = 90
		}
		fmt.Fprintf(&b, "%d,search,300,%d\n", 1772323200+60*m, timeouts)
	}
	return b.Bytes()
}

func zipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// typed runs a step in the terminal.
func (s *tmuxSession) typed(x step) played {
	s.t.Helper()
	line := x.run
	if line == "" {
		line = x.line
	}
	typing := s.typing
	if x.kafka {
		typing = s.typingKafka
	}
	if _, err := fmt.Fprintln(s.commands, typing.Replace(line)); err != nil {
		s.t.Fatal(err)
	}
	var p played
	for i, pattern := range x.screen {
		want := regexp.MustCompile(pattern)
		limit, screen := time.Now().Add(time.Minute), ""
		for !want.MatchString(screen) {
			if time.Now().After(limit) {
				s.t.Fatalf("%s: no %q on the screen:\n%s", x.line, pattern, screen)
			}
			time.Sleep(50 * time.Millisecond)
			screen = s.tmux(s.t.Context(), "capture-pane", "-p")
		}
		p.wraps = append(p.wraps, s.cut()...)
		if i < len(x.press) && x.press[i] != "" {
			s.tmux(s.t.Context(), "send-keys", x.press[i])
		}
	}
	ended, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ended, "tmux", "-S", s.socket, "wait-for", "done")
	if out, err := c.CombinedOutput(); err != nil {
		s.t.Fatalf("%s does not end: %v %s\n%s", line, err, out, s.tmux(s.t.Context(), "capture-pane", "-p"))
	}
	p.text = s.tmux(s.t.Context(), "capture-pane", "-p")
	p.wraps = append(p.wraps, s.cut()...)
	return p
}

// cut are the lines that the terminal has cut because they are wider than it.
func (s *tmuxSession) cut() (all []string) {
	for line := range strings.Lines(s.tmux(s.t.Context(), "capture-pane", "-p", "-J", "-S", "-")) {
		if line = strings.TrimRight(line, " \n"); len([]rune(line)) > s.width {
			all = append(all, line)
		}
	}
	return all
}
