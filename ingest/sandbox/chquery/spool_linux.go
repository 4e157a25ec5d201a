package chquery

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// newSpool makes a nameless file in memory. The engine, which runs in this
// process, opens it through /proc, so an INSERT's rows never touch a disk.
func newSpool() (*spool, error) {
	fd, err := unix.MemfdCreate("statline-insert", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	return &spool{file: os.NewFile(uintptr(fd), path), path: path}, nil
}

func (s *spool) close() error { return s.file.Close() }
