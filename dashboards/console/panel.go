package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"time"

	"statline/dashboards/query"
)

// most bounds the rows of one answer; when more are left out, the answer says so.
const most = 20_000

// answer is what a query returned, column by column.
type answer struct {
	From      int64          `json:"from"`
	To        int64          `json:"to"`
	Step      int64          `json:"step"`
	Now       int64          `json:"now"`
	Columns   []answerColumn `json:"columns"`
	Rows      int            `json:"rows"`
	Truncated bool           `json:"truncated,omitempty"`
	Took      float64        `json:"took_ms"`
	SQL       string         `json:"sql"`
	Params    map[string]any `json:"params"`
}

type answerColumn struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // time, number, text
	Values []any  `json:"values"`
}

// servePanel answers a panel for a time range and choices.
func (k *Console) servePanel(w http.ResponseWriter, r *http.Request) {
	p, ok := k.panel(r.PathValue("board"), r.PathValue("panel"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	k.serveText(w, r, p.Query, p.wall, p.MaxPoints)
}

// serveValues answers the values of a board's variable.
func (k *Console) serveValues(w http.ResponseWriter, r *http.Request) {
	text, ok := k.lists[r.PathValue("board")+"/"+r.PathValue("variable")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	k.serveText(w, r, text, false, 0)
}

// answering answers one query.
func (k *Console) answering(text query.Text) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { k.serveText(w, r, text, false, 0) }
}

func (k *Console) serveText(w http.ResponseWriter, r *http.Request, text query.Text, wall bool, points int) {
	state, err := k.state(r.Context())
	if err != nil {
		refuse(w, err)
		return
	}
	clock := state.clock()
	if wall {
		clock = state.wall
	}
	p, err := read(r.URL.Query(), clock, points)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !wall && state.Old {
		p.Now = clock
	}
	got, err := k.ask(r.Context(), text, p)
	if err != nil {
		refuse(w, err)
		return
	}
	if r.URL.Query().Get("format") == "csv" {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", "attachment")
		_ = writeCSV(w, got) // a reader that has gone needs no answer
		return
	}
	a := *got
	a.From, a.To, a.Step, a.Now = p.From.Unix(), p.To.Unix(), int64(p.Step/time.Second), clock.Unix()
	send(w, a)
}

// ask answers a query, or returns the kept answer.
func (k *Console) ask(ctx context.Context, text query.Text, p query.Params) (*answer, error) {
	store := k.config.Store()
	if store == nil {
		return nil, errStarting
	}
	sql, values := text.Bind(query.Target{Database: store.Database(), Cluster: k.config.Cluster}, p)
	named, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	v, err := k.answers.get(ctx, sql+string(named), func(ctx context.Context) (any, error) {
		return fetch(ctx, store, sql, values)
	})
	if err != nil {
		return nil, err
	}
	return v.(*answer), nil
}

// errEnough ends an answer with enough rows.
var errEnough = errors.New("enough rows")

func fetch(ctx context.Context, store Store, sql string, values map[string]any) (*answer, error) {
	began := time.Now()
	a := &answer{SQL: sql, Params: values, Columns: []answerColumn{}}
	err := store.Answer(ctx, sql, values, func(names, types []string) error {
		for i, name := range names {
			a.Columns = append(a.Columns, answerColumn{Name: name, Type: kindOf(types[i]), Values: []any{}})
		}
		return nil
	}, func(row []any) error {
		if a.Rows == most {
			a.Truncated = true
			return errEnough
		}
		a.Rows++
		for i, v := range row {
			a.Columns[i].Values = append(a.Columns[i].Values, plain(v))
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	a.Took = float64(time.Since(began).Microseconds()) / 1000
	return a, nil
}

// plain is a value for JSON: a time in seconds since 1970; NaN and infinities are
// null.
func plain(v any) any {
	switch v := v.(type) {
	case time.Time:
		if v.Unix() <= 0 {
			return nil
		}
		return v.Unix()
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case float32:
		return plain(float64(v))
	case netip.Addr:
		return v.Unmap().String()
	case nil, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return v
	case fmt.Stringer:
		return v.String()
	}
	return v
}

var errStarting = errors.New("the process is still starting; there is no store yet")

// refuse says why there is no answer.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errStarting), errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "2")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case errors.Is(err, context.Canceled):
		w.WriteHeader(http.StatusServiceUnavailable) // nobody reads it
	default:
		http.Error(w, "the store gave no answer: "+err.Error(), http.StatusBadGateway)
	}
}

// send writes v as JSON.
func send(w http.ResponseWriter, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // a reader that has gone needs no answer
}
