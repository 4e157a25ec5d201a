package main

import (
	"log/slog"
	"testing"
	"time"

	"statline/ingest/config"
)

// A level that is set for a while gives way to the configured one, and neither
// to one that was set after it.
func TestLogLevelForAWhile(t *testing.T) {
	d := &daemon{log: slog.New(slog.DiscardHandler)}
	d.current.Store(&config.Config{Log: config.Log{Level: "warn"}})
	set := func(level string, while time.Duration) {
		t.Helper()
		if _, err := d.SetLogLevel(level, while); err != nil {
			t.Fatal(err)
		}
	}
	set("debug", 20*time.Millisecond)
	if got := d.level.Level(); got != slog.LevelDebug {
		t.Errorf("got %v; want debug", got)
	}
	for d.level.Level() != slog.LevelWarn {
		time.Sleep(time.Millisecond) // until the test's own time limit
	}
	set("debug", 20*time.Millisecond)
	set("error", 0)
	time.Sleep(60 * time.Millisecond)
	if got := d.level.Level(); got != slog.LevelError {
		t.Errorf("got %v; want error, which was set later and to stay", got)
	}
	if _, err := d.SetLogLevel("loud", 0); err == nil || d.level.Level() != slog.LevelError {
		t.Errorf("an unknown level: got %v, then %v", err, d.level.Level())
	}
}
