package libchdb

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// signalTable saves and restores the process's signal handlers around calls
// that may replace them. ClickHouse installs its own crash handlers when it
// starts; with those in place Go would no longer see SIGTERM, preempt its
// goroutines (SIGURG) or turn a nil dereference into a panic (SIGSEGV).
type signalTable struct {
	mu        sync.Mutex
	sigaction func(sig int32, act, old unsafe.Pointer) int32
}

// sigactionBytes is more than the C library's struct sigaction takes anywhere
// (152 bytes on Linux, 16 on macOS). Its contents are never looked at.
const sigactionBytes = 256

// lastSignal is the highest classic signal; the real-time ones beyond are
// touched by neither side.
const lastSignal = 31

func newSignalTable() (*signalTable, error) {
	libc := "libc.so.6"
	if runtime.GOOS == "darwin" {
		libc = "/usr/lib/libSystem.B.dylib"
	}
	handle, err := purego.Dlopen(libc, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("load the C library: %w", err)
	}
	t := &signalTable{}
	purego.RegisterLibFunc(&t.sigaction, handle, "sigaction")
	return t, nil
}

// hold saves every handler and returns the function that puts them back.
// Holders exclude each other, so that none saves the handlers that libchdb has set.
func (t *signalTable) hold() (release func()) {
	t.mu.Lock()
	saved := new([lastSignal + 1][sigactionBytes]byte)
	var ok [lastSignal + 1]bool
	for sig := int32(1); sig <= lastSignal; sig++ {
		ok[sig] = t.sigaction(sig, nil, unsafe.Pointer(&saved[sig])) == 0
	}
	return func() {
		for sig := int32(1); sig <= lastSignal; sig++ {
			if ok[sig] {
				// SIGKILL and SIGSTOP refuse; nothing can have changed them.
				t.sigaction(sig, unsafe.Pointer(&saved[sig]), nil)
			}
		}
		t.mu.Unlock()
	}
}
