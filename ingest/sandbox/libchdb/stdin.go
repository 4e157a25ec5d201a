package libchdb

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// moveStdin gives the engine an empty standard input, and the process its own
// under another descriptor, as os.Stdin. ClickHouse's client code takes what
// it finds on descriptor 0 for more rows of an INSERT, whatever the INSERT says
// of its data: a log piped into the process would be read as a table's rows.
// It returns the file of descriptor 0, which the collector would close: the
// next file opened would then be the engine's input.
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
