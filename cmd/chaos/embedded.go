package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// embedded is statline's own broker, one process.
type embedded struct {
	binary, dir, address string
	process              *process
}

func newEmbedded(binary, dir string) (cluster, error) {
	address, err := freeAddress()
	return &embedded{binary: binary, dir: dir, address: address}, err
}

func (e *embedded) start(ctx context.Context) (err error) {
	e.process, err = startSandbox(ctx, e.binary, e.dir, "broker", "--kafka", e.address, "--clickhouse", "",
		"--partitions", fmt.Sprint(partitions), "--topics", topic)
	return err
}

func (e *embedded) addresses() []string { return []string{e.address} }
func (e *embedded) nodes() int          { return 1 }

func (e *embedded) pid(int) int {
	if e.process == nil {
		return 0
	}
	return e.process.cmd.Process.Pid
}

func (e *embedded) kill(int) error {
	if e.process != nil {
		e.process.kill()
		e.process = nil
	}
	return nil
}

func (e *embedded) restart(ctx context.Context, _ int) error { return e.start(ctx) }

// startSandbox starts a sandbox on the data of an earlier one of that name.
func startSandbox(ctx context.Context, binary, dir, name string, args ...string) (*process, error) {
	p, err := spawn(dir, name, binary, nil, func(string) {},
		append([]string{"sandbox", "--data", filepath.Join(dir, name)}, args...)...)
	if err != nil {
		return nil, err
	}
	return p, p.await(ctx, 60*time.Second)
}
