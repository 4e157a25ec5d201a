package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"statline/ingest/source/kafkatest"
	"statline/ingest/traffic"
)

// apache is Apache Kafka: three nodes, each broker and controller. A record is
// acknowledged when two of them have it, so that nothing is lost when one dies.
type apache struct {
	dir     string
	running *kafkatest.Cluster
}

// nodeStart is how long a node may take until it serves, on a busy machine.
const nodeStart = 2 * time.Minute

func newApache(_, dir string) (cluster, error) {
	return &apache{dir: filepath.Join(dir, "broker")}, nil
}

func (a *apache) start(ctx context.Context) (err error) {
	if err := os.Mkdir(a.dir, 0o755); err != nil {
		return err
	}
	// The jars may have to be fetched first.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	a.running, err = kafkatest.Start(ctx, kafkatest.Config{Nodes: 3, Dir: a.dir, Heap: "256m",
		Properties: map[string]string{
			"default.replication.factor": "3",
			"min.insync.replicas":        "2",
		}})
	if err != nil {
		return err
	}
	return traffic.CreateTopic(ctx, a.addresses(), topic, partitions)
}

func (a *apache) addresses() []string { return a.running.Addrs(kafkatest.Plaintext) }
func (a *apache) nodes() int          { return 3 }

func (a *apache) pid(node int) int {
	if a.running == nil {
		return 0
	}
	return a.running.Pid(node)
}

func (a *apache) kill(node int) error {
	if a.running == nil {
		return nil
	}
	return a.running.Kill(node)
}

func (a *apache) restart(ctx context.Context, node int) error {
	ctx, cancel := context.WithTimeout(ctx, nodeStart)
	defer cancel()
	return a.running.Restart(ctx, node)
}
