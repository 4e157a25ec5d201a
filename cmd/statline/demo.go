package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"statline/cmd/statline/answer"
	"statline/dashboards/console"
	"statline/dashboards/report"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/config"
	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/traffic"
	"statline/ingest/watch"
)

const demoTopic = "access"

// demoSpeed is how many seconds of event time pass in a second, so that an hour of
// traffic takes a minute.
const demoSpeed = 60

// demoOptions are the flags of demo.
type demoOptions struct {
	*settings
	duration spanValue
	rate     float64
	seed     uint64
	scenario string
	console  string
	out      *answers
}

func demoCommand() *cobra.Command {
	o := demoOptions{scenario: traffic.Mixed}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Everything in one process: generated traffic, broker, daemon, ClickHouse, live view",
		Long: `demo runs generated API traffic through the embedded Kafka-protocol broker, the
daemon's own pipeline and the embedded ClickHouse engine, and shows the results while
it streams, here and on a page in the browser. Event time passes 60 times faster than
real time. It ends with Ctrl-C or after --for, with a report; --json compares every
stored count with the generator's own.`,
		Example: `  statline demo
  statline demo --for 20s --seed 7 --json
  statline demo --scenario timeout-spike --rate 5000 --data ./demo`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := c.Flags()
	f.Var(&o.duration, "for", "end after this `time` (default: at Ctrl-C)")
	f.Float64Var(&o.rate, "rate", 2000, "responses per second of wall time")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the traffic")
	f.Var(choiceValue{&o.scenario, traffic.Scenarios()}, "scenario", "what happens")
	f.StringVar(&o.console, "console", "",
		"`address` of the page with the boards (default: 127.0.0.1:8080, or any free port)")
	o.out = takeOutput(c, answer.Of[demoResult](reportLists()...), answer.JSON)
	o.settings = takeSettings(c, "demo")
	return c
}

// demoResult is what --json prints.
type demoResult struct {
	*report.Report
	Truth *traffic.Truth `json:"truth"`
	Match bool           `json:"match"`
	// Differences names each count that differs from the truth; empty when all match.
	Differences []string `json:"differences"`
}

