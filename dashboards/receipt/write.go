package receipt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// JSON is the receipt as one indented object.
func (r *Receipt) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(r)
	return b.Bytes(), err
}

// Parse reads what JSON wrote, and refuses anything else.
func Parse(text []byte) (*Receipt, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var r Receipt
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("read a receipt: %w; want the JSON file that statline receipt wrote", err)
	}
	if r.Version != Version {
		return nil, fmt.Errorf("read a receipt: got form %d; this version reads form %d", r.Version, Version)
	}
	return &r, nil
}

// Markdown is the receipt for people.
func (r *Receipt) Markdown() []byte {
	m := &page{}
	who := r.Customer
	if who == "" {
		who = "key " + r.KeyID[:min(len(r.KeyID), 10)]
	}
	m.line("# What became of the requests of %s", plain(who))
	m.line("")
	m.line("From %s to %s UTC. Key id `%s`.", stamp(r.From), stamp(r.To), r.KeyID)
	m.table("", "requests").row("requests", count(r.Requests)).row("failed", count(r.Failures)).
		row("of these on the server's side", count(r.ServerSide)).row("availability", percent(r.Available)).
		row("bytes sent", count(r.Bytes))
	m.line("")
	m.line("Availability is the share of the requests that did not fail on the server's side (timeout, offline, internal or" +
		" other server error), rounded down.")
	if len(r.Groups) > 0 {
		m.heading("Why requests failed")
		t := m.table("where the reason lies", "requests")
		for _, g := range r.Groups {
			t.row(g.Group, count(g.Requests))
		}
		t = m.table("outcome", "code of the API", "where the reason lies", "requests")
		for _, c := range r.Codes {
			code := "none"
			if c.Code > 0 {
				code = fmt.Sprint(c.Code)
			}
			t.row(c.Outcome, code, c.Group, count(c.Requests))
		}
	}
	m.heading("By service")
	m.totals("service", len(r.Services),
		func(i int) (string, *Totals) { return r.Services[i].Service, &r.Services[i].Totals })
	m.heading("By day (UTC)")
	m.totals("day", len(r.Days), func(i int) (string, *Totals) { return r.Days[i].Day, &r.Days[i].Totals })
	m.incidents(r.Incidents)
	m.proof(&r.Proof)
	return m.Bytes()
}

type page struct {
	bytes.Buffer
	right int // columns from here on are aligned right
}

func (m *page) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func (m *page) heading(text string) { m.line("\n## %s", text) }

// table begins a table; the last column is of numbers.
func (m *page) table(heads ...string) *page {
	m.line("")
	m.row(heads...)
	m.WriteString("|")
	for i := range heads {
		if i == len(heads)-1 || i >= m.right && m.right > 0 {
			m.WriteString("---:|")
		} else {
			m.WriteString("---|")
		}
	}
	m.WriteString("\n")
	return m
}

func (m *page) row(cells ...string) *page {
	for i := range cells {
		cells[i] = plain(cells[i])
	}
	m.line("| %s |", strings.Join(cells, " | "))
	return m
}

func (m *page) totals(what string, n int, at func(i int) (string, *Totals)) {
	m.right = 1
	t := m.table(what, "requests", "failed", "on the server's side", "availability")
	m.right = 0
	for i := range n {
		name, x := at(i)
		if name == "" {
			name = "(none)"
		}
		t.row(name, count(x.Requests), count(x.Failures), count(x.ServerSide), percent(x.Available))
	}
}

func (m *page) incidents(list []CustomerIncident) {
	m.heading("Incidents that touched it")
	if len(list) == 0 {
		m.line("\nNone.")
		return
	}
	t := m.table("from", "to", "what", "of", "affected")
	for _, i := range list {
		of, to, affected := "this key", "still open", ""
		if i.Of != "key" {
			of = "service " + i.Service
		}
		if i.Closed != nil {
			to = stamp(*i.Closed)
		}
		if i.Affected > 0 {
			affected = count(i.Affected)
		}
		t.row(stamp(i.Opened), to, strings.ReplaceAll(i.Kind, "_", " "), of, affected)
	}
}

func (m *page) proof(p *Proof) {
	m.heading("Where the figures come from")
	m.line("\nThe audit's verdict: %s.", p.Verdict)
	t := m.table("log", "partition", "what", "configuration", "offsets")
	for _, x := range p.Ledger {
		t.row(fmt.Sprintf("%s epoch %d", x.Topic, x.Epoch), fmt.Sprint(x.Partition), x.Kind, x.ConfigHash,
			fmt.Sprintf("[%d, %d)", x.First, x.End))
	}
	m.line("\nLines of these offsets that could not be read when they were stored, of whichever customer: %s.",
		count(p.Unreadable))
}

// plain keeps a text inside its cell and free of Markdown.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[").
		Replace(s)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func count(n uint64) string { return humanize.Comma(int64(n)) }

func percent(share string) string {
	if share == "" {
		return "no requests"
	}
	return share + " %"
}
