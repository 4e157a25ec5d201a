// Package javatest runs servers written in Java for tests: it fetches their jars
// once with Maven, and keeps their processes. It needs Java 17. A server that
// does not start is an error with the end of its log, never a reason to skip.
package javatest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Command runs a class of a directory of jars in a Java that is small, starts quickly and
// ends with this process. options come before the class.
func Command(ctx context.Context, jars string, options []string, class string, args ...string) *exec.Cmd {
	all := []string{"-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"}
	all = append(all, options...)
	all = append(all, "-cp", filepath.Join(jars, "*"), class)
	cmd := exec.CommandContext(ctx, "java", append(all, args...)...)
	cmd.SysProcAttr = withParent()
	return cmd
}

// Process is a server at work.
type Process struct {
	name, log string
	cmd       *exec.Cmd
	exited    chan struct{} // closed when it has ended
}

// Start runs cmd; name is for errors. What it prints goes to the file log.
func Start(name string, cmd *exec.Cmd, log string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer out.Close() // the child has its own
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{name: name, log: log, cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(p.exited)
	}()
	return p, nil
}

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Await waits until ready accepts what the server has printed.
func (p *Process) Await(ctx context.Context, ready func(printed string) bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(p.log)
		if err != nil {
			return fmt.Errorf("start %s: %w", p.name, err)
		}
		if ready(string(text)) {
			return nil
		}
		select {
		case <-p.exited:
			text, _ := os.ReadFile(p.log) // nothing better to say without it
			return fmt.Errorf("start %s: it has exited:\n%s", p.name, Tail(string(text), 30))
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w:\n%s", p.name, ctx.Err(), Tail(string(text), 30))
		case <-tick.C:
		}
	}
}

// Signal sends sig and waits until the process is gone.
func (p *Process) Signal(sig syscall.Signal, wait time.Duration) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v %s: %w", sig, p.name, err)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(wait):
		return fmt.Errorf("%v %s: still there after %v", sig, p.name, wait)
	}
}

// FreePorts chooses n free ports of the loopback interface. Another process may take one
// before it is used: then the server reports "Address already in use".
func FreePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("choose a port: %w", err)
		}
		defer l.Close() // after all are chosen, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// Tail is the last n lines of a text.
func Tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