func (o *demoOptions) run(cmd *cobra.Command) (err error) {
	began := time.Now()
	log := o.Log.Logger(os.Stderr, o.Log.Slog())
	work := context.WithoutCancel(cmd.Context()) // what was produced is stored and reported even after Ctrl-C
	if _, err := checkLabels(o.Keys.Labels); err != nil {
		return err
	}
	o.Lines = config.Default().Lines // for its own traffic
	e, err := openEmbedded(work, o.Config, schema.DefaultTTL(),
		sandbox.Config{Kafka: "127.0.0.1:0", ClickHouse: "127.0.0.1:0", Partitions: 2, Topics: []string{demoTopic}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if _, err := setLabels(work, o.Keys.Labels, e.store, log); err != nil {
		return err
	}
	client, p, err := demoPipeline(e, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	g, err := traffic.New(traffic.Config{Seed: o.seed, Scenario: o.scenario, Rate: o.rate / demoSpeed,
		Start: time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Hour)})
	if err != nil {
		return err
	}
	rules := config.Default().Detect.Detectors
	watching, _, err := newWatch(watch.NewSQL(e.store, e.folding.Catalogue), rules, watch.DefaultNotify(),
		250*time.Millisecond, log)
	if err != nil {
		return err
	}
	d := &demo{options: o, embedded: e, pipeline: p, watch: watching, traffic: g, began: began}
	closePage, err := d.servePage(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePage()) }()
	if d.before, err = report.Totals(work, e.store); err != nil {
		return err
	}
	if err := d.stream(cmd, work); err != nil {
		return err
	}
	return d.report(work, cmd)
}

// demoPipeline wires the daemon's pipeline to the embedded servers.
func demoPipeline(e *embedded, log *slog.Logger) (*source.Client, *ingest.Pipeline, error) {
	kafka := source.DefaultConfig()
	kafka.Brokers, kafka.Topic, kafka.Group, kafka.Logger = e.sandbox.Brokers(), demoTopic, "demo", log
	client, err := source.New(kafka)
	if err != nil {
		return nil, nil, err
	}
	cfg := ingest.DefaultConfig()
	cfg.FlushInterval = 500 * time.Millisecond // fresher than a daemon has to be: somebody watches
	cfg.Block.Topic, cfg.Block.Group, cfg.Block.Instance, cfg.Block.Version = demoTopic, "demo", instanceName(), version
	cfg.Block.From = block.Earliest
	p, err := newPipeline(cfg, client, e.folding, ingest.Parts{Store: e.store, Whole: e.whole, Log: log})
	return client, p, err
}

// demo is one running demo.
type demo struct {
	options  *demoOptions
	embedded *embedded
	pipeline *ingest.Pipeline
	watch    *watch.Watch
	traffic  *traffic.Generator
	began    time.Time
	produced produced
	before   *report.Report // what the store held before this run
	page     string         // address of the console
}

// demoPage is the page's address unless the port is in use.
const demoPage = "127.0.0.1:8080"

// servePage serves the console and prints its address.
func (d *demo) servePage(cmd *cobra.Command) (closePage func() error, err error) {
	listen := d.options.console
	if host, _, err := net.SplitHostPort(listen); listen != "" && (err != nil || !console.Loopback(host)) {
		return nil, fmt.Errorf("--console: got %q; want an address of this machine alone, such as %s", listen, demoPage)
	}
	ctx, stop := context.WithCancel(cmd.Context())
	page, err := newConsole(ctx, console.Config{Access: console.Access{Local: true},
		KeyID: keyIDsOf(d.embedded.folding.Decode.Secret),
		Store: func() console.Store { return storeOf(d.embedded.store) }})
	if err != nil {
		stop()
		return nil, err
	}
	var wait func() error
	switch listen {
	case "":
		if d.page, wait, err = serveConsole(ingest.Listening{Address: demoPage}, page); err != nil {
			d.page, wait, err = serveConsole(ingest.Listening{Address: "127.0.0.1:0"}, page)
		}
	default:
		d.page, wait, err = serveConsole(ingest.Listening{Address: listen}, page)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("--console: %w", err)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "console", d.page)
	return func() error { stop(); return wait() }, nil
}

// stream generates and stores traffic until Ctrl-C or until its time is over, and
// returns when every line produced is stored.
func (d *demo) stream(cmd *cobra.Command, work context.Context) error {
	generating, stop := context.WithCancel(cmd.Context())
	if d.options.duration > 0 {
		generating, stop = context.WithTimeout(cmd.Context(), time.Duration(d.options.duration))
	}
	defer stop()
	moving, stopMoving := context.WithCancel(work)
	defer stopMoving()
	showing, stopShowing := context.WithCancel(generating)
	defer stopShowing()
	group, groupCtx := errgroup.WithContext(work)
	group.Go(func() error {
		if err := (&ingest.Daemon{Pipeline: d.pipeline, Detectors: d.watch}).Run(moving); err != nil {
			stop()
			return fmt.Errorf("pipeline: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer stopMoving()
		err := traffic.Produce(generating, d.embedded.sandbox.Brokers(), demoTopic, d.traffic,
			traffic.ProduceOptions{Speed: demoSpeed, Progress: d.produced.set})
		stopShowing() // the report follows soon
		if err != nil && generating.Err() == nil {
			return err
		}
		d.pipeline.Hurry()
		return d.awaitStored(groupCtx)
	})
	frames := make(chan frame, 1)
	shown := make(chan error, 1)
	out := terminal(cmd.OutOrStdout())
	view := liveView{out: cmd.OutOrStdout(), title: "statline demo",
		about: "generated traffic → Kafka → classify → ClickHouse", page: d.page,
		terminal: out != nil && canRedraw(out), catalogue: d.embedded.folding.Catalogue, interrupt: stop}
	if !d.options.out.forPeople() {
		view.out, view.terminal = cmd.ErrOrStderr(), false
	}
	go func() { shown <- view.show(work, frames) }()
	group.Go(func() error {
		defer close(frames)
		return d.follow(showing, frames)
	})
	return errors.Join(group.Wait(), <-shown)
}

// awaitStored waits until the ledger has every record of the topic.
func (d *demo) awaitStored(ctx context.Context) error {
	want := d.before.Records + d.traffic.Truth().Records
	deadline := time.Now().Add(time.Minute)
	for {
		sum, err := report.Totals(ctx, d.embedded.store)
		if err != nil {
			return err
		}
		switch {
		case sum.Records >= want:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d records stored a minute after the last was produced; last error: %s",
				sum.Records, want, lastError(d.pipeline))
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lastError is what stops the pipeline, as far as known.
func lastError(p *ingest.Pipeline) string {
	st := p.Status()
	for _, part := range st.Partitions {
		if part.LastError != "" {
			return part.LastError
		}
	}
	if st.Waiting != "" {
		return st.Waiting
	}
	return "none"
}

// report prints what was found, and compares it with the truth.
func (d *demo) report(ctx context.Context, cmd *cobra.Command) error {
	if err := d.watch.Round(ctx); err != nil {
		return fmt.Errorf("run the detectors: %w", err)
	}
	sum, err := report.Read(ctx, d.embedded.store, report.Everything(), report.Filter{})
	if err != nil {
		return err
	}
	sum.ElapsedSeconds = time.Since(d.began).Seconds()
	truth := d.traffic.Truth()
	differences := sum.Differences(inReport(truth))
	if before := d.before; before.Records > 0 { // an earlier run's traffic is there too: only totals are compared
		added := report.Report{Records: sum.Records - before.Records, Responses: sum.Responses - before.Responses,
			Rejected: sum.Rejected - before.Rejected}
		differences = added.Differences(&report.Report{Records: truth.Records, Responses: truth.Responses,
			Rejected: truth.Rejected})
	}
	r := demoResult{Report: sum, Truth: truth, Match: len(differences) == 0, Differences: differences}
	err = d.options.out.print(cmd, func(to io.Writer) {
		if by := d.options.out.by; by != "" {
			printList(to, by, &reportShown{Report: sum}, d.embedded.folding.Catalogue)
			return
		}
		printSummary(to, "statline demo", sum, d.embedded.folding.Catalogue, 0, nil)
		if r.Match {
			fmt.Fprintf(to, "\n%s every stored count equals what the generator knows to be true (%s records)\n",
				newStyle(to).good.Render("✓"), count(truth.Records))
		}
	}, r, reportRows(&reportShown{Report: sum})...)
	if err != nil {
		return err
	}
	if !r.Match {
		for _, difference := range differences {
			fmt.Fprintln(cmd.ErrOrStderr(), "differs from the truth:", difference)
		}
		return exitCode(exitDataSaysNo)
	}
	return nil
}

// inReport converts the generator's truth to the form of a report.
func inReport(t *traffic.Truth) *report.Report {
	return &report.Report{Records: t.Records, Responses: t.Responses, Rejected: t.Rejected,
		ByHTTPStatus: t.ByHTTPStatus, ByCode: t.ByCode, ByOutcome: t.ByOutcome, ByService: t.ByService}
}
