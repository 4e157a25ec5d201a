package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"statline/ingest/config"
)

// theme is a group of flags in --help, named by what a reader is looking for.
type theme string

// The themes, in the order of --help.
const (
	themeWhat       theme = "What to show"
	themeOutput     theme = "Output"
	themeConnection theme = "Connection"
	themeSecurity   theme = "Security"
	themeFormat     theme = "Log lines"
	themeDetection  theme = "Detection and notifications"
	themeLimits     theme = "Limits and timeouts"
	themeBehaviour  theme = "Behaviour"
)

func themes() []theme {
	return []theme{themeWhat, themeBehaviour, themeOutput, themeConnection, themeSecurity, themeFormat, themeDetection,
		themeLimits}
}

// themeOf is the group of a flag in --help.
func themeOf(f *pflag.Flag) theme {
	words := strings.Split(f.Name, "-")
	has := func(any ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(any, w) })
	}
	setting, isSetting := f.Value.(*flagValue)
	switch {
	case !isSetting:
		switch f.Name {
		case "since", "from", "to", "service", "route", "outcome", "key", "code", "compare", "open", "topic", "reason":
			return themeWhat
		case "output", "json", "by", "fail-on", "format", "out":
			return themeOutput
		case "limit", "samples", "rate", "count", "partitions", "speed":
			return themeLimits
		case "kafka", "clickhouse", "native", "console", "listen", "to-kafka":
			return themeConnection
		}
		return themeBehaviour
	case has("tls", "ca", "cert", "sasl", "user", "password", "token", "scopes", "region", "hmac", "insecure", "hosts"),
		words[len(words)-1] == "key":
		return themeSecurity
	case has("limit", "budget", "interval", "timeout", "heartbeat", "age"):
		return themeLimits
	}
	switch setting.option.Set {
	case config.SetTopic, config.SetKafka, config.SetGroup, config.SetClickHouse, config.SetServer, config.SetData,
		config.SetEngine:
		return themeConnection
	case config.SetLines, config.SetCatalogue, config.SetLabels, config.SetLimits:
		return themeFormat
	case config.SetDetect, config.SetNotify:
		return themeDetection
	case config.SetLog:
		return themeOutput
	}
	if f.Name == "listen" || f.Name == "console" {
		return themeConnection
	}
	return themeBehaviour
}

// printHelp is --help: the description and the usage, as wide as the terminal.
func printHelp(c *cobra.Command, _ []string) {
	about := strings.TrimSpace(c.Long)
	if about == "" {
		about = c.Short
	}
	sentence(c.OutOrStdout(), paragraphs(about, widthOf(os.Stdout))+"\n\n"+strings.TrimRight(c.UsageString(), "\n"))
}

// printUsage prints the part of --help below the description.
func printUsage(c *cobra.Command) error {
	width := widthOf(os.Stdout)
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.Runnable() {
		fmt.Fprintf(&b, "%s\n", shell("  "+c.UseLine(), width))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s [command]\n", c.CommandPath())
	}
	if c.HasExample() {
		b.WriteString("\nExamples:\n")
		for line := range strings.SplitSeq(c.Example, "\n") {
			fmt.Fprintln(&b, shell(line, width))
		}
	}
	printCommands(&b, c)
	for _, t := range themes() {
		printFlags(&b, string(t), width, c.LocalFlags(),
			func(f *pflag.Flag) bool { return themeOf(f) == t && f.Name != "help" })
	}
	printFlags(&b, "Global flags", width, c.Flags(), func(f *pflag.Flag) bool {
		return f.Name == "help" || c.InheritedFlags().Lookup(f.Name) != nil
	})
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse \"%s [command] --help\" for more about a command.\n", c.CommandPath())
	}
	_, err := io.WriteString(c.OutOrStdout(), b.String())
	return err
}

// printCommands lists the commands below c, by group.
func printCommands(b *strings.Builder, c *cobra.Command) {
	list := func(title, group string) {
		var lines []string
		for _, below := range c.Commands() {
			if below.GroupID == group && below.IsAvailableCommand() {
				lines = append(lines, fmt.Sprintf("  %-*s %s", below.NamePadding(), below.Name(), below.Short))
			}
		}
		if len(lines) > 0 {
			fmt.Fprintf(b, "\n%s\n%s\n", title, strings.Join(lines, "\n"))
		}
	}
	for _, g := range c.Groups() {
		list(g.Title, g.ID)
	}
	title := "Commands:"
	if len(c.Groups()) > 0 {
		title = "More:"
	}
	list(title, "")
}

// printFlags lists the chosen flags below a title. A switch is shown without a value:
// that it can take one helps nobody.
func printFlags(b *strings.Builder, title string, width int, all *pflag.FlagSet, wanted func(*pflag.Flag) bool) {
	shown := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && wanted(f) {
			copied := *f
			copied.NoOptDefVal = ""
			if copied.Value.Type() == "bool" {
				copied.NoOptDefVal = "true"
				copied.Value = switchValue{copied.Value}
			}
			shown.AddFlag(&copied)
		}
	})
	if shown.HasFlags() {
		fmt.Fprintf(b, "\n%s:\n%s", title, strings.ReplaceAll(shown.FlagUsagesWrapped(width), "[=true|false]", ""))
	}
}

// switchValue is a switch as --help shows it.
type switchValue struct{ pflag.Value }

// Type names no value.
func (switchValue) Type() string { return "bool" }
