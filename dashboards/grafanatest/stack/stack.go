package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// Parts are what the stack is made of, made or fetched before it is started.
type Parts struct {
	Image  *Image // of statline
	Jars   string // of Apache Kafka
	Binary string // statline with the engine, for clickhouse
	Engine string // libchdb
}

// Stack is a compose project being run.
type Stack struct {
	Parts
	As      string // whose rights ClickHouse enforces
	Without string // a privilege that is taken from it
	project *types.Project
	dir     string
	count   int
	running map[string]*process
}

type process struct {
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	err    error
}

// maxServices is how many addresses the network has.
const maxServices = 12

// address is that of the i-th service.
func address(i int) string { return fmt.Sprintf("172.30.0.%d", 10+i) }

// Load reads a compose file with an environment; dir takes data and logs.
func Load(ctx context.Context, file, dir string, environment []string, parts Parts) (*Stack, error) {
	o, err := cli.NewProjectOptions([]string{file}, cli.WithEnv(environment),
		cli.WithWorkingDirectory(filepath.Dir(file)),
		cli.WithInterpolation(true), cli.WithConsistency(true), cli.WithProfiles([]string{"traffic"}))
	if err != nil {
		return nil, err
	}
	p, err := o.LoadProject(ctx)
	if err != nil {
		return nil, err
	}
	return &Stack{Parts: parts, As: "statline", project: p, dir: dir, running: map[string]*process{}}, nil
}

func (s *Stack) next() int {
	s.count++
	return s.count
}

// Address is where a service listens.
func (s *Stack) Address(service string) string {
	return address(slices.Index(s.project.ServiceNames(), service))
}

// Environment is a service's.
func (s *Stack) Environment(service string) map[string]string {
	all := map[string]string{}
	for name, value := range s.project.Services[service].Environment {
		if value != nil {
			all[name] = *value
		}
	}
	return all
}

func (s *Stack) hosts(self string) string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n")
	for i, name := range s.project.ServiceNames() {
		fmt.Fprintf(&b, "%s %s\n", address(i), name)
	}
	return b.String()
}

// Up starts services and what they depend on, and returns when all are as the
// dependencies and their health checks want them.
func (s *Stack) Up(ctx context.Context, services ...string) error {
	for _, name := range services {
		if err := s.up(ctx, name, types.ServiceConditionHealthy); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) up(ctx context.Context, name, condition string) error {
	service, ok := s.project.Services[name]
	if !ok {
		return fmt.Errorf("there is no service %s", name)
	}
	if s.running[name] == nil {
		dependencies := service.GetDependencies()
		slices.Sort(dependencies)
		for _, on := range dependencies {
			if err := s.up(ctx, on, service.DependsOn[on].Condition); err != nil {
				return err
			}
		}
		c, err := s.container(service, nil)
		if err != nil {
			return fmt.Errorf("service %s: %w", name, err)
		}
		if s.running[name], err = s.start(c, name); err != nil {
			return fmt.Errorf("service %s: %w", name, err)
		}
	}
	p := s.running[name]
	switch condition {
	case types.ServiceConditionCompletedSuccessfully:
		select {
		case <-p.exited:
		case <-ctx.Done():
			return fmt.Errorf("service %s does not end: %w\n%s", name, context.Cause(ctx), p.tail())
		}
		if p.err != nil {
			return fmt.Errorf("service %s ended: %w\n%s", name, p.err, p.tail())
		}
		return nil
	case types.ServiceConditionHealthy:
		return s.healthy(ctx, service, p)
	}
	return nil
}

func (s *Stack) start(c Container, name string) (*process, error) {
	cmd, err := c.Command()
	if err != nil {
		return nil, err
	}
	log := filepath.Join(s.dir, name+".log")
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// healthy waits until a service's health check succeeds, at the compose file's
// pace but at most every second, and then looks for its ports.
func (s *Stack) healthy(ctx context.Context, service types.ServiceConfig, p *process) error {
	check := service.HealthCheck
	if check == nil {
		return nil
	}
	limit := time.Duration(*check.StartPeriod) + time.Duration(*check.Retries)*time.Duration(*check.Interval)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not healthy within %s", limit))
	defer cancel()
	said := ""
	for {
		out, err := s.Exec(ctx, service.Name, command(check.Test)...)
		wait := time.After(time.Second)
		if err == nil {
			if err = s.ports(service); err == nil && !p.ended() {
				return nil
			}
			out = fmt.Sprint(err)
		}
		if ctx.Err() == nil || said == "" { // one that was cut off says nothing
			said = out
		}
		select {
		case <-p.exited:
			return fmt.Errorf("service %s ended: %w\n%s", service.Name, errors.Join(p.err, errors.New("it must run")),
				p.tail())
		case <-ctx.Done():
			return fmt.Errorf("service %s: %w; its health check %q says: %s\n%s", service.Name, context.Cause(ctx),
				check.Test, strings.TrimSpace(said), p.tail())
		case <-wait:
		}
	}
}

func command(test types.HealthCheckTest) []string {
	if test[0] == "CMD-SHELL" {
		return []string{"/bin/sh", "-c", test[1]}
	}
	return test[1:]
}

// ports finds out whether something listens where a service publishes.
func (s *Stack) ports(service types.ServiceConfig) error {
	for _, port := range service.Ports {
		at := net.JoinHostPort(s.Address(service.Name), fmt.Sprint(port.Target))
		conn, err := net.DialTimeout("tcp", at, 2*time.Second)
		if err != nil {
			return fmt.Errorf("service %s publishes port %d, on which it does not listen: %w", service.Name,
				port.Target, err)
		}
		_ = conn.Close()
	}
	return nil
}

// Exec runs a program as the service would, and returns what it prints.
func (s *Stack) Exec(ctx context.Context, service string, args ...string) (string, error) {
	c, err := s.container(s.project.Services[service], args)
	if err != nil {
		return "", err
	}
	cmd, err := c.Command()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err = cmd.Wait()
	return out.String(), err
}

// Stop ends a service as compose does: SIGTERM, and SIGKILL after ten seconds.
func (s *Stack) Stop(name string) error {
	p := s.running[name]
	if p == nil {
		return nil
	}
	delete(s.running, name)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("service %s did not end within 10 s of SIGTERM", name)
	}
}

// Down kills everything.
func (s *Stack) Down() {
	for name, p := range s.running {
		_ = p.cmd.Process.Kill()
		<-p.exited
		delete(s.running, name)
	}
}
