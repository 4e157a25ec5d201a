package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"statline/dashboards/report"
	"statline/ingest/config"
)

// behind makes the commands that show the lines behind a figure of a report. When nil
// it makes none: the store will be gone when the report is read.
type behind struct {
	asked  []string // the store and the time range, as flags
	filter report.Filter
	all    report.TimeRange // what is stored
}

// behind makes commands for the store and the time range of a command line. For
// programs the range is given in minutes: times that count back move on with what is
// stored.
func (a *asking) behind(cmd *cobra.Command, w report.TimeRange, forPeople bool) *behind {
	b := &behind{filter: a.filter, all: a.all}
	taken := config.Of("samples")
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch v := f.Value.(type) {
		case *flagValue:
			same := func(o config.Option) bool { return o.Name == f.Name }
			if text := v.String(); slices.ContainsFunc(taken, same) &&
				(v.option.Mask == nil || v.option.Mask(text) == text) {
				b.asked = append(b.asked, "--"+f.Name+"="+text)
			}
		case *moment:
			if forPeople {
				b.asked = append(b.asked, "--"+f.Name+"="+v.text)
			}
		default:
			if f.Name == "config" {
				b.asked = append(b.asked, "--"+f.Name+"="+v.String())
			}
		}
	})
	if !forPeople {
		b.asked = append(b.asked, "--from="+w.From.UTC().Format("2006-01-02T15:04"), "--to="+w.To.UTC().
			Format("2006-01-02T15:04"))
	}
	return b
}

// of is the command for a narrower filter.
func (b *behind) of(f report.Filter) string {
	if b == nil {
		return ""
	}
	words := append([]string{"statline", "samples"}, b.asked...)
	for _, x := range []struct{ name, of, all string }{{byService, f.Service, b.filter.Service},
		{byRoute, f.Route, b.filter.Route},
		{byOutcome, f.Outcome, b.filter.Outcome}, {byKey, f.Key, b.filter.Key}, {byCode, f.Code, b.filter.Code}} {
		if x.of == "" {
			x.of = x.all
		}
		if x.of != "" {
			words = append(words, "--"+x.name, x.of)
		}
	}
	for i := range words {
		words[i] = shellWord(words[i])
	}
	return strings.Join(words, " ")
}

// hint prints below a table how to show the lines behind its rows.
func (b *behind) hint(w io.Writer, st style, f report.Filter) {
	if b != nil {
		fmt.Fprintln(w, st.dim.Render(shell("  its lines: "+b.of(f), widthOf(w))))
	}
}

// mark adds the command to each row of a report.
func (b *behind) mark(r *reportShown) {
	for i, x := range r.Why {
		r.Why[i].Samples = b.of(report.Filter{Outcome: x.Outcome, Code: fmt.Sprint(x.Code)})
	}
	for i, x := range r.Who {
		r.Who[i].Samples = b.of(report.Filter{Key: x.Key, Outcome: x.Outcome, Code: fmt.Sprint(x.Code)})
	}
	for i, x := range r.Quotas {
		r.Quotas[i].Samples = b.of(report.Filter{Key: x.Key})
	}
	for i, x := range r.Services {
		if x.Service != "" { // lines without a service cannot be chosen
			r.Services[i].Samples = b.of(report.Filter{Service: x.Service})
		}
	}
	if r.Before != nil {
		for i, x := range r.Before.Changes {
			r.Before.Changes[i].Samples = b.named(x.By, x.Name)
		}
	}
}

// named is the command for the lines behind one name of a count; "" where samples
// cannot select them.
func (b *behind) named(by, name string) string {
	switch {
	case by == byOutcome:
		return b.of(report.Filter{Outcome: name})
	case by == byCode:
		return b.of(report.Filter{Code: name})
	case by == byService && name != "":
		return b.of(report.Filter{Service: name})
	}
	return ""
}

// counts returns ranked counts, each with its command.
func (b *behind) counts(of report.Counts, by string) []report.Count {
	list := of.Ranked()
	for i := range list {
		list[i].Samples = b.named(by, list[i].Name)
	}
	return list
}
