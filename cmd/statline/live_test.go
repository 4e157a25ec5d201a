package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"statline/dashboards/report"
)

// aFrame is a frame whose every figure tells n.
func aFrame(n uint64) frame {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := &report.Report{ByOutcome: report.Counts{"success": 700 + n, "rate_limited": 200, "timeout": 100}, Last: &at}
	for i := range 30 {
		r.Incidents = append(r.Incidents, report.Incident{ID: fmt.Sprintf("id%02d", i), Kind: "timeout_spike",
			State:    "closed",
			Severity: "ticket", Entity: "search", Opened: at,
			Summary: fmt.Sprintf("incident %d of frame %d, %s", i, n, strings.Repeat("long ", 30))})
		r.Services = append(r.Services, report.Service{Service: fmt.Sprintf("service-%02d", i), Requests: n})
		r.Who = append(r.Who, report.Who{Key: fmt.Sprintf("key%023d", i), Outcome: "rate_limited", Requests: n,
			OfKey: 2 * n})
		r.Why = append(r.Why, report.Why{Outcome: "timeout", Requests: n})
	}
	r.Incidents[29].State, r.Incidents[29].Severity = "open", "page"
	return frame{Sum: r, EventTime: at, Speed: 60}
}

func press(t *testing.T, m tea.Model, keys ...tea.KeyPressMsg) liveModel {
	t.Helper()
	for _, k := range keys {
		m, _ = m.Update(k)
	}
	return m.(liveModel)
}

func letter(r rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: r, Text: string(r)} }

// In a terminal of 80 by 24 the incidents are there without a key press, the open
// page first; ? lists the keys; lists scroll, sort and open; no picture is larger
// than the terminal, and all figures of a picture are of the newest frame.
func TestLiveView(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {140, 45}, {200, 60}} {
		var m tea.Model = liveModel{view: liveView{out: &strings.Builder{}, title: "statline demo", page: "http://127.0.0.1:8080/"}}
		m, _ = m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		m, _ = m.Update(aFrame(77))
		m, _ = m.Update(aFrame(99))
		has := func(m liveModel, want ...string) {
			t.Helper()
			text := m.draw()
			lines := strings.Split(text, "\n")
			if len(lines) != size[1] {
				t.Errorf("%v: got %d lines", size, len(lines))
			}
			for _, line := range lines {
				if lipgloss.Width(line) > size[0] {
					t.Errorf("%v: a line is %d wide: %s", size, lipgloss.Width(line), line)
				}
			}
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("%v: no %q in\n%s", size, w, text)
				}
			}
			if strings.Contains(text, "frame 77") || strings.Contains(text, " 77 ") {
				t.Errorf("%v: a figure of the frame before:\n%s", size, text)
			}
		}
		now := m.(liveModel)
		has(now, "Incidents: 30, 1 open", "open    page", "1,099 responses", "27.3 % failed",
			"(60×) · lag 0 · fresh within 0.0 s", "Outcomes", "rate_limited", "? keys")
		has(press(t, now, letter('?')), "choose a row", "sort by name")
		has(press(t, now, letter('2')), "› 12:00", "1 of 30")
		list := press(t, now, letter('4'), letter('j'), letter('j'))
		has(list, "3 of 30", "› key0000000")
		has(press(t, list, tea.KeyPressMsg{Code: tea.KeyEnter}), "of its requests  50.0 %")
		has(press(t, list, tea.KeyPressMsg{Code: tea.KeyTab}, letter('s')), "services", "› service-00")
		for range 4 {
			list = press(t, list, tea.KeyPressMsg{Code: tea.KeyPgDown})
		}
		has(list, "30 of 30")
		has(press(t, now, letter('1')), "1,099 responses")
	}
	var ended bool
	m := liveModel{view: liveView{out: &strings.Builder{}, interrupt: func() { ended = true }}}
	if press(t, m, letter('q')); !ended {
		t.Error("q does not end it")
	}
}
