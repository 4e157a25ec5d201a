package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
)

// interruption is why the context of a command ended: a signal.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return "interrupted" }

// Is takes an interruption for the end of a context, as which it arrives.
func (i interruption) Is(target error) bool { return target == context.Canceled }

// exit is the status that a shell gives to a process ended by the signal.
func (i interruption) exit() int { return 128 + int(i.signal) }

// untilSignal returns a context that ends with the first signal that asks for
// the end, so that commands can tidy up. A second one ends the process. A pipe
// that nobody reads any more is a write error like others, see output.
func untilSignal(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		ends = append(ends, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	received := make(chan os.Signal, 1)
	signal.Notify(received, ends...)
	h := &hangups{received: received}
	go func() {
		for got := range received {
			if taken := h.taken.Load(); got == syscall.SIGHUP && taken != nil {
				tell(*taken)
				continue
			}
			signal.Reset(ends...)
			number, _ := got.(syscall.Signal)
			cancel(interruption{number})
			return
		}
	}()
	return context.WithValue(ctx, hangupsKey{}, h)
}

// hangups is who takes SIGHUP for something else than the end.
type hangups struct {
	received chan os.Signal
	taken    atomic.Pointer[chan struct{}]
}

type hangupsKey struct{}

// takeHangups makes SIGHUP, also below nohup, a word for to instead of the end
// of the command whose context this is.
func takeHangups(ctx context.Context, to chan struct{}) {
	if h, ok := ctx.Value(hangupsKey{}).(*hangups); ok {
		h.taken.Store(&to)
		signal.Notify(h.received, syscall.SIGHUP)
	}
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

// standardInputBytes is how much is read at once; a pipe of Linux holds 64 KiB.
const standardInputBytes = 64 << 10

// output is standard output. It remembers that it could not be written, for the
// commands that print do not look.
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

// shellWord quotes a word for a shell when it has to be.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+:=@%,") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
