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
		owner, _ := readLock(dir)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock sandbox data %s: %w (process %s)", dir, ErrLocked, owner)
		}
		return nil, fmt.Errorf("lock sandbox data %s: %w", dir, err)
	}
	// The pid is for the message above only; the engine's address follows it (see serves).
	if err := f.Truncate(0); err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("write %s: %w", path, err), f.Close())
		}
	}
	return &dirLock{f}, nil
}

// serves records the address of the directory's engine.
func (l *dirLock) serves(url string) error {
	if _, err := fmt.Fprintln(l.file, url); err != nil {
		return fmt.Errorf("write %s: %w", l.file.Name(), err)
	}
	return nil
}

func readLock(dir string) (owner, url string) {
	text, _ := os.ReadFile(filepath.Join(dir, "lock")) // what cannot be read says nothing
	owner, url, _ = strings.Cut(strings.TrimSpace(string(text)), "\n")
	return owner, strings.TrimSpace(url)
}

// Serving is the address of the engine that another process serves a data directory with,
// for a caller that got ErrLocked.
func Serving(dir string) (url string, err error) {
	owner, url := readLock(dir)
	if url == "" {
		return "", fmt.Errorf("process %s uses %s and serves no ClickHouse there", owner, dir)
	}
	return url, nil
}

func (l *dirLock) release() error { return l.file.Close() }
