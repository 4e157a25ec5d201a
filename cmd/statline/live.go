package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"statline/classify"
	"statline/dashboards/report"
)

// frame is one picture of a running demo.
type frame struct {
	Elapsed   time.Duration
	Left      time.Duration // 0 when it runs until Ctrl-C
	EventTime time.Time     // newest event stored
	Speed     float64       // event seconds per wall second
	Stored    uint64        // records of this run, by the ledger
	Rate      float64       // records per second of wall time
	Lag       int64
	Freshness time.Duration // age of the newest event when it became queryable
	Sum       *report.Report
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// terminal is the file behind an output, nil when it is none.
func terminal(w io.Writer) *os.File {
	switch f := w.(type) {
	case *os.File:
		return f
	case *output:
		return f.File
	}
	return nil
}

// canRedraw: a terminal that knows its size, so that a view can be drawn in it.
func canRedraw(f *os.File) bool {
	width, height, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && height > 0
}

// liveView shows frames until they end: redrawn in place on a terminal, as a
// line now and then elsewhere.
type liveView struct {
	out       io.Writer
	terminal  bool
	catalogue *classify.Catalogue
	page      string // address of the console
	interrupt func() // what Ctrl-C does while the terminal is in raw mode
}

// show draws every frame that arrives; it returns when frames is closed.
func (v liveView) show(ctx context.Context, frames <-chan frame) error {
	if !v.terminal {
		v.showLines(frames)
		return nil
	}
	p := tea.NewProgram(liveModel{view: v}, tea.WithOutput(v.out), tea.WithContext(context.WithoutCancel(ctx)), tea.WithoutSignalHandler())
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

// showLines prints one line each five seconds.
func (v liveView) showLines(frames <-chan frame) {
	next := time.Duration(0)
	for f := range frames {
		if f.Elapsed < next || f.Sum == nil {
			continue
		}
		next = f.Elapsed + 5*time.Second
		all := f.Sum.ByOutcome.Total()
		failed := f.Sum.ByOutcome.Failures().Total()
		line := fmt.Sprintf("%s stored=%d rate=%.0f/s failed=%s lag=%d freshness=%.1fs", f.EventTime.UTC().Format("15:04:05"),
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

// liveModel is bubbletea's model of the live view.
type liveModel struct {
	view          liveView
	frame         frame
	width, height int
}

func (m liveModel) Init() tea.Cmd { return nil }

func (m liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case frame:
		m.frame = msg
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		if s := msg.String(); s == "ctrl+c" || s == "q" {
			m.view.interrupt()
		}
	}
	return m, nil
}

func (m liveModel) View() tea.View {
	lines := strings.Split(m.view.draw(m.frame, max(m.width, 60)), "\n")
	if m.height > 0 && len(lines) > m.height {
		lines = lines[:m.height]
	}
	view := tea.NewView(strings.Join(lines, "\n"))
	view.AltScreen = true
	return view
}

// draw is the whole picture of a frame, at most width cells wide.
func (v liveView) draw(f frame, width int) string {
	var b strings.Builder
	st := newStyle(v.out)
	left := "Ctrl-C ends"
	if f.Left > 0 {
		left = fmt.Sprintf("%.0f s left", f.Left.Seconds())
	}
	fmt.Fprintf(&b, "%s  %s\n", st.bold.Render("statline demo"), st.dim.Render("generated traffic → Kafka → classify → ClickHouse, all in this process · "+left))
	if v.page != "" {
		fmt.Fprintf(&b, "%s %s\n", st.dim.Render("in a browser:"), v.page)
	}
	if f.Sum == nil {
		fmt.Fprintf(&b, "\n  waiting for the first block …\n")
		return b.String()
	}
	all := f.Sum.ByOutcome.Total()
	failed := f.Sum.ByOutcome.Failures().Total()
	fmt.Fprintf(&b, "%s responses stored at %s/s · %s failed · event time %s (%.0f×) · lag %s · fresh within %.1f s\n",
		st.bold.Render(count(all)), count(uint64(f.Rate)), st.bold.Render(percent(failed, all)),
		f.EventTime.UTC().Format("2006-01-02 15:04:05"), f.Speed, count(uint64(f.Lag)), f.Freshness.Seconds())

	fmt.Fprintf(&b, "\n%s\n", st.bold.Render("Outcomes"))
	var rows [][]string
	worst := uint64(1)
	for _, p := range f.Sum.ByOutcome.Failures().Ranked() {
		worst = max(worst, p.N)
	}
	cells := max(10, min(50, width-45))
	for i, p := range f.Sum.ByOutcome.Ranked() {
		if i == 12 {
			break
		}
		drawn := "" // only failures are drawn, to their own scale: success would flatten them
		if classify.Failed.HasName(p.Name) {
			drawn = st.outcome(p.Name).Render(bar(float64(p.N)/float64(worst), cells))
		}
		rows = append(rows, []string{p.Name, count(p.N), percent(p.N, all), drawn})
	}
	table(&b, "  ", []bool{false, true, true}, rows)

	v.drawKeys(&b, st, "Rate-limited keys", f.Sum.Who, classify.Limited)
	v.drawKeys(&b, st, "Suspended and disabled keys in use", f.Sum.Who, classify.DeadKey)
	v.drawTimeouts(&b, st, f.Sum)
	if len(f.Sum.Incidents) > 0 {
		var text strings.Builder
		printIncidents(&text, st, "Incidents", f.Sum.Incidents, false, false)
		b.WriteString(text.String())
	}
	return b.String()
}

func (v liveView) drawKeys(b *strings.Builder, st style, title string, who []report.Who, of classify.Group) {
	rows := [][]string{}
	for _, r := range who {
		if of.HasName(r.Outcome) && len(rows) < 5 {
			limit := ""
			if r.LimitMax > 0 {
				limit = fmt.Sprintf("%d over %d", r.CountMax, r.LimitMax)
			}
			rows = append(rows, []string{keyName(r.Key, r.Name), count(r.Requests), percent(r.Requests, r.OfKey) + " of its requests",
				"since " + clock(r.FirstSeen, false), limit, st.dim.Render(shorten(r.Services, 30))})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n%s\n", st.bold.Render(title))
		table(b, "  ", []bool{false, true, true}, rows)
	}
}

func (v liveView) drawTimeouts(b *strings.Builder, st style, s *report.Report) {
	rows := [][]string{}
	for _, r := range s.Services {
		if r.Timeouts > 0 && len(rows) < 6 {
			rows = append(rows, []string{r.Service, count(r.Timeouts), percent(r.Timeouts, r.Requests), "since " + clock(*r.TimeoutSince, false),
				"p99 " + latency(r.P99Micros), st.bad.Render(bar(float64(r.Timeouts)/float64(r.Requests)*5, 20))})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n%s\n", st.bold.Render("Timeouts"))
		table(b, "  ", []bool{false, true, true}, rows)
	}
}
