package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// finished is what a process that has ended took.
type finished struct {
	wall, cpu time.Duration
	peak      int64   // kilobytes of resident memory at most, as the kernel says
	resident  []int64 // kilobytes of resident memory, once a second
}

// process is a running command. Its output appears only when it fails.
type process struct {
	cmd      *exec.Cmd
	out      strings.Builder
	began    time.Time
	done     chan struct{}
	watching sync.WaitGroup
	finished
}

// launch starts a command. It has to be waited for.
func launch(ctx context.Context, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), began: time.Now(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	// The peak that wait4 reports begins at the parent's, so it is read while
	// the process lives; it only grows.
	p.watching.Go(func() {
		status := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.peak = max(p.peak, procField(status, "VmHWM"))
				if time.Since(p.began) >= time.Duration(len(p.resident)+1)*time.Second {
					p.resident = append(p.resident, procField(status, "VmRSS"))
				}
			case <-p.done:
				return
			}
		}
	})
	return p, nil
}

// wait waits for the process to end.
func (p *process) wait() (finished, error) {
	err := p.cmd.Wait()
	p.wall = time.Since(p.began)
	close(p.done)
	p.watching.Wait()
	p.cpu = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(p.cmd.Args, " "), err, p.out.String())
	}
	return p.finished, err
}

// execute runs a command to its end.
func execute(ctx context.Context, name string, args ...string) (finished, error) {
	p, err := launch(ctx, name, args...)
	if err != nil {
		return finished{}, err
	}
	return p.wait()
}

// server is a running statline sandbox.
type server struct {
	cmd  *exec.Cmd
	addr string // of the one part that it serves
}

var served = regexp.MustCompile(`kafka \[([^\]]*)\], clickhouse (\S*)`)

// serve starts one part of the sandbox, the broker or the engine, and waits
// until it answers.
func serve(ctx context.Context, binary string, args ...string) (*server, error) {
	cmd := exec.CommandContext(ctx, binary, append([]string{"sandbox"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stderr)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if m := served.FindStringSubmatch(lines.Text()); m != nil {
			go func() { // the process must not block on its messages
				for lines.Scan() {
				}
			}()
			return &server{cmd, m[1] + m[2]}, nil
		}
	}
	return nil, fmt.Errorf("statline sandbox %s ended: %w\n%s", strings.Join(args, " "), cmd.Wait(),
		strings.Join(said, "\n"))
}

// cpu is the CPU time that the process has used so far.
func (s *server) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ") // behind the name
	var ticks [2]int64
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	for i := range ticks {
		fmt.Sscan(fields[11+i], &ticks[i]) // utime, stime
	}
	return time.Duration(ticks[0]+ticks[1]) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}
