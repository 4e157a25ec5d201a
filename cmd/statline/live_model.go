package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"statline/classify"
	"statline/dashboards/report"
)

// pane is one of the pages of the live view.
type pane int

// The panes in the order of the Tab key.
const (
	paneOverview pane = iota
	paneIncidents
	paneReasons
	paneKeys
	paneServices
	panes
)

func (p pane) String() string {
	return []string{"overview", "incidents", "reasons", "keys", "services"}[p]
}

// liveModel is the bubbletea model of the live view.
type liveModel struct {
	view          liveView
	frame         frame
	width, height int
	pane          pane
	row           int  // the chosen one of a list
	byName        bool // lists are sorted by name
	opened        bool // the chosen row is shown in full
	help          bool
}

// keysHelp is shown by the ? key.
const keysHelp = `  ?            these keys
  Tab, 1 to 5  next view: overview, incidents, reasons, keys, services
  ↑ ↓ j k      choose a row; PgUp, PgDn by ten
  Enter        show the row whole; Esc goes back
  s            sort by name, and back to the most first
  q, Ctrl-C    end`

func (m liveModel) Init() tea.Cmd { return nil }

func (m liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case frame:
		m.frame = msg
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		m = m.press(msg.String())
	}
	if m.frame.Sum != nil {
		m.row = max(0, min(m.row, len(m.list())-2))
	}
	return m, nil
}

func (m liveModel) press(key string) liveModel {
	if key != "?" && key != "h" {
		m.help = false
	}
	switch key {
	case "ctrl+c", "q":
		m.view.interrupt()
	case "?", "h":
		m.help = !m.help
	case "esc":
		m.opened = false
	case "tab", "right":
		m.pane, m.row, m.opened = (m.pane+1)%panes, 0, false
	case "shift+tab", "left":
		m.pane, m.row, m.opened = (m.pane+panes-1)%panes, 0, false
	case "1", "2", "3", "4", "5":
		m.pane, m.row, m.opened = pane(key[0]-'1'), 0, false
	case "down", "j":
		m.row++
	case "up", "k":
		m.row--
	case "pgdown":
		m.row += 10
	case "pgup":
		m.row -= 10
	case "s":
		m.byName = !m.byName
	case "enter":
		if m.pane == paneOverview {
			m.pane = paneIncidents
		} else {
			m.opened = !m.opened
		}
	}
	return m
}

func (m liveModel) View() tea.View {
	view := tea.NewView(m.draw())
	view.AltScreen = true
	return view
}

// draw draws everything that fits the terminal.
func (m liveModel) draw() string {
	width, height := max(m.width, 60), cmp.Or(m.height, 24)
	st := newStyle(m.view.out)
	lines := m.head(st, width)
	foot := st.dim.Render(m.pane.String() + " · ? keys · Tab next view · ↑↓ Enter choose · s sort · q end")
	room := height - len(lines) - 1
	var body []string
	switch {
	case m.help:
		body = strings.Split(keysHelp, "\n")
	case m.frame.Sum == nil:
		body = []string{"", "  waiting for the first lines …"}
	case m.pane == paneOverview:
		body = m.overview(st, width, room)
	case m.opened:
		body = m.whole(width)
	default:
		body = m.scrolled(room)
	}
	lines = append(lines, body[:min(len(body), room)]...)
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	lines = append(lines, foot)
	for i, line := range lines {
		if lipgloss.Width(line) > width {
			lines[i] = lipgloss.NewStyle().MaxWidth(width).Render(line)
		}
	}
	return strings.Join(lines, "\n")
}

// head is the heading: what is shown and how far it is, on two lines when one is too
// short.
func (m liveModel) head(st style, width int) []string {
	f := m.frame
	left := "Ctrl-C ends"
	if f.Left > 0 {
		left = fmt.Sprintf("%.0f s left", f.Left.Seconds())
	}
	lines := []string{st.bold.Render(m.view.title) + "  " + st.dim.Render(left+" · "+m.view.about)}
	if m.view.page != "" {
		lines = append(lines, st.dim.Render("in a browser: ")+m.view.page)
	}
	if f.Sum == nil {
		return lines
	}
	all, failed := f.Sum.ByOutcome.Total(), f.Sum.ByOutcome.Failures().Total()
	second := fmt.Sprintf("to %s", f.EventTime.UTC().Format("2006-01-02 15:04:05"))
	if f.Speed > 0 {
		second += fmt.Sprintf(" (%.0f×) · lag %s · fresh within %.1f s", f.Speed, count(uint64(f.Lag)),
			f.Freshness.Seconds())
	}
	first := fmt.Sprintf("%s responses at %s/s · %s failed", st.bold.Render(count(all)), count(uint64(f.Rate)),
		st.bold.Render(percent(failed, all)))
	if both := first + " · " + second; lipgloss.Width(both) <= width {
		return append(lines, both)
	}
	return append(lines, first, second)
}

