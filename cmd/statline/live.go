package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"statline/classify"
	"statline/dashboards/report"
)

// frame is one picture of what is being stored. Its counts are of one moment: they
// were read while no block was half written.
type frame struct {
	Elapsed   time.Duration
	Left      time.Duration // 0 when it runs until Ctrl-C
	EventTime time.Time     // newest event stored
	Detected  time.Time     // newest event that the detectors have seen; zero: EventTime
	Speed     float64       // event seconds per wall second
	Stored    uint64        // records of this run, by the ledger
	Rate      float64       // records per second of wall time
	Lag       int64
	Freshness time.Duration // age of the newest event when it could be queried
	Sum       *report.Report
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// terminal is the file behind an output, nil when it is no terminal.
func terminal(w io.Writer) *os.File {
	switch f := w.(type) {
	case *os.File:
		return f
	case *output:
		return f.File
	case *folding:
		return f.File
	}
	return nil
}

// canRedraw reports a terminal that knows its size, so that a view can be drawn in it.
func canRedraw(f *os.File) bool {
	width, height, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && height > 0
}

// liveView shows frames until they end: redrawn in place on a terminal, as a line now
// and then elsewhere.
type liveView struct {
	out       io.Writer
	terminal  bool
	catalogue *classify.Catalogue
	title     string // what is shown
	about     string // and of what
	page      string // address of the console; "" when there is none
	interrupt func() // what Ctrl-C does while the terminal is in raw mode
}

// show draws every frame that arrives; it returns when frames is closed.
func (v liveView) show(ctx context.Context, frames <-chan frame) error {
	if !v.terminal {
		v.showLines(frames)
		return nil
	}
	p := tea.NewProgram(liveModel{view: v}, tea.WithOutput(v.out), tea.WithContext(context.WithoutCancel(ctx)),
		tea.WithoutSignalHandler())
	go func() {
		for f := range frames {
			p.Send(f)
		}
		p.Quit()
	}()
	if _, err := p.Run(); err != nil {
		return fmt.Errorf("draw the live view: %w", err)
	}
	return nil
}

// showLines prints a line every five seconds.
func (v liveView) showLines(frames <-chan frame) {
	next := time.Duration(0)
	for f := range frames {
		if f.Elapsed < next || f.Sum == nil {
			continue
		}
		next = f.Elapsed + 5*time.Second
		all := f.Sum.ByOutcome.Total()
		failed := f.Sum.ByOutcome.Failures().Total()
		line := fmt.Sprintf("%s stored=%d rate=%.0f/s failed=%s lag=%d freshness=%.1fs", f.EventTime.UTC().
			Format("15:04:05"),
			all, f.Rate, percent(failed, all), f.Lag, f.Freshness.Seconds())
		for i, p := range f.Sum.ByOutcome.Failures().Ranked() {
			if i == 3 {
				break
			}
			line += fmt.Sprintf(" %s=%d", p.Name, p.N)
		}
		fmt.Fprintln(v.out, line)
	}
}
