// Command chaos tests from outside that statline counts exactly once. It runs the real
// binary: a broker, an engine, three instances of run in one group, a generator that counts
// what it sends, and between the instances and ClickHouse a proxy that can refuse, hang,
// fail, delay and lose answers. Half of the instances use ClickHouse's HTTP interface, half
// its native protocol. The broker is the embedded one, or Apache Kafka with three nodes. Each
// round injects a fault chosen by the seed. At the end every record must be stored once, in
// every table, by minute, code, service, outcome, key and client, and the audit must agree.
//
// Meanwhile a witness checks every second what the instances say at /readyz, and what the
// audit says, against Kafka's own offsets and the ledger.
//
// The seed fixes the plan: which fault, when in its round, on which instance, table or step.
// It cannot fix how the processes interleave.
//
// Before the run it proves that it can fail: with the tokens switched off, an answer that is
// lost after the commit must be found as doubled rows, over either protocol.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// config is the command line.
type config struct {
	rounds   int
	seed     uint64
	binary   string
	data     string
	lines    int // a second
	noTokens bool
	protocol string        // of all instances; "": each protocol for half of them
	limit    time.Duration // no round begins after this long; 0: all do
	broker   string
	faults   string // names or parts of names, with commas between; "": the deck's
	// midInsert kills the engine while it inserts, see restart.
	midInsert bool
}

func main() {
	var (
		cfg  config
		show bool
		bite bool
	)
	flag.IntVar(&cfg.rounds, "n", 25, "`rounds`, one fault each")
	flag.Uint64Var(&cfg.seed, "seed", 1, "seed of the plan and of the traffic")
	flag.StringVar(&cfg.binary, "binary", "bin/statline-chaos", "statline, built with -tags chaos")
	flag.StringVar(&cfg.data, "data", "",
		"`directory` for data and logs (default: a temporary one, kept when something differs)")
	flag.IntVar(&cfg.lines, "lines", 400, "log lines a second")
	flag.BoolVar(&cfg.midInsert, "mid-insert", false,
		"kill the engine also in the middle of an insert, which ClickHouse does not always survive on tables that are not replicated; statline repair mends it at the end")
	flag.DurationVar(&cfg.limit, "limit", 0, "end the rounds after `this long` and judge (default: when all are done)")
	flag.StringVar(&cfg.broker, "broker", "embedded",
		"the `Kafka` of the run: embedded, or kafka, which is Apache's with three nodes (Java 17; Maven once, for its jars)")
	flag.StringVar(&cfg.faults, "faults", "",
		"deal only the faults whose name contains one of these `parts`, such as \"of CH,pause\"")
	flag.BoolVar(&show, "plan", false, "print the plan and end")
	flag.BoolVar(&bite, "bite", true, "first prove that doubled rows would be found")
	flag.Parse()
	plan, err := cfg.newPlan()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(2)
	}
	if show {
		for i, f := range plan {
			fmt.Printf("%4d  %s\n", i+1, f)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := openDir(cfg.data)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	passed, rounds, failures := 0, 0, []string(nil)
	for _, protocol := range []string{overHTTP, overNative} {
		if bite && len(failures) == 0 {
			var n int
			n, failures = proveBite(ctx, cfg, filepath.Join(dir, "tokens-off-"+protocol), protocol)
			passed += n
		}
	}
	if len(failures) == 0 {
		var c *campaign
		n := 0
		if c, n, err = campaignIn(ctx, cfg, filepath.Join(dir, "run"), plan); err != nil {
			failures = append(failures, err.Error())
		}
		passed, rounds, failures = passed+n, len(c.rounds), append(c.failures, failures...)
	}
	for _, f := range failures {
		fmt.Println("FAIL", f)
	}
	switch {
	case len(failures) > 0:
		fmt.Println("data and logs are kept in", dir)
	case cfg.data == "":
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "chaos:", err)
		}
	}
	fmt.Printf("chaos: %s broker, seed %d, %d of %d rounds, %d checks: %d passed, %d failed\n", cfg.broker, cfg.seed,
		rounds, cfg.rounds, passed+len(failures), passed, len(failures))
	if len(failures) > 0 {
		os.Exit(1)
	}
}

// newPlan is the plan that the command line asks for.
func (cfg config) newPlan() ([]fault, error) {
	if clusters[cfg.broker] == nil {
		return nil, fmt.Errorf("broker: got %q; want %s", cfg.broker, strings.Join(brokerNames(), " or "))
	}
	if cfg.faults == "" {
		return newPlan(cfg.seed, cfg.rounds, deckOn(cfg.broker)), nil
	}
	return pickPlan(cfg.seed, cfg.rounds, deckOn(cfg.broker), strings.Split(cfg.faults, ","))
}

// campaignIn runs a plan in a new directory; the campaign is never nil.
func campaignIn(ctx context.Context, cfg config, dir string, plan []fault) (c *campaign, passed int, err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return &campaign{}, 0, err
	}
	if c, err = newCampaign(cfg, dir, plan); err != nil {
		return &campaign{}, 0, err
	}
	passed, err = c.run(ctx)
	return c, passed, err
}

// The protocols to ClickHouse.
const (
	overHTTP   = "HTTP"
	overNative = "native"
)

// proveBite loses the answer of an insert into each table with the tokens off,
// over one protocol: the comparison must find doubled rows in each rollup.
func proveBite(ctx context.Context, cfg config, dir, protocol string) (passed int, failures []string) {
	cfg.noTokens, cfg.limit, cfg.protocol = true, 0, protocol
	cfg.broker = embeddedName // the broker makes no difference here
	plan := make([]fault, 0, len(cutTables))
	for i, table := range cutTables {
		plan = append(plan, fault{kind: cut, target: table, victim: i, delay: 100 * time.Millisecond})
	}
	c, _, err := campaignIn(ctx, cfg, dir, plan)
	if err != nil {
		return 0, []string{"tokens off, " + protocol + ": " + err.Error()}
	}
	for _, table := range rollups() {
		if c.doubledIn[table] == 0 {
			failures = append(failures,
				"tokens off, "+protocol+": a lost answer doubled nothing in "+table+", so this test cannot fail")
		}
	}
	if len(failures) == 0 {
		passed++
		fmt.Printf("tokens off, %s: %d lost answers doubled rows of %s: the checks below can fail\n\n", protocol,
			len(plan), strings.Join(rollups(), ", "))
	}
	return passed, failures
}

// openDir makes the directory of a run; "" is a temporary one.
func openDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "statline-chaos-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty", dir)
	}
	return dir, os.MkdirAll(dir, 0o755)
}