// overview shows incidents first: they matter most.
func (m liveModel) overview(st style, width, room int) []string {
	sum := m.frame.Sum
	lines := []string{""}
	section := func(title string, rows []string, most int) {
		if len(rows) > 1 && room-len(lines) > 2 && most > 0 {
			lines = append(lines, st.bold.Render(title))
			lines = append(lines, rows[1:min(len(rows), most+1)]...)
			lines = append(lines, "")
		}
	}
	open := 0
	for _, r := range sum.Incidents {
		if r.State == "open" {
			open++
		}
	}
	incidents := m.rows(paneIncidents)
	if len(incidents) == 1 {
		lines = append(lines, st.bold.Render("No incidents"), "")
	}
	title := fmt.Sprintf("Incidents: %d, %d open", len(sum.Incidents), open)
	if at := m.frame.Detected; !at.IsZero() && at.Before(m.frame.EventTime) {
		title += fmt.Sprintf(", as of %s", at.UTC().Format(time.TimeOnly)) // the detectors run less often
	}
	section(title, incidents, max(4, room/4))
	section("Outcomes", m.outcomes(st, width), max(6, min(12, room/3)))
	section("Who is refused", m.rows(paneKeys), min(6, room-len(lines)-2))
	section("Services", m.rows(paneServices), min(6, room-len(lines)-2))
	return lines
}

func (m liveModel) outcomes(st style, width int) []string {
	sum := m.frame.Sum
	all, worst := sum.ByOutcome.Total(), uint64(1)
	for _, p := range sum.ByOutcome.Failures().Ranked() {
		worst = max(worst, p.N)
	}
	rows := [][]string{{"", "", "", ""}}
	for _, p := range sum.ByOutcome.Ranked() {
		drawn := "" // only failures are drawn, to their own scale: success would flatten them
		if classify.Failed.HasName(p.Name) {
			drawn = st.outcome(p.Name).Render(bar(float64(p.N)/float64(worst), max(10, min(50, width-45))))
		}
		rows = append(rows, []string{p.Name, count(p.N), percent(p.N, all), drawn})
	}
	return aligned(rows, "lrr")
}

// list is the rows of the current pane; the first has the names of the columns.
func (m liveModel) list() []string { return m.rows(m.pane) }

// rows are the rows of a pane, newest or largest first.
func (m liveModel) rows(p pane) []string {
	return aligned(m.cells(p))
}

func (m liveModel) cells(p pane) (rows [][]string, align string) {
	sum, st := m.frame.Sum, newStyle(m.view.out)
	switch p {
	case paneIncidents, paneOverview:
		rows = [][]string{{"since", "state", "severity", "what", "summary"}}
		list := slices.Clone(sum.Incidents)
		slices.SortStableFunc(list, func(a, b report.Incident) int { // open ones and pages first, then the newest
			return cmp.Or(cmp.Compare(rank(a), rank(b)), b.Opened.Compare(a.Opened))
		})
		for _, r := range list {
			rows = append(rows, []string{clock(r.Opened, false), r.State, st.severity(r.Severity),
				r.Kind, printable(named(r))})
		}
	case paneReasons:
		rows, align = [][]string{{"why", "requests", "code", "HTTP", "since", "most in"}},
			"lrrrr"
		for _, r := range sum.Why {
			rows = append(rows, []string{st.outcome(r.Outcome).Render(r.Outcome), count(r.Requests), fmt.Sprint(r.Code),
				httpStatus(r.HTTPStatus), clock(r.Since, false), r.WorstService})
		}
	case paneKeys:
		rows, align = [][]string{{"key", "why", "refused", "of its requests", "count/limit", "since", "services"}},
			"llrrrr"
		for _, r := range sum.Who {
			rows = append(rows, []string{keyName(r.Key, r.Name), st.outcome(r.Outcome).Render(r.Outcome),
				count(r.Requests),
				percent(r.Requests, r.OfKey), countOfLimit(&r), clock(r.FirstSeen, false), r.Services})
		}
	case paneServices:
		rows, align = [][]string{{"service", "requests", "failures", "timeouts", "p50", "p95", "p99"}},
			"lrrrrrr"
		for _, r := range sum.Services {
			rows = append(rows, []string{cmp.Or(r.Service, "(none)"), count(r.Requests),
				percent(r.Failures, r.Requests),
				count(r.Timeouts), latency(r.P50Micros), latency(r.P95Micros), latency(r.P99Micros)})
		}
	}
	if m.byName && len(rows) > 1 {
		by := 0
		if p == paneIncidents {
			by = 3 // what
		}
		slices.SortStableFunc(rows[1:], func(a, b []string) int { return cmp.Compare(a[by], b[by]) })
	}
	return rows, align
}

// rank orders incidents: open pages, open tickets, the rest.
func rank(r report.Incident) int {
	switch {
	case r.State != "open":
		return 2
	case r.Severity == "page":
		return 0
	}
	return 1
}

// scrolled is the part of the list around the chosen row.
func (m liveModel) scrolled(room int) []string {
	list := m.list()
	if len(list) == 1 {
		return []string{"", "  none yet"}
	}
	shown := max(1, room-3)
	top := max(0, min(m.row-shown/2, len(list)-1-shown))
	lines := []string{"", "  " + list[0]}
	for i := top; i < min(top+shown, len(list)-1); i++ {
		mark := "  "
		if i == m.row {
			mark = "› "
		}
		lines = append(lines, mark+list[i+1])
	}
	return append(lines, fmt.Sprintf("  %d of %d", m.row+1, len(list)-1))
}

// whole is the chosen row with every text in full.
func (m liveModel) whole(width int) []string {
	cells, _ := m.cells(m.pane)
	if m.row+1 >= len(cells) {
		return nil
	}
	var b strings.Builder
	b.WriteString("\n")
	records(&b, width, "  ", [][]string{cells[0], cells[m.row+1]})
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}

// aligned formats rows as lines with aligned columns, however long.
func aligned(rows [][]string, align string) []string {
	var b strings.Builder
	tableWithin(&b, 0, "", align, rows)
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}
