package libchdb

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// moveStdin gives the engine an empty standard input, and moves the process's own to
// another descriptor, as os.Stdin. ClickHouse's client code reads descriptor 0 as further
// rows of any INSERT: a log piped into the process would become rows of a table. It
// returns the file of descriptor 0, which must stay reachable: if the garbage collector
// closed it, the next file opened would be the engine's input.
func moveStdin() (zero *os.File, err error) {
	zero = os.Stdin
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("give the engine no input: %w", err)
	}
	defer null.Close()
	moved, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		os.Stdin = os.NewFile(uintptr(moved), os.Stdin.Name())
	} else if !errors.Is(err, unix.EBADF) { // closed: nothing to keep
		return nil, fmt.Errorf("keep standard input: %w", err)
	}
	if err := unix.Dup2(int(null.Fd()), 0); err != nil {
		return nil, fmt.Errorf("give the engine no input: %w", err)
	}
	return zero, nil
}
