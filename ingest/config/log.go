package config

import (
	"io"
	"log/slog"
)

// Log is what the log on standard error holds, and its form.
type Log struct{ Level, Format string }

var levels = []string{"debug", "info", "warn", "error"}

func defaultLog() Log { return Log{Level: "info", Format: "text"} }

func logOptions(c *Config) []Option {
	return []Option{
		{Name: "log-level", Set: SetLog, Reload: true, Help: "lowest level that is logged",
			value: choice{&c.Log.Level, levels}},
		{Name: "log-format", Set: SetLog, Help: "format of the log on standard error",
			value: choice{&c.Log.Format, []string{"text", "json"}}},
	}
}

// Check reports a level that is none.
func (l *Log) Check() error {
	return choice{new(string), levels}.Set(l.Level)
}

// Slog is the level for package slog.
func (l *Log) Slog() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // one of four words, checked when it was set
	return level
}

// Logger writes to w, at the level that level holds.
func (l *Log) Logger(w io.Writer, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
