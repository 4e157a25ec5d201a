// Package kafkatest runs Apache Kafka for tests: real brokers (KRaft, from
// their Maven artefacts) as child processes on free loopback ports, in a
// directory of their own. A broker that does not start is an error with the
// end of its log, never a reason to skip. It needs Java 17 and, once, Maven.
package kafkatest

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"statline/ingest/sandbox/javatest"
)

//go:embed pom.xml
var pom []byte

// Config says what cluster to run.
type Config struct {
	Nodes int    // brokers, each its own controller; 0 is 1
	Dir   string // where logs and data go; must exist and be empty
	// PEM is a file with a private key (PKCS#8) and its certificate for
	// 127.0.0.1; with it, the brokers have TLS listeners too.
	PEM string
	// User and Password can log in over the SASL listeners with PLAIN,
	// SCRAM-SHA-256 and SCRAM-SHA-512; empty: no SASL listeners.
	User, Password string
	// Heap is each broker's, such as 256m; "" is javatest's.
	Heap string
	// Properties are added to every server.properties.
	Properties map[string]string
}

// Cluster is a running cluster.
type Cluster struct {
	cfg   Config
	jars  string
	id    string
	nodes []*node
}

// The listeners of a node, by their names in server.properties.
const (
	Plaintext = "PLAINTEXT" // no security; always there
	SASL      = "SASL"
	TLS       = "TLS"
	SASLTLS   = "STLS"
	control   = "CONTROLLER"
)

// node is one broker: its place, its ports, and its process when it runs.
type node struct {
	id      int
	dir     string
	ports   map[string]int
	process *javatest.Process // nil when it does not run
}

// Start runs a cluster and returns when all its brokers serve requests. A
// port that somebody takes between its choice and its use is chosen again.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg.Nodes = max(cfg.Nodes, 1)
	jars, err := javatest.Jars(ctx, "kafka", pom)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		c := &Cluster{cfg: cfg, jars: jars, id: clusterID()}
		err := c.start(ctx, filepath.Join(cfg.Dir, strconv.Itoa(attempt)))
		if err == nil {
			return c, nil
		}
		c.Close()
		if attempt == 3 || ctx.Err() != nil || !strings.Contains(err.Error(), "Address already in use") {
			return nil, err
		}
	}
}

// clusterID is 16 random bytes as Kafka writes them; it must not start with a
// dash, which would look like an option.
func clusterID() string {
	for {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		if id := base64.RawURLEncoding.EncodeToString(b[:]); id[0] != '-' {
			return id
		}
	}
}

func (c *Cluster) start(ctx context.Context, dir string) error {
	for i := range c.cfg.Nodes {
		n := &node{id: i + 1, dir: filepath.Join(dir, fmt.Sprintf("k%d", i+1)), ports: make(map[string]int)}
		if err := os.MkdirAll(n.dir, 0o755); err != nil {
			return fmt.Errorf("start kafka: %w", err)
		}
		if err := n.choosePorts(c.listeners()); err != nil {
			return fmt.Errorf("start kafka: choose ports: %w", err)
		}
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		if err := c.format(ctx, n); err != nil {
			return fmt.Errorf("format kafka node %d: %w", n.id, err)
		}
	}
	for _, n := range c.nodes {
		if err := c.launch(n); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := n.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) listeners() []string {
	ls := []string{Plaintext, control}
	if c.cfg.User != "" {
		ls = append(ls, SASL)
	}
	if c.cfg.PEM != "" {
		ls = append(ls, TLS)
	}
	if c.cfg.User != "" && c.cfg.PEM != "" {
		ls = append(ls, SASLTLS)
	}
	return ls
}

func (n *node) choosePorts(listeners []string) error {
	ports, err := javatest.FreePorts(len(listeners))
	for i, port := range ports {
		n.ports[listeners[i]] = port
	}
	return err
}

// format prepares a node's directory; SCRAM users are made here.
func (c *Cluster) format(ctx context.Context, n *node) error {
	props := filepath.Join(n.dir, "server.properties")
	if err := os.WriteFile(props, []byte(c.properties(n)), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(n.dir, "log4j2.properties"), []byte(logConfig), 0o644); err != nil {
		return err
	}
	args := []string{"format", "--cluster-id=" + c.id, "-c", props}
	if c.cfg.User != "" {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, c.cfg.User,
				c.cfg.Password))
		}
	}
	out, err := c.java(ctx, n, "kafka.tools.StorageTool", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, javatest.Tail(string(out), 20))
	}
	return nil
}

func (c *Cluster) java(ctx context.Context, n *node, class string, args ...string) *exec.Cmd {
	options := []string{"-Dlog4j2.configurationFile=" + filepath.Join(n.dir, "log4j2.properties")}
	if c.cfg.Heap != "" {
		options = append(options, "-Xmx"+c.cfg.Heap)
	}
	return javatest.Command(ctx, c.jars, options, class, args...)
}

// launch starts a node's broker. Its output goes to out.log in its directory.
func (c *Cluster) launch(n *node) (err error) {
	cmd := c.java(context.Background(), n, "kafka.Kafka", filepath.Join(n.dir, "server.properties"))
	n.process, err = javatest.Start(fmt.Sprintf("kafka node %d", n.id), cmd, filepath.Join(n.dir, "out.log"))
	return err
}

// ready waits for the line that a broker writes once it is registered with
// the controller and answers requests.
func (n *node) ready(ctx context.Context) error {
	return n.process.Await(ctx, func(printed string) bool { return strings.Contains(printed, "Kafka Server started") })
}

// Addrs is the addresses of a listener (Plaintext, SASL, TLS, SASLTLS), one
// for each node.
func (c *Cluster) Addrs(listener string) []string {
	var addrs []string
	for _, n := range c.nodes {
		if port, ok := n.ports[listener]; ok {
			addrs = append(addrs, addr(port))
		}
	}
	return addrs
}

// Pid is the process of the i-th node, 0 when it does not run.
func (c *Cluster) Pid(i int) int {
	n := c.nodes[i]
	if n.process == nil {
		return 0
	}
	return n.process.Pid()
}

// Kill ends the i-th node at once, as a crash does, and waits until it is gone.
func (c *Cluster) Kill(i int) error { return c.nodes[i].signal(syscall.SIGKILL, 10*time.Second) }

// Stop asks the i-th node to shut down and waits for it.
func (c *Cluster) Stop(i int) error { return c.nodes[i].signal(syscall.SIGTERM, 30*time.Second) }

// Restart starts a node again that was killed or stopped, on the same ports
// and data.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	if err := c.launch(c.nodes[i]); err != nil {
		return err
	}
	return c.nodes[i].ready(ctx)
}

func (n *node) signal(sig syscall.Signal, wait time.Duration) error {
	if n.process == nil {
		return nil
	}
	err := n.process.Signal(sig, wait)
	if err == nil {
		n.process = nil
	}
	return err
}

// Close kills every node. The directory stays.
func (c *Cluster) Close() error {
	var errs []error
	for i := range c.nodes {
		errs = append(errs, c.Kill(i))
	}
	return errors.Join(errs...)
}
