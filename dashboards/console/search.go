package console

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"statline/classify"
	"statline/dashboards/query"
)

const (
	// findableFor is for how long the list of names is reused for searches.
	findableFor = 30 * time.Second
	// mostHits bounds the hits of each kind.
	mostHits = 8
	// leastKey is the least length of a text that may be a key.
	leastKey = 12
	// searchSpan is how far back names are searched.
	searchSpan = 30 * 24 * time.Hour
)

// hit is one thing found: its kind, its identity and what is shown with it.
type hit struct {
	Kind string `json:"kind"` // service, route, error, key, client, incident, code
	Name string `json:"name"`
	More string `json:"more,omitempty"`
	// Pasted says that the text is a key: the page then shows its id instead.
	Pasted bool `json:"pasted,omitempty"`
}

// serveSearch searches for a text. It comes in the body, because it may be a key, and
// is compared here: it is in no address, query or log. A key is searched only by its
// id.
func (k *Console) serveSearch(w http.ResponseWriter, r *http.Request) {
	if !k.own(w, r) {
		return
	}
	var asked struct{ Text string }
	if !takeBody(w, r, &asked) {
		return
	}
	text := strings.TrimSpace(asked.Text)
	if len(text) > longestValue {
		http.Error(w, "the text is too long", http.StatusBadRequest)
		return
	}
	names, err := k.findable(r.Context())
	if err != nil {
		refuse(w, err)
		return
	}
	hits := match(names, text)
	if k.config.KeyID != nil && len(text) >= leastKey && !strings.ContainsAny(text, " /") {
		found, err := k.pasted(r.Context(), k.config.KeyID(text))
		if err != nil {
			refuse(w, err)
			return
		}
		hits = append(found, hits...)
	}
	send(w, map[string]any{"hits": hits})
}

// findable lists the names that can be found.
func (k *Console) findable(ctx context.Context) ([]hit, error) {
	state, err := k.state(ctx)
	if err != nil {
		return nil, err
	}
	now := state.clock().Truncate(findableFor)
	v, err := k.answers.getFor(ctx, "names that can be found", findableFor, func(ctx context.Context) (any, error) {
		store := k.config.Store()
		if store == nil {
			return nil, errStarting
		}
		sql, values := query.Findable().Bind(query.Target{Database: store.Database()},
			query.Params{From: now.Add(-searchSpan), To: now.Add(findableFor), Step: time.Hour, Now: now})
		var all []hit
		err := store.Answer(ctx, sql, values, func(_, _ []string) error { return nil }, func(row []any) error {
			if len(row) < 3 {
				return nil
			}
			kind, _ := row[0].(string)
			name, _ := row[1].(string)
			more, _ := row[2].(string)
			all = append(all, hit{Kind: kind, Name: name, More: more})
			return nil
		})
		for _, e := range classify.Builtin().Entries() {
			all = append(all, hit{Kind: "code", Name: strconv.Itoa(int(e.Code)), More: e.Outcome.String() + ": " +
				e.Message})
		}
		return all, err
	})
	if err != nil {
		return nil, err
	}
	return v.([]hit), nil
}

// match returns the names that contain every word of a text, at most mostHits of a
// kind: exact matches first, then those that begin with it.
func match(names []hit, text string) []hit {
	found := []hit{}
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 0 {
		return found
	}
	taken := map[string]int{}
	seen := map[hit]bool{}
	rank := func(name string) int {
		switch {
		case name == strings.ToLower(text):
			return 0
		case strings.HasPrefix(name, words[0]):
			return 1
		}
		return 2
	}
	for round := range 3 {
		for _, h := range names {
			name := strings.ToLower(h.Name)
			all := name + " " + strings.ToLower(h.More)
			if rank(name) != round || taken[h.Kind] == mostHits ||
				slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(all, word) }) {
				continue
			}
			if one := (hit{Kind: h.Kind, Name: h.Name}); !seen[one] {
				seen[one] = true
				taken[h.Kind]++
				found = append(found, h)
			}
		}
	}
	if ip := net.ParseIP(text); ip != nil && !seen[hit{Kind: "client", Name: ip.String()}] {
		found = append(found, hit{Kind: "client", Name: ip.String()})
	}
	return found
}

// pasted is the key with this id, if something of it is stored.
func (k *Console) pasted(ctx context.Context, id string) ([]hit, error) {
	state, err := k.state(ctx)
	if err != nil {
		return nil, err
	}
	now := state.clock().Truncate(findableFor)
	a, err := k.ask(ctx, query.KeyKnown(), query.Params{From: now.Add(-longestSpan / 4), To: now.Add(findableFor),
		Step: time.Hour, Now: now, Keys: []string{id}})
	if err != nil || a.Rows == 0 || len(a.Columns) < 2 {
		return nil, err
	}
	name, _ := a.Columns[1].Values[0].(string)
	return []hit{{Kind: "key", Name: id, More: name, Pasted: true}}, nil
}
