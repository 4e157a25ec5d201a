package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrLocked is returned when another sandbox uses the data directory.
var ErrLocked = errors.New("another sandbox uses this directory")

// dirLock holds a data directory for one process. The system drops it when
// the process ends, however it ends.
type dirLock struct{ file *os.File }

func lockDir(dir string) (*dirLock, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock sandbox data: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(path)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock sandbox data %s: %w (process %s)", dir, ErrLocked, strings.TrimSpace(string(owner)))
		}
		return nil, fmt.Errorf("lock sandbox data %s: %w", dir, err)
	}
	// The number is for the message above only.
	if err := f.Truncate(0); err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("write %s: %w", path, err), f.Close())
		}
	}
	return &dirLock{f}, nil
}

func (l *dirLock) release() error { return l.file.Close() }
