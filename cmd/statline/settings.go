package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"statline/ingest/config"
)

// settings are a command's settings; they are complete when it runs.
type settings struct {
	*config.Config
	sources config.Sources
}

// takeSettings gives a command the flags of its settings, and reads all settings
// before it runs. The path is that of the command below the root.
func takeSettings(c *cobra.Command, path string) *settings {
	s := &settings{sources: config.Sources{Command: path, Flags: map[string][]string{}}}
	for _, o := range config.Of(path) {
		if o.NoFlag || o.Section() {
			continue
		}
		v := &flagValue{option: o, trial: o.Value(), given: s.sources.Flags, initial: o.Default(path)}
		f := c.Flags().VarPF(v, o.Name, "", o.Help)
		if config.IsBool(v.trial) {
			f.NoOptDefVal = "true"
		}
		f.DefValue = shownDefault(o.Default(path))
	}
	read := config.Load
	if path == "config show" {
		read = config.Read
	}
	c.PreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		s.sources.Environ = os.Environ()
		if s.sources.File, err = cmd.Flags().GetString("config"); err != nil {
			return err
		}
		s.Config, err = read(s.sources)
		return err
	}
	return s
}

// takeFormerNames gives every command below root the former names of its settings as
// hidden flags, unless another flag has such a name now.
func takeFormerNames(root *cobra.Command) {
	each(root, func(c *cobra.Command) {
		for _, o := range config.Options() {
			f := c.Flags().Lookup(o.Name)
			if f == nil || o.Was == "" || c.Flags().Lookup(o.Was) != nil {
				continue
			}
			former := c.Flags().VarPF(f.Value, o.Was, "", "")
			former.Hidden, former.Deprecated = true, "it is --"+o.Name+" now"
		}
	})
}

// shownDefault is a default as --help shows it; an empty one is not shown.
func shownDefault(text string) string {
	switch text {
	case "0", "0s", "false":
		return ""
	}
	return text
}

// flagValue is the flag of a setting. It remembers what was given: which source wins
// is decided when all are known.
type flagValue struct {
	option  config.Option
	trial   config.Value
	given   map[string][]string
	initial string
}

func (v *flagValue) Set(text string) error {
	if err := v.trial.Set(text); err != nil {
		return err
	}
	v.given[v.option.Name] = append(v.given[v.option.Name], text)
	return nil
}

func (v *flagValue) String() string {
	if given := v.given[v.option.Name]; len(given) > 0 {
		return strings.Join(given, ",")
	}
	return v.initial
}

func (v *flagValue) Type() string { return v.option.Kind() }

// explainFlag adds the nearest flag to the error of an unknown one, and says of a bad
// value only what is wrong with it.
func explainFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
		if near := config.Nearest("--"+unknown.GetSpecifiedName(), known); strings.HasPrefix(near, "did you mean") {
			err = fmt.Errorf("%w; %s", err, near)
		}
	}
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) && strings.HasPrefix(bad.Unwrap().Error(), "got ") {
		err = fmt.Errorf("--%s: %w", bad.GetFlag().Name, bad.Unwrap())
	}
	return fmt.Errorf("%w\nsee: %s --help", err, c.CommandPath())
}

// instanceName tells processes of one group apart in the ledger.
func instanceName() string {
	host, err := os.Hostname()
	if err != nil {
		host = runtime.GOOS
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}
