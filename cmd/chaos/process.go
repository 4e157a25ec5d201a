package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// secret is what every instance hashes keys with.
const secret = "a secret of the chaos run, long enough to be one"

// process is a running statline.
type process struct {
	name   string
	number int // of an instance
	cmd    *exec.Cmd
	done   chan struct{} // closed at the end
	err    error         // how it ended, after done
	maxRSS int64         // bytes, after done

	mu   sync.Mutex
	tail []string
	// ready is closed when the process has said that it is.
	ready chan struct{}
	said  bool
	// spoke is closed at the first line: before it the program may not have begun,
	// and no handler of a signal stands.
	spoke chan struct{}
	// address is where it listens, once it says so; answered and first are the
	// last look that it answered, and the first without a gap.
	address         string
	answered, first time.Time
}

// spawn starts the binary; every line that it writes goes to a file and to
// onLine.
func spawn(dir, name, binary string, env []string, onLine func(line string), args ...string) (*process, error) {
	file, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, done: make(chan struct{}), ready: make(chan struct{}), spoke: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env = append(os.Environ(), "STATLINE_HMAC_SECRET="+secret, "NO_COLOR=1")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	_ = w.Close() // the child has it
	go p.watch(r, file, onLine)
	return p, nil
}

func (p *process) watch(r io.ReadCloser, file *os.File, onLine func(string)) {
	defer close(p.done)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			fmt.Fprintf(file, "%s %s\n", time.Now().UTC().Format("15:04:05.000"), line)
			p.note(line)
			onLine(line)
		}
		if err != nil {
			break
		}
	}
	p.err = p.cmd.Wait()
	if usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.maxRSS = usage.Maxrss << 10
	}
	fmt.Fprintf(file, "%s ended: %v\n", time.Now().UTC().Format("15:04:05.000"), p.cmd.ProcessState)
	_ = r.Close()
	_ = file.Close()
}

func (p *process) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tail) == 0 {
		close(p.spoke)
	}
	p.tail = append(p.tail, line)
	if len(p.tail) > 12 {
		p.tail = p.tail[1:]
	}
	if line == "ready" && !p.said {
		p.said = true
		close(p.ready)
	}
	if _, rest, ok := strings.Cut(line, "msg=listening address="); ok {
		p.address, _, _ = strings.Cut(rest, " ")
	}
}

// listens is where the process answers, "" until it says so.
func (p *process) listens() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// answeredSince notes that the process has answered a look, and returns the
// first one since when it has answered all.
func (p *process) answeredSince(look time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if look.Sub(p.answered) > 3*glance {
		p.first = look
	}
	p.answered = look
	return p.first
}

// last is the end of the log.
func (p *process) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n    ")
}

// await waits for the line "ready".
func (p *process) await(ctx context.Context, limit time.Duration) error {
	select {
	case <-p.ready:
		return nil
	case <-p.done:
		return fmt.Errorf("%s ended: %v\n    %s", p.name, p.err, p.last())
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(limit):
		return fmt.Errorf("%s is not ready after %v:\n    %s", p.name, limit, p.last())
	}
}

// signal sends sig; a process that is gone already does not matter. Whatever is not
// kill -9 waits until the program has begun.
func (p *process) signal(sig syscall.Signal) {
	if sig != syscall.SIGKILL {
		select {
		case <-p.spoke:
		case <-p.done:
		case <-time.After(30 * time.Second):
		}
	}
	_ = p.cmd.Process.Signal(sig)
}

// kill is kill -9 and waits for the end.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// ended waits for the end; false when it takes longer than limit.
func (p *process) ended(limit time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(limit):
		return false
	}
}

// killed says whether an ended process died of kill -9.
func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
