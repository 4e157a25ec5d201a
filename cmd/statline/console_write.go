package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"statline/classify"
	"statline/dashboards/console"
	"statline/ingest/store"
	"statline/ingest/watch"
)

// consoleWriter stores what users of the console enter.
type consoleWriter struct{ sql *watch.SQL }

// writerOf lets users of a console write to a store; nil without a store.
func writerOf(s *store.Store) console.Writer {
	if s == nil {
		return nil
	}
	return consoleWriter{watch.NewSQL(s, classify.Builtin())}
}

// Note implements console.Writer.
func (w consoleWriter) Note(ctx context.Context, n console.Note) error {
	id, severity, err := w.sql.Find(ctx, n.Incident)
	if err == nil && id != n.Incident || errors.Is(err, watch.ErrUnknownIncident) {
		err = fmt.Errorf("%w: incident %q", console.ErrUnknown, n.Incident)
	}
	if err != nil {
		return err
	}
	note := watch.Note{Incident: id, At: time.Now(), Action: watch.Action(n.Action), Severity: severity,
		Author: n.Author, Text: n.Text}
	if note.Action == watch.Mute {
		note.Until = note.At.Add(n.Mute)
	}
	return w.sql.AddNote(ctx, note)
}

// LabelClient implements console.Writer.
func (w consoleWriter) LabelClient(ctx context.Context, client netip.Addr, name, author string) error {
	return w.sql.LabelClient(ctx, client, name, author, time.Now())
}

// Deploy implements console.Writer.
func (w consoleWriter) Deploy(ctx context.Context, d console.Deploy) error {
	return w.sql.Mark(ctx, watch.Deploy{At: d.At, Service: d.Service, Version: d.Version, Author: d.Author})
}

// Label implements console.Writer.
func (w consoleWriter) Label(ctx context.Context, key, name, author string) (holds bool, err error) {
	id, ok := classify.ParseKeyID(key)
	if !ok {
		return false, fmt.Errorf("%w: key %q", console.ErrUnknown, key)
	}
	return w.sql.Label(ctx, id, name, author, time.Now())
}
