package main

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// cluster is the Kafka of a campaign. Its nodes are killed and started again at
// the same addresses, on the same data.
type cluster interface {
	start(ctx context.Context) error
	addresses() []string
	nodes() int
	// pid is a node's process, 0 when it does not run.
	pid(node int) int
	kill(node int) error
	// restart returns when the node serves.
	restart(ctx context.Context, node int) error
}

// The clusters, by their names on the command line.
const (
	embeddedName = "embedded"
	apacheName   = "kafka"
)

// clusters makes a cluster; its files go to a directory.
var clusters = map[string]func(binary, dir string) (cluster, error){
	embeddedName: newEmbedded,
	apacheName:   newApache,
}

func brokerNames() []string { return slices.Sorted(maps.Keys(clusters)) }

// killAllNodes kills every node of a cluster.
func killAllNodes(c cluster) (err error) {
	for node := range c.nodes() {
		err = errors.Join(err, c.kill(node))
	}
	return err
}

// restartDead starts the nodes that do not run, all at once: those of Apache
// Kafka need each other.
func restartDead(ctx context.Context, c cluster) error {
	var dead []int
	for node := range c.nodes() {
		if c.pid(node) == 0 {
			dead = append(dead, node)
		}
	}
	failed := make(chan error, len(dead))
	for _, node := range dead {
		go func() { failed <- c.restart(ctx, node) }()
	}
	var err error
	for range dead {
		err = errors.Join(err, <-failed)
	}
	return err
}
