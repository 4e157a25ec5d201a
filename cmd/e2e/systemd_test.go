package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// manager is a service manager's end of the notification socket.
type manager struct {
	mu   sync.Mutex
	said []string
}

func (m *manager) count(state string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.said {
		if s == state {
			n++
		}
	}
	return n
}

func startManager(t *testing.T) (m *manager, address string) {
	t.Helper()
	address = filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m = &manager{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.said = append(m.said, strings.Split(strings.TrimSpace(string(buffer[:n])), "\n")...)
			m.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return m, address
}

// Under systemd the daemon says once that it is up, though its servers are away,
// keeps the watchdog quiet, and says that it stops.
func TestUnderSystemd(t *testing.T) {
	t.Parallel()
	m, address := startManager(t)
	c := command(t, t.Context(), "run", "--brokers", freeAddress(t), "--clickhouse", "http://"+freeAddress(t), "--listen", freeAddress(t))
	c.Env = append(c.Env, "NOTIFY_SOCKET="+address, "WATCHDOG_USEC=300000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "it is up and alive",
		func() bool { return m.count("READY=1") == 1 && m.count("WATCHDOG=1") >= 3 })
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if m.count("STOPPING=1") != 1 || m.count("READY=1") != 1 {
		t.Errorf("got %q; want one READY and one STOPPING", m.said)
	}
}
