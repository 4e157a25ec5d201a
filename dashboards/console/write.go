package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"statline/dashboards/query"
)

// Writer stores what users write. Nothing else in the store changes.
type Writer interface {
	// Note adds a note to an incident. The error wraps ErrUnknown when there is no such
	// incident.
	Note(ctx context.Context, n Note) error
	// Label names the key with an id; "" removes the name. holds is false when another
	// name is shown, from a file of labels. The error wraps ErrUnknown when it is no
	// key's id.
	Label(ctx context.Context, key, name, author string) (holds bool, err error)
	// LabelClient names a client address; "" removes the name.
	LabelClient(ctx context.Context, client netip.Addr, name, author string) error
	// Deploy records the deployment of a version of a service.
	Deploy(ctx context.Context, d Deploy) error
}

// Deploy is the deployment of a version of a service.
type Deploy struct {
	At                       time.Time
	Service, Version, Author string
}

// Note is a user's note on an incident.
type Note struct {
	Incident string
	Action   string // one of Actions
	Author   string
	Text     string
	Mute     time.Duration // of mute
}

// Actions are the kinds of a note: just say something, send it to receivers too,
// acknowledge, undo that, mute for a time.
func Actions() []string { return []string{"note", "public", "ack", "reopen", "mute"} }

// ErrUnknown says that there is nothing with that name.
var ErrUnknown = errors.New("there is none of that name")

const (
	longestNote  = 2000 // bytes
	longestLabel = 200
	longestMute  = 90 * 24 * time.Hour
)

// writer stores what users write; nil when nobody may write now.
func (k *Console) writer() Writer {
	if k.config.Writer == nil || k.config.Access.Token == nil {
		return nil
	}
	if token, err := k.config.Access.Token(); err != nil || token == "" {
		return nil
	}
	return k.config.Writer()
}

// writing admits requests that have the token and come from a page of ours, to a
// console that can write.
func (k *Console) writing(next func(http.ResponseWriter, *http.Request, Writer)) http.HandlerFunc {
	return k.behind(func(w http.ResponseWriter, r *http.Request) {
		to := k.writer()
		switch {
		case to == nil:
			http.Error(w, "nobody can write here; it takes --console-write and a token", http.StatusForbidden)
		case k.own(w, r):
			next(w, r, to)
		}
	})
}

// takeNote adds a note.
func (k *Console) takeNote(w http.ResponseWriter, r *http.Request, to Writer) {
	var asked struct {
		Incident, Action, Author, Text string
		Minutes                        int64 // of mute
	}
	if !takeBody(w, r, &asked) {
		return
	}
	n := Note{Incident: asked.Incident, Action: asked.Action, Author: asked.Author, Text: strings.TrimSpace(asked.Text),
		Mute: time.Duration(asked.Minutes) * time.Minute}
	if err := n.check(asked.Minutes); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := to.Note(r.Context(), n); err != nil {
		deny(w, err)
		return
	}
	k.answers.clear() // it is seen at once
	w.WriteHeader(http.StatusNoContent)
}

func (n *Note) check(minutes int64) error {
	says := n.Action == "note" || n.Action == "public"
	switch {
	case !slices.Contains(Actions(), n.Action):
		return fmt.Errorf("action: got %q; want one of %s", n.Action, strings.Join(Actions(), ", "))
	case n.Incident == "" || len(n.Incident) > longestLabel:
		return errors.New("incident: want the id of one")
	case says && n.Text == "":
		return errors.New("text: got none; want a sentence")
	case n.Action == "mute" && (minutes < 1 || minutes > int64(longestMute/time.Minute)):
		return fmt.Errorf("minutes: got %d; want 1 to %d", minutes, int64(longestMute/time.Minute))
	}
	return errors.Join(plainText("text", n.Text, longestNote), plainText("author", n.Author, longestLabel))
}

// plainText refuses what is no plain text.
func plainText(name, text string, most int) error {
	switch {
	case len(text) > most:
		return fmt.Errorf("%s: got %d bytes; want at most %d", name, len(text), most)
	case !utf8.ValidString(text), strings.ContainsFunc(text,
		func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }):
		return fmt.Errorf("%s: got control characters; want text", name)
	}
	return nil
}

// takeLabel names a key or a client address, and answers whether that name is shown.
func (k *Console) takeLabel(w http.ResponseWriter, r *http.Request, to Writer) {
	var asked struct{ Key, Client, Name, Author string }
	if !takeBody(w, r, &asked) {
		return
	}
	asked.Name = strings.TrimSpace(asked.Name)
	err := errors.Join(plainText("name", asked.Name, longestLabel), plainText("author", asked.Author, longestLabel))
	if err == nil && strings.ContainsAny(asked.Name, "\n\t") {
		err = errors.New("name: got several lines; want one")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	holds := true
	if asked.Client == "" {
		holds, err = to.Label(r.Context(), asked.Key, asked.Name, asked.Author)
	} else if client, bad := netip.ParseAddr(asked.Client); bad != nil {
		err = fmt.Errorf("%w: client %q", ErrUnknown, asked.Client)
	} else {
		err = to.LabelClient(r.Context(), client, asked.Name, asked.Author)
	}
	if err != nil {
		deny(w, err)
		return
	}
	k.answers.clear()
	send(w, map[string]bool{"holds": holds})
}

// deny says why nothing was written.
func deny(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrUnknown) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	refuse(w, err)
}

// serveLabel answers the name of a key or a client address.
func (k *Console) serveLabel(w http.ResponseWriter, r *http.Request) {
	text := query.Label()
	if r.URL.Query().Has("client") {
		text = query.ClientLabel()
	}
	k.serveText(w, r, text, false, 0)
}

// farFromNow is how far from now a deploy may be.
const farFromNow = 366 * 24 * time.Hour

// takeDeploy records a deploy, by default at this moment.
func (k *Console) takeDeploy(w http.ResponseWriter, r *http.Request, to Writer) {
	var asked struct {
		Service, Version, Author string
		At                       time.Time
	}
	if !takeBody(w, r, &asked) {
		return
	}
	d := Deploy{At: asked.At, Service: asked.Service, Version: asked.Version, Author: asked.Author}
	if d.At.IsZero() {
		d.At = time.Now()
	}
	err := errors.Join(plainText("service", d.Service, longestLabel), plainText("version", d.Version, longestLabel),
		plainText("author", d.Author, longestLabel))
	switch {
	case err != nil:
	case d.Service == "" || d.Version == "":
		err = errors.New("got no service or no version; want both")
	case time.Since(d.At).Abs() > farFromNow:
		err = fmt.Errorf("at: got %s; want a time within a year", d.At.UTC().Format(time.RFC3339))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := to.Deploy(r.Context(), d); err != nil {
		deny(w, err)
		return
	}
	k.answers.clear()
	w.WriteHeader(http.StatusNoContent)
}
