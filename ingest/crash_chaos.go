//go:build chaos

package ingest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// crashHook kills this process with SIGKILL, as kill -9 and a power cut do, at
// the n-th time that any partition reaches a named step:
// STATLINE_CRASH_AT=inserted:3. The steps are resume, anchor, recover, fill,
// gap, declare, declared, insert, inserted, stored, commit and committed (see
// package block).
func crashHook() func(step string) {
	name, count, ok := strings.Cut(os.Getenv("STATLINE_CRASH_AT"), ":")
	if name == "" {
		return nil
	}
	n := 1
	if ok {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 1 {
			panic(fmt.Sprintf("STATLINE_CRASH_AT: got %q; want step:n with n >= 1", os.Getenv("STATLINE_CRASH_AT")))
		}
	}
	var seen atomic.Int64
	return func(step string) {
		if step == name && seen.Add(1) == int64(n) {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}
}
