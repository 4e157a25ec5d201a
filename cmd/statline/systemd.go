package main

import (
	"context"
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// underSystemd tells systemd that the daemon is up and, while it is healthy, that it
// is alive, as often as the unit's WatchdogSec asks. stop tells it that the daemon
// stops. Without systemd (no NOTIFY_SOCKET) it does nothing. Up means that the process
// serves its endpoints: an unreachable server shows in /readyz and is no reason for a
// restart.
func underSystemd(ctx context.Context, healthy func() error, log *slog.Logger) (stop func()) {
	told := tellSystemd(systemd.SdNotifyReady, log)
	if !told {
		return func() {}
	}
	every, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("set up systemd's watchdog", "err", err)
	}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(done)
		if every <= 0 {
			return
		}
		tick := time.NewTicker(every / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if healthy() == nil {
					tellSystemd(systemd.SdNotifyWatchdog, log)
				}
			}
		}
	}()
	return func() {
		cancel()
		<-done
		tellSystemd(systemd.SdNotifyStopping, log)
	}
}

func tellSystemd(state string, log *slog.Logger) bool {
	told, err := systemd.SdNotify(false, state)
	if err != nil {
		log.Warn("notify systemd", "what", state, "err", err)
	}
	return told
}
