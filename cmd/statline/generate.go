package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"statline/ingest/traffic"
)

func generateCommand() *cobra.Command {
	var (
		cfg       = traffic.Config{Rate: 1000}
		opts      traffic.ProduceOptions
		to, truth string
		start     string
		st        *settings
	)
	c := &cobra.Command{
		Use:   "generate",
		Short: "Write realistic API traffic to Kafka or a file, and the truth about it",
		Long: `generate writes seeded API traffic as JSON lines: the same seed, scenario, rate
and start give the same bytes. --truth FILE says what is in it, counted by the
generator and not by the code that reads it.`,
		Example: `  statline generate --to - --count 5 --seed 1
  statline generate --to kafka --brokers 127.0.0.1:19092 --topic access --count 1000000 --scenario mixed --truth truth.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := startTime(start, cfg)
			if err != nil {
				return err
			}
			cfg.Start = at
			g, err := traffic.New(cfg)
			if err != nil {
				return err
			}
			lines := &counted{Source: g}
			defer lines.show(cmd, to, cfg.Count)()
			switch to {
			case "kafka":
				if len(st.Kafka.Brokers) == 0 {
					return errors.New("generate --to kafka needs --brokers host:port")
				}
				if len(st.Kafka.Topics()) != 1 {
					return usage("topic: got %q; want one to write to", st.Kafka.Topic)
				}
				if err = traffic.Produce(cmd.Context(), st.Kafka.Brokers, st.Kafka.Topic, lines, opts); err != nil {
					err = noBroker{err}
				}
			case "-":
				err = traffic.WriteTo(cmd.Context(), lines, cmd.OutOrStdout())
			case "":
				return errors.New("generate needs --to kafka, --to FILE or --to -")
			default:
				var f *os.File
				if f, err = os.Create(to); err == nil {
					err = errors.Join(traffic.WriteTo(cmd.Context(), lines, f), f.Close())
				}
			}
			if err != nil {
				return err
			}
			if truth == "" {
				return nil
			}
			b, err := json.Marshal(g.Truth())
			if err != nil {
				return err
			}
			return os.WriteFile(truth, append(b, '\n'), 0o644)
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "`where`: kafka, a file, or - for standard output")
	f.Int64Var(&cfg.Count, "count", 100000, "lines; 0 for no end")
	f.Uint64Var(&cfg.Seed, "seed", 1, "seed")
	cfg.Scenario = "mixed"
	f.Var(choiceValue{&cfg.Scenario, traffic.Scenarios()}, "scenario", "what happens")
	f.Float64Var(&cfg.Rate, "rate", cfg.Rate, "responses per second of event time")
	f.Float64Var(&cfg.Malformed, "malformed", 0, "share of lines that are no response, 0 to 1")
	f.StringVar(&start, "start", "", "first event `time`, RFC 3339, or now (default: so that the last event is now)")
	f.StringVar(&truth, "truth", "", "`file` for the truth, as JSON")
	st = takeSettings(c, "generate") // it creates a missing topic
	f.Int32Var(&opts.Partitions, "partitions", 4, "partitions of a topic that is created")
	f.Float64Var(&opts.Speed, "speed", 0, "event seconds per second of wall time; 0 is as fast as possible")
	return c
}

// counted counts the lines of a generator.
type counted struct {
	traffic.Source
	lines atomic.Int64
}

func (c *counted) Next(buffer []byte) (line []byte, at int64, key uint64, more bool) {
	if line, at, key, more = c.Source.Next(buffer); more {
		c.lines.Add(1)
	}
	return line, at, key, more
}

// show prints on a terminal, until done is called, how many of so many lines there
// are. It does nothing when the lines themselves go to the terminal.
func (c *counted) show(cmd *cobra.Command, to string, of int64) (done func()) {
	say := cmd.ErrOrStderr()
	f := terminal(say)
	if f == nil || !isTerminal(f) || to == "-" || to == "" {
		return func() {}
	}
	began, ended, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	said := func() {
		n := c.lines.Load()
		rate := float64(n) / max(time.Since(began).Seconds(), 0.001)
		text := fmt.Sprintf("%s lines, %s/s", count(uint64(n)), count(uint64(rate)))
		if of > 0 {
			text = fmt.Sprintf("%s of %s", percent(uint64(n), uint64(of)), text) + timeLeft(time.Since(began), n, of)
		}
		fmt.Fprintf(say, "\r\x1b[K%s", text)
	}
	go func() {
		defer close(stopped)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				said()
			case <-ended:
				said()
				fmt.Fprintln(say)
				return
			}
		}
	}()
	return func() {
		close(ended)
		<-stopped
	}
}

// startTime is the time of the first event: as given, or so that the last of Count
// events is about now.
func startTime(given string, cfg traffic.Config) (time.Time, error) {
	if given == "now" {
		return time.Now().UTC(), nil
	}
	if given != "" {
		t, err := time.Parse(time.RFC3339, given)
		if err != nil {
			return t, fmt.Errorf("--start: got %q; want now or a time such as 2026-01-31T12:00:00Z", given)
		}
		return t, nil
	}
	rate := cfg.Rate
	if cfg.Scenario == traffic.Bench {
		rate = 10_000
	}
	if rate <= 0 {
		return time.Time{}, fmt.Errorf("--rate: got %v; want more than 0", cfg.Rate)
	}
	span := time.Duration(float64(cfg.Count) / rate * float64(time.Second))
	return time.Now().UTC().Add(-span).Truncate(time.Minute), nil
}
