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
	peak      int64 // kilobytes of resident memory at most, as the kernel says
}

// execute runs a command to its end. Its output appears only when it fails.
func execute(ctx context.Context, name string, args ...string) (finished, error) {
	var out strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return finished{}, err
	}
	// The peak that wait4 reports begins at the parent's, so it is read while
	// the process lives; it only grows.
	done := make(chan struct{})
	var watching sync.WaitGroup
	var peak int64
	watching.Go(func() {
		status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = max(peak, procField(status, "VmHWM"))
			case <-done:
				return
			}
		}
	})
	err := cmd.Wait()
	f := finished{wall: time.Since(began)}
	close(done)
	watching.Wait()
	f.peak = peak
	f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err != nil {
		return f, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return f, nil
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
	return nil, fmt.Errorf("statline sandbox %s ended: %w\n%s", strings.Join(args, " "), cmd.Wait(), strings.Join(said, "\n"))
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
