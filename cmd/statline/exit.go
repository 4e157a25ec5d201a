package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"statline/cmd/statline/answer"
	"statline/dashboards/report"
	"statline/ingest/config"
	"statline/ingest/watch"
)

// The exit statuses besides 0. After a signal it is 128 plus the signal's number: 130
// after Ctrl-C.
const (
	exitFailed = 1 // something failed
	exitUsage  = 2 // the command line, a setting or the configuration file is wrong
	// exitDataSaysNo is the status of a command that worked and found that the data is
	// not as it should be.
	exitDataSaysNo = 3
)

// exitCode ends the process with a status and without a message: the command has
// printed it already.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

// says is an error with its own exit status.
type says struct {
	error
	status int
}

func (s says) Unwrap() error { return s.error }

// dataSaysNo is the error of a command that worked and found that the data is not as
// it should be.
func dataSaysNo(format string, args ...any) error {
	return says{fmt.Errorf(format, args...), exitDataSaysNo}
}

func usage(format string, args ...any) error { return says{fmt.Errorf(format, args...), exitUsage} }

// ending is how the process ends: its status, and its message if any.
func ending(ctx context.Context, err, written error, began bool) (status int, message string) {
	if written != nil {
		err = written
	}
	var code exitCode
	var by interruption
	var said says
	switch {
	case err == nil:
		return 0, ""
	case errors.Is(written, syscall.EPIPE): // the reader has stopped reading
		return interruption{syscall.SIGPIPE}.exit(), ""
	case errors.As(err, &code):
		return int(code), ""
	case errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &by):
		return by.exit(), by.Error()
	case errors.As(err, &said):
		return said.status, err.Error()
	case errors.As(err, new(report.UnknownError)):
		return exitUsage, err.Error()
	case !began:
		return exitUsage, err.Error()
	}
	return exitFailed, advised(err)
}

// advised adds what to check when a broker cannot be reached or an incident is not
// stored.
func advised(err error) string {
	var away *net.OpError
	said := err.Error()
	switch {
	case errors.As(err, &away) && away.Op == "dial" && strings.Contains(said, "kafka"), errors.As(err, new(noBroker)):
		return said + "; is a broker running there, and does --brokers name its port?"
	case errors.Is(err, watch.ErrUnknownIncident):
		return said + "; statline incidents lists them, each with the beginning of its id"
	}
	return said
}

// noBroker is the error of brokers that cannot be reached.
type noBroker struct{ error }

func (e noBroker) Unwrap() error { return e.error }

// complain says why the process ends, as JSON when that was asked for.
func complain(message string, status int) {
	if message == "" {
		return
	}
	if asksForJSON(os.Args[1:]) {
		if err := answer.WriteError(os.Stderr, message, status); err == nil {
			return
		}
	}
	sentence(os.Stderr, "statline: "+message)
}

// watched prepares every command of a tree. began is set when a command starts its
// work; errors before that are about the command line. For an unknown command the
// error names the nearest one.
func watched(c *cobra.Command, began *bool) {
	if run := c.RunE; run != nil {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			*began = true
			return run(cmd, args)
		}
	}
	if c.HasSubCommands() && c.HasParent() {
		only := c.RunE == nil
		if only { // it only groups subcommands
			c.Args = cobra.NoArgs
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		if check := c.Args; check != nil {
			c.Args = func(cmd *cobra.Command, args []string) error {
				err := check(cmd, args)
				if err != nil && len(args) > 0 {
					err = unknownCommand(cmd, args[0])
				}
				return err
			}
		}
	} else if check := c.Args; check != nil && c.HasParent() {
		c.Args = func(cmd *cobra.Command, args []string) error { return explainArgs(cmd, args, check(cmd, args)) }
	}
	for _, below := range c.Commands() {
		watched(below, began)
	}
}

// explainArgs says which arguments a command takes. Errors of a command's own say so
// themselves.
func explainArgs(c *cobra.Command, args []string, err error) error {
	if err == nil || strings.HasPrefix(err.Error(), c.Name()+": ") {
		return err
	}
	got := "no argument"
	if len(args) > 0 {
		got = fmt.Sprintf("%q", strings.Join(args, " "))
	}
	_, want, _ := strings.Cut(c.Use, " ")
	return fmt.Errorf("%s: got %s; want %s\nsee: %s --help", strings.TrimPrefix(c.CommandPath(), "statline "), got,
		cmp.Or(want, "no argument"), c.CommandPath())
}

// unknownCommand is the error of a word that is no command.
func unknownCommand(c *cobra.Command, word string) error {
	var known []string
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			known = append(known, below.Name())
		}
	}
	slices.Sort(known)
	return fmt.Errorf("unknown command %q for %q; %s\nsee: %s --help", word, c.CommandPath(),
		config.Nearest(word, known), c.CommandPath())
}

// mistyped replaces err when the first word is no command.
func mistyped(root *cobra.Command, args []string, err error) error {
	if _, _, unknown := root.Find(args); unknown == nil {
		return err
	}
	for _, word := range args {
		if !strings.HasPrefix(word, "-") {
			return unknownCommand(root, word)
		}
	}
	return err
}
