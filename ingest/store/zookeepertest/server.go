// Package zookeepertest runs Apache ZooKeeper for tests: one server from its
// Maven artefacts, as a child process on a free loopback port. With it the
// embedded ClickHouse engine takes the tables of a cluster; the tests of that
// are here too, behind the build tag zookeeper.
package zookeepertest

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"statline/ingest/sandbox/javatest"
)

//go:embed pom.xml
var pom []byte

// Server is a running ZooKeeper.
type Server struct {
	process *javatest.Process
	port    int
}

// Start runs a server in dir, which must exist, and returns when it serves. A
// port that somebody takes between its choice and its use is chosen again.
func Start(ctx context.Context, dir string) (*Server, error) {
	jars, err := javatest.Jars(ctx, "zookeeper", pom)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		s, err := start(ctx, jars, filepath.Join(dir, strconv.Itoa(attempt)))
		if err == nil || attempt == 3 || ctx.Err() != nil || !strings.Contains(err.Error(), "Address already in use") {
			return s, err
		}
	}
}

func start(ctx context.Context, jars, dir string) (*Server, error) {
	ports, err := javatest.FreePorts(1)
	if err != nil {
		return nil, err
	}
	data, config := filepath.Join(dir, "data"), filepath.Join(dir, "zoo.cfg")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, fmt.Errorf("start zookeeper: %w", err)
	}
	settings := fmt.Sprintf("dataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\ntickTime=500\nadmin.enableServer=false\n", data, ports[0])
	if err := os.WriteFile(config, []byte(settings), 0o644); err != nil {
		return nil, fmt.Errorf("start zookeeper: %w", err)
	}
	// The server outlives ctx: that bounds its start.
	cmd := javatest.Command(context.Background(), jars, nil, "org.apache.zookeeper.server.ZooKeeperServerMain", config)
	process, err := javatest.Start("zookeeper", cmd, filepath.Join(dir, "out.log"))
	if err != nil {
		return nil, err
	}
	s := &Server{process: process, port: ports[0]}
	err = process.Await(ctx, func(string) bool { return s.serves() })
	if err != nil {
		_ = s.Close() // it has exited, or its end is not what is wrong
		return nil, err
	}
	return s, nil
}

// serves asks the server whether it answers requests.
func (s *Server) serves() bool {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	answer := make([]byte, 64)
	if _, err := conn.Write([]byte("srvr")); err != nil {
		return false
	}
	n, err := conn.Read(answer)
	return err == nil && strings.HasPrefix(string(answer[:n]), "Zookeeper version")
}

// Port is the server's port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Close kills the server.
func (s *Server) Close() error { return s.process.Signal(syscall.SIGKILL, 10*time.Second) }
