package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"statline/classify"
	"statline/dashboards/report"
	"statline/ingest/config"
	"statline/ingest/decode"
)

// completeValues offers values for every flag that has a known set, and for arguments
// that name something stored.
func completeValues(root *cobra.Command) {
	each(root, func(c *cobra.Command) {
		offered := map[string]bool{}
		offer := func(f *pflag.Flag) {
			if values := valuesOf(c, f); values != nil && !offered[f.Name] {
				offered[f.Name] = true
				_ = c.RegisterFlagCompletionFunc(f.Name, values) // fails only for an unknown flag
			}
		}
		c.LocalFlags().VisitAll(offer)
		switch c.CommandPath() {
		case "statline codes":
			c.ValidArgsFunction = fixed(codesOffered())
		case "statline incidents show", "statline incidents ack", "statline incidents note", "statline incidents mute":
			c.ValidArgsFunction = fromStore(incidentsOffered)
		case "statline keys show":
			c.ValidArgsFunction = fromStore(keysOffered)
		case "statline output":
			var names []string
			for _, d := range described(root) {
				names = append(names, strings.TrimPrefix(d.Command, "statline "))
			}
			c.ValidArgsFunction = fixed(names)
		}
	})
}

func each(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, below := range c.Commands() {
		each(below, do)
	}
}

// valuesOf is the completion of a flag's value; nil when the values are not known.
func valuesOf(c *cobra.Command, f *pflag.Flag) cobra.CompletionFunc {
	setting, isSetting := f.Value.(*flagValue)
	switch {
	case f.Name == "format" && isSetting:
		var names []string
		for _, known := range decode.Formats() {
			names = append(names, known.Name+"\t"+known.Description)
		}
		return fixed(append([]string{"auto"}, names...))
	case f.Name == "mapping" && isSetting:
		var names []string
		for _, p := range decode.Presets() {
			names = append(names, p.Name+"\t"+p.Description)
		}
		return fixed(names)
	case isSetting && setting.option.Type == "file":
		return nil // the shell completes file names
	case f.Name == "compare":
		return fixed([]string{"previous", "1d", "7d"})
	case isSetting && setting.option.Words() != nil:
		return fixed(setting.option.Words())
	case strings.Contains(f.Value.Type(), "|"):
		return fixed(strings.Split(f.Value.Type(), "|"))
	case isSetting:
		return nil
	}
	switch f.Name {
	case byOutcome:
		var names []string
		for _, o := range classify.Outcomes() {
			names = append(names, o.String())
		}
		return fixed(names)
	case byCode:
		return fixed(codesOffered())
	case byService:
		return fromStore(func(ctx context.Context, s report.Store) ([]string, error) { return report.Services(ctx, s) })
	case byRoute:
		return fromStore(func(ctx context.Context, s report.Store) ([]string, error) { return report.Routes(ctx, s) })
	case byKey:
		return fromStore(keysOffered)
	}
	return nil
}

func fixed(values []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
}

func codesOffered() []string {
	var all []string
	for _, e := range classify.Builtin().Entries() {
		all = append(all, e.Label()+"\t"+e.Message)
	}
	return all
}

// patience is how long a completion waits for the store.
const patience = 3 * time.Second

// fromStore offers what the store has that matches the command line so far. Errors are
// not reported during completion.
func fromStore(read func(context.Context, report.Store) ([]string, error)) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		const none = cobra.ShellCompDirectiveNoFileComp
		sources := config.Sources{Command: strings.TrimPrefix(c.CommandPath(), "statline "), Environ: os.Environ(),
			Flags: map[string][]string{}}
		c.Flags().Visit(func(f *pflag.Flag) {
			if v, ok := f.Value.(*flagValue); ok { // a completion reads the flags more than once
				given := v.given[f.Name]
				sources.Flags[f.Name] = given[max(0, len(given)-1):]
			}
		})
		if f := c.Flags().Lookup("config"); f != nil {
			sources.File = f.Value.String()
		}
		settings, err := config.Load(sources)
		if err != nil {
			return nil, none
		}
		ctx, cancel := context.WithTimeout(c.Context(), patience)
		defer cancel()
		s, err := openAsked(ctx, settings)
		if err != nil {
			return nil, none
		}
		defer s.Close()
		values, err := read(ctx, s)
		if err != nil {
			return nil, none
		}
		return values[:min(len(values), 500)], none
	}
}

func incidentsOffered(ctx context.Context, s report.Store) ([]string, error) {
	list, err := report.Incidents(ctx, s, report.Everything(), report.Filter{}, false)
	var all []string
	for _, r := range slices.Backward(list) { // newest first
		all = append(all, r.ID[:min(len(r.ID), shownID)]+"\t"+r.Summary)
	}
	return all, err
}

func keysOffered(ctx context.Context, s report.Store) ([]string, error) {
	list, err := report.NewestKeys(ctx, s)
	var all []string
	for _, k := range list {
		all = append(all, shortID(k.ID)+"\t"+k.Name)
	}
	return all, err
}
