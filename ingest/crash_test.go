//go:build chaos

package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"statline/ingest"
	"statline/ingest/fold"
	"statline/ingest/ingesttest"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/source"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// The test binary runs itself as the process that is killed.
const childEnv = "STATLINE_TEST_CHILD"

func init() {
	if os.Getenv(childEnv) == "" {
		return
	}
	if err := child(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child drains a topic into a database, as the environment says.
func child(ctx context.Context) error {
	k := source.DefaultConfig()
	k.Brokers, k.Topic, k.Group = []string{os.Getenv("BROKER")}, os.Getenv("TOPIC"), "statline"
	k.SessionTimeout, k.HeartbeatInterval, k.RebalanceTimeout, k.JoinBackoff = 1500*time.Millisecond,
		200*time.Millisecond, 1500*time.Millisecond, 100*time.Millisecond
	client, err := source.New(k)
	if err != nil {
		return err
	}
	c := store.DefaultConfig()
	c.URL, c.Database = os.Getenv("URL"), os.Getenv("TOPIC")
	s, err := store.Open(ctx, c)
	if err != nil {
		return err
	}
	pool, err := fold.NewPool(ingesttest.Folding(), 16<<20)
	if err != nil {
		return err
	}
	cfg := ingesttest.Config()
	cfg.Block.Topic, cfg.UntilCaughtUp = k.Topic, true
	cfg.Block.Limits.Records = 1500
	p, err := ingest.New(cfg, ingest.Parts{Source: ingest.Kafka(client), Store: s, Rules: pool})
	if err != nil {
		return err
	}
	return p.Run(ctx)
}

// Promise: kill -9 at every named step, several times, loses and doubles
// nothing.
func TestKillAtEveryStep(t *testing.T) {
	r := ingesttest.New(t, "kill9")
	var truths []*traffic.Truth
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(crash string) error {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), childEnv+"=1", "STATLINE_CRASH_AT="+crash,
			"BROKER="+r.Brokers()[0], "URL="+sandboxtest.URL(t), "TOPIC="+r.Topic)
		cmd.Stderr = os.Stderr
		return cmd.Run()
	}
	killed := 0
	for _, n := range []int{1, 3} {
		for i, step := range []string{"resume", "anchor", "fill", "declare", "recover", "declared", "insert", "recover",
			"inserted", "stored", "commit", "committed"} {
			truths = append(truths, r.Produce(uint64(100*n+i), 8000))
			err := run(fmt.Sprintf("%s:%d", step, n))
			var exit *exec.ExitError
			switch {
			case err == nil:
				t.Logf("%s:%d was not reached", step, n)
			case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
				killed++
			default:
				t.Fatalf("%s:%d: %v", step, n, err)
			}
		}
	}
	if killed < 15 {
		t.Errorf("killed %d times; want at least 15", killed)
	}
	if err := run(""); err != nil {
		t.Fatal(err)
	}
	t.Logf("killed %d times", killed)
	r.Check(truths...)
}
