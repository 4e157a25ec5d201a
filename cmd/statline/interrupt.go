package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// interruption is the cause of a command's context that ended because of a signal.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return "interrupted" }

// Is makes an interruption match context.Canceled, as which it arrives.
func (i interruption) Is(target error) bool { return target == context.Canceled }

// exit is the status that a shell gives to a process ended by the signal.
func (i interruption) exit() int { return 128 + int(i.signal) }

// signals are the signals that the process has received.
type signals struct {
	received chan os.Signal
	ends     []os.Signal
}

// catchSignals takes over the signals that ask the process to end.
func catchSignals() signals {
	s := signals{received: make(chan os.Signal, 4), ends: []os.Signal{os.Interrupt, syscall.SIGTERM}}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		s.ends = append(s.ends, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(s.received, s.ends...)
	return s
}

// until returns a context that ends with the first signal that asks the process to
// end, so that commands can clean up. A second signal ends the process. A pipe that
// nobody reads is an ordinary write error, see output. For a command that reloads,
// SIGHUP does not end it, not even below nohup or while it starts; hangups reports it
// instead.
func (s signals) until(ctx context.Context, reloads bool) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	asked := make(chan struct{}, 1)
	if reloads {
		signal.Notify(s.received, syscall.SIGHUP)
		ctx = context.WithValue(ctx, hangupsKey{}, asked)
	}
	go func() {
		for got := range s.received {
			if got == syscall.SIGHUP && reloads {
				tell(asked)
				continue
			}
			signal.Reset(s.ends...)
			number, _ := got.(syscall.Signal)
			cancel(interruption{number})
			return
		}
	}()
	return ctx
}

type hangupsKey struct{}

// hangups receives a value for each SIGHUP; nil, which never receives one, where
// SIGHUP ends the process.
func hangups(ctx context.Context) <-chan struct{} {
	asked, _ := ctx.Value(hangupsKey{}).(chan struct{})
	return asked
}

// reloads marks the commands that read their configuration again at SIGHUP.
const reloads = "reloads"

// reloading reports that the arguments name such a command.
func reloading(root *cobra.Command, args []string) bool {
	c, _, err := root.Find(args)
	return err == nil && c.Annotations[reloads] != ""
}

// standardInput is standard input, from which reading ends when the context
// does: a read that waits there for somebody to type would go on waiting, and is
// left to wait. On a terminal it says what is to be typed.
//
// Waiting until there is something to read and reading it then is not enough:
// Ctrl-C takes away between the two what a terminal has, and the read waits.
func standardInput(cmd *cobra.Command, what string) io.Reader {
	ctx, in := cmd.Context(), cmd.InOrStdin()
	if f, ok := in.(*os.File); ok && isTerminal(f) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: type or paste %s, then Enter; Ctrl-D ends\n", cmd.Name(), what)
	}
	r, w := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{in}, make([]byte, standardInputBytes))
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	return r
}

// standardInputBytes is how much is read at a time; a pipe on Linux holds 64 KiB.
const standardInputBytes = 64 << 10

// output is standard output. It remembers a write error, because the commands that
// print do not check for one.
type output struct {
	*os.File
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.File.Write(p)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("write to standard output: %w", err)
	}
	return n, err
}

// shellWord quotes a word for a shell if necessary.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+:=@%,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
