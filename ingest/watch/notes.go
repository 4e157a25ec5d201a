package watch

import (
	"context"
	"fmt"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Action is what a note does.
type Action string

// The actions.
const (
	// Ack says that somebody knows: nobody is reminded while the incident gets no
	// worse.
	Ack Action = "ack"
	// Mute keeps everybody from being told until a time.
	Mute Action = "mute"
	// Remark only says something.
	Remark Action = "note"
)

// Note is what somebody said of an incident. Notes are added, never changed.
type Note struct {
	Incident string
	At       time.Time
	Action   Action
	Until    time.Time       // of Mute
	Severity detect.Severity // of the incident, for Ack
	Author   string
	Text     string
}

// Notes implements Tables: the notes since a time, oldest first.
func (q *SQL) Notes(ctx context.Context, since time.Time) (notes []Note, err error) {
	err = store.Each(ctx, q.store, func(r *struct {
		Incident string    `ch:"incident"`
		At       time.Time `ch:"at"`
		Action   string    `ch:"action"`
		Until    time.Time `ch:"until"`
		Severity string    `ch:"severity"`
		Author   string    `ch:"author"`
		Text     string    `ch:"text"`
	}) error {
		notes = append(notes, Note{r.Incident, r.At, Action(r.Action), r.Until, detect.Severity(r.Severity), r.Author, r.Text})
		return nil
	}, fmt.Sprintf("SELECT incident, at, action, until, severity, author, text FROM %s WHERE at >= toDateTime(%d, 'UTC') ORDER BY at, incident",
		q.table(schema.IncidentNotes), max(since.Unix(), 0)))
	if err != nil {
		return nil, fmt.Errorf("read the notes of incidents: %w", err)
	}
	return notes, nil
}

// AddNote stores a note.
func (q *SQL) AddNote(ctx context.Context, n Note) error {
	until := n.Until
	if until.IsZero() {
		until = time.Unix(0, 0)
	}
	err := q.store.Exec(ctx, "INSERT INTO "+q.table(schema.IncidentNotes)+
		" (incident, at, action, until, severity, author, text) VALUES (?, fromUnixTimestamp64Milli(?, 'UTC'), ?, toDateTime(?, 'UTC'), ?, ?, ?)",
		n.Incident, n.At.UnixMilli(), string(n.Action), until.Unix(), string(n.Severity), n.Author, n.Text)
	if err != nil {
		return fmt.Errorf("note on incident %s: %w", n.Incident, err)
	}
	return nil
}
