package watch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// Action is what a note does.
type Action string

// The actions.
const (
	// Ack says that somebody knows: there are no reminders unless the incident gets
	// worse.
	Ack Action = "ack"
	// Mute suppresses notices until a time.
	Mute Action = "mute"
	// Remark only says something; Public also sends it to all receivers.
	Remark Action = "note"
	Public Action = "public"
	// Reopen undoes Ack and Mute.
	Reopen Action = "reopen"
	// Label names a key or a client address, whose id is in the place of the
	// incident's.
	Label Action = "label"
)

// Note is what somebody said of an incident, or the name of a key (Label). Notes are
// added, never changed.
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
	return q.notes(ctx, "at >= toDateTime(?, 'UTC')", max(since.Unix(), 0))
}

// NotesOf are the notes of one incident, oldest first.
func (q *SQL) NotesOf(ctx context.Context, incident string) ([]Note, error) {
	return q.notes(ctx, "incident = ?", incident)
}

func (q *SQL) notes(ctx context.Context, which string, value any) (notes []Note, err error) {
	err = store.Each(ctx, q.store, func(r *struct {
		Incident string    `ch:"incident"`
		At       time.Time `ch:"at"`
		Action   string    `ch:"action"`
		Until    time.Time `ch:"until"`
		Severity string    `ch:"severity"`
		Author   string    `ch:"author"`
		Text     string    `ch:"text"`
	}) error {
		notes = append(notes, Note{
			r.Incident, r.At, Action(r.Action), r.Until, detect.Severity(r.Severity), r.Author, r.Text,
		})
		return nil
	}, "SELECT incident, at, action, until, severity, author, text FROM "+q.table(schema.IncidentNotes)+
		" WHERE "+which+" ORDER BY at, incident", value)
	if err != nil {
		return nil, fmt.Errorf("read the notes of incidents: %w", err)
	}
	return notes, nil
}

// ErrUnknownIncident says that no incident, or more than one, has an id with the given
// beginning.
var ErrUnknownIncident = errors.New("no such incident")

// Find returns the id and the severity of the incident whose id begins with
// prefix.
func (q *SQL) Find(ctx context.Context, prefix string) (id string, severity detect.Severity, err error) {
	rows, err := store.Select[struct {
		ID       string `ch:"id"`
		Severity string `ch:"severity"`
	}](ctx, q.store, "SELECT id, toString(severity) AS severity FROM "+q.table(schema.Incidents)+
		" FINAL WHERE startsWith(id, ?) ORDER BY id LIMIT 2", prefix)
	switch {
	case err != nil:
		return "", "", fmt.Errorf("look for incident %q: %w", prefix, err)
	case len(rows) == 0 || prefix == "":
		return "", "", fmt.Errorf("incident %q: %w", prefix, ErrUnknownIncident)
	case len(rows) > 1:
		return "", "", fmt.Errorf("incident %q: begins the ids %s and %s: %w",
			prefix, rows[0].ID, rows[1].ID, ErrUnknownIncident)
	}
	return rows[0].ID, detect.Severity(rows[0].Severity), nil
}

// AddNote stores a note.
func (q *SQL) AddNote(ctx context.Context, n Note) error {
	until := n.Until
	if until.IsZero() {
		until = time.Unix(0, 0)
	}
	err := q.store.Exec(ctx, "INSERT INTO "+q.table(schema.IncidentNotes)+
		" (incident, at, action, until, severity, author, text)"+
		" VALUES (?, fromUnixTimestamp64Milli(?, 'UTC'), ?, toDateTime(?, 'UTC'), ?, ?, ?)",
		n.Incident, n.At.UnixMilli(), string(n.Action), until.Unix(), string(n.Severity), n.Author, n.Text)
	if err != nil {
		return fmt.Errorf("note on incident %s: %w", n.Incident, err)
	}
	return nil
}

// LabelClient names a client address; "" removes the name.
func (q *SQL) LabelClient(ctx context.Context, client netip.Addr, name, author string, at time.Time) error {
	return q.AddNote(ctx, Note{Incident: client.Unmap().WithZone("").String(), At: at, Action: Label, Author: author,
		Text: name})
}

// Label names a key; "" removes the name. Names in a file of labels take precedence:
// holds is false when such a name is shown instead.
func (q *SQL) Label(ctx context.Context, key classify.KeyID, name, author string, at time.Time) (holds bool,
	err error) {
	rows, err := store.Select[struct {
		Shown    string `ch:"shown"`
		Revision uint64 `ch:"newest"`
		Said     string `ch:"said"`
	}](ctx, q.store, "SELECT argMax(name, revision) AS shown, max(revision) AS newest, (SELECT argMax(text, at) FROM "+
		q.table(schema.IncidentNotes)+" WHERE incident = ? AND action = 'label') AS said FROM "+q.table(
		schema.KeyLabels)+
		" WHERE key_id = ?", key.String(), key.String())
	if err != nil || len(rows) != 1 {
		return false, fmt.Errorf("read the label of key %s: %w", key, err)
	}
	was := rows[0]
	if err := q.AddNote(ctx, Note{Incident: key.String(), At: at, Action: Label, Author: author,
		Text: name}); err != nil {
		return false, err
	}
	if was.Shown != "" && was.Shown != was.Said {
		return name == was.Shown, nil
	}
	return true, q.store.SetKeyLabel(ctx, key, name, was.Revision)
}
