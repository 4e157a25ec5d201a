package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// listening is a store that remembers what it was asked.
type listening struct {
	Store
	mu    sync.Mutex
	asked []string
}

func (l *listening) Answer(ctx context.Context, sql string, values map[string]any,
	head func(names, types []string) error, row func(values []any) error) error {
	l.mu.Lock()
	l.asked = append(l.asked, sql+fmt.Sprint(values))
	l.mu.Unlock()
	return l.Store.Answer(ctx, sql, values, head, row)
}

// find searches.
func find(t *testing.T, server *httptest.Server, text string) (found []hit) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/search",
		strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(ownHeader, "1")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	answer, err := io.ReadAll(got.Body)
	var all struct{ Hits []hit }
	if err != nil || got.StatusCode != http.StatusOK || json.Unmarshal(answer, &all) != nil {
		t.Fatalf("search %q: got %d, %s, %v", text, got.StatusCode, answer, err)
	}
	return all.Hits
}

// searchFinds: services, routes, keys, names, addresses, codes, error names and
// incidents are found by a part of them; a key that is pasted is found by its id and
// reaches no query.
func searchFinds(t *testing.T, s *store.Store) {
	d := s.Database()
	for _, text := range []string{
		`.services_hour (minute, service, outcome, requests) SELECT toStartOfHour(now()), 'movies', 'success', 5`,
		`.responses_hour (minute, service, route, error_type, code, outcome, requests) SELECT toStartOfHour(now()), 'movies', '/3/movie/{id}', 'NoSuchMovie', 34, 'not_found', 5`,
		`.keys_hour (minute, key_id, service, outcome, requests) SELECT toStartOfHour(now()), 'feedc0de00000000feedc0de00000000', 'movies', 'rate_limited', 5`,
		`.key_names SELECT 'feedc0de00000000feedc0de00000000', 'Acme Films'`,
		`.clients (minute, client_ip, outcome, requests) SELECT toStartOfMinute(now()) - 600, toIPv6('203.0.113.7'), 'success', 5`,
		`.incidents (id, kind, entity, severity, state, opened_at, summary, version) SELECT 'inc-1', 'outage', 'movies', 'page', 'closed', now() - 900, 'movies was away', 1`,
	} {
		storetest.Exec(t, s, "INSERT INTO "+d+text)
	}
	heard := &listening{Store: s}
	server := serve(t, heard, func(c *Config) {
		c.KeyID = func(key string) string {
			if key == "thekeyitself0123" {
				return "feedc0de00000000feedc0de00000000"
			}
			return "00000000000000000000000000000000"
		}
	})
	for text, want := range map[string]string{
		"mov": "service movies", "MOVIE/{": "route /3/movie/{id}", "nosuch": "error NoSuchMovie",
		"feedc0":   "key feedc0de00000000feedc0de00000000",
		"acme fil": "key feedc0de00000000feedc0de00000000", "203.0.113.7": "client 203.0.113.7",
		"203.0": "client 203.0.113.7", "198.51.100.9": "client 198.51.100.9",
		"34": "code 34", "rate_lim": "code 25", "was away": "incident inc-1",
		"thekeyitself0123": "key feedc0de00000000feedc0de00000000",
	} {
		found := false
		for _, h := range find(t, server, text) {
			found = found || h.Kind+" "+h.Name == want
		}
		if !found {
			t.Errorf("%q: got %v; want %s", text, find(t, server, text), want)
		}
	}
	if hits := find(t, server, "34"); hits[0].Kind != "code" {
		t.Errorf("34: got %v; want the code that is it before names that hold it", hits)
	}
	for _, nothing := range []string{"", " ", "nothing of that name", "{", "%"} {
		if hits := find(t, server, nothing); len(hits) > 0 && nothing != "{" {
			t.Errorf("%q: got %v; want nothing", nothing, hits)
		}
	}
	heard.mu.Lock()
	defer heard.mu.Unlock()
	for _, asked := range heard.asked {
		if strings.Contains(asked, "thekeyitself") || strings.Contains(asked, "nosuch") {
			t.Errorf("a searched text reached the store: %.300s", asked)
		}
	}
	if len(heard.asked) > 30 {
		t.Errorf("%d queries for a few searches; want the names asked for once", len(heard.asked))
	}
}

// A search is a POST of a page of ours.
func TestSearchIsGuarded(t *testing.T) {
	server := serve(t, told())
	r, err := http.Post(server.URL+"/api/search", "application/json", strings.NewReader(`{"text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got, _, _ := get(t, server.URL+"/api/search?text=x"); r.StatusCode != http.StatusForbidden ||
		got != http.StatusNotFound && got != http.StatusMethodNotAllowed {
		t.Errorf("without its header: got %d, by GET %d; want 403 and 405", r.StatusCode, got)
	}
}
