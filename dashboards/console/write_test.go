package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// scribe notes what it is told to keep.
type scribe struct{ kept []string }

func (s *scribe) Note(_ context.Context, n Note) error {
	if n.Incident == "gone" {
		return fmt.Errorf("%w: incident %q", ErrUnknown, n.Incident)
	}
	s.kept = append(s.kept, fmt.Sprint(n.Action, " ", n.Incident, " ", n.Author, " ", n.Text, " ", n.Mute))
	return nil
}

func (s *scribe) Label(_ context.Context, key, name, author string) (bool, error) {
	if key == "away" {
		return false, errors.New("the store is away")
	}
	s.kept = append(s.kept, fmt.Sprint("label ", key, " ", author, " ", name))
	return name != "below", nil
}

func (s *scribe) LabelClient(_ context.Context, client netip.Addr, name, author string) error {
	s.kept = append(s.kept, fmt.Sprint("label ", client, " ", author, " ", name))
	return nil
}

func (s *scribe) Deploy(_ context.Context, d Deploy) error {
	s.kept = append(s.kept, fmt.Sprint("deploy ", d.At.UTC().Format(time.RFC3339), " ", d.Service, " ", d.Version, " ",
		d.Author))
	return nil
}

// said posts to a path and returns the status and the body.
func said(t *testing.T, server *httptest.Server, path, body string, change ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(ownHeader, "1")
	r.Header.Set("Origin", server.URL)
	r.Header.Set("Authorization", "Bearer "+secret)
	for _, f := range change {
		f(r)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(text)
}

// Nothing is written but what a page of this console says, for somebody who has shown the
// token, to a console that was started for it.
// Long because it is one story, told in its order.
func TestWriting(t *testing.T) {
	s := &scribe{}
	server := serve(t, told(), locked, func(c *Config) { c.Writer = func() Writer { return s } })
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	const note, label = `{"incident":"x","action":"note","author":"ann","text":"seen"}`,
		`{"key":"k","name":"ACME","author":"ann"}`
	at := time.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
	deploy := `{"service":"movies","version":"1.8","author":"ci","at":"` + at + `"}`
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no token":       {func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"wrong token":    {set("Authorization", "Bearer "+secret+"x"), 401},
		"no header":      {func(r *http.Request) { r.Header.Del(ownHeader) }, 403},
		"foreign origin": {set("Origin", "https://evil.example"), 403},
		"cross-site":     {set("Sec-Fetch-Site", "cross-site"), 403},
		"same-site":      {set("Sec-Fetch-Site", "same-site"), 403},
		"foreign Host":   {func(r *http.Request) { r.Host = "evil.example" }, 421},
		"PUT":            {func(r *http.Request) { r.Method = http.MethodPut }, 405},
		"DELETE":         {func(r *http.Request) { r.Method = http.MethodDelete }, 405},
		"a cookie alone": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.AddCookie(&http.Cookie{Name: cookieName(secret), Value: secret})
		}, 401},
		"forged by a GET": {func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodGet, http.NoBody, 0
			r.Header.Del("Authorization")
		}, 401},
	} {
		for path, body := range map[string]string{"/api/notes": note, "/api/label": label, "/api/deploys": deploy} {
			if got, text := said(t, server, path, body, c.change); got != c.want {
				t.Errorf("%s to %s: got %d %s; want %d", name, path, got, text, c.want)
			}
		}
	}
	for body, want := range map[string]int{
		`{`: 400, `{"incident":"x"}`: 400, `{"incident":"x","action":"delete","text":"a"}`: 400,
		`{"incident":"x","action":"label","text":"a"}`: 400,
		`{"action":"note","text":"a"}`:                 400, `{"incident":"x","action":"note"}`: 400,
		`{"incident":"x","action":"note","text":"  "}`: 400,
		`{"incident":"x","action":"mute"}`:             400, `{"incident":"x","action":"mute","minutes":-5}`: 400,
		`{"incident":"x","action":"mute","minutes":9999999}`:                                      400,
		`{"incident":"x","action":"note","text":"` + strings.Repeat("a", 2001) + `"}`:             400,
		`{"incident":"x","action":"note","text":"` + strings.Repeat("a", 9000) + `"}`:             400,
		`{"incident":"x","action":"note","text":"\u001b[31m"}`:                                    400,
		`{"incident":"x","action":"note","text":"a","author":"` + strings.Repeat("a", 201) + `"}`: 400,
		`{"incident":"` + strings.Repeat("x", 201) + `","action":"ack"}`:                          400,
		`{"incident":"gone","action":"ack"}`:                                                      404,
	} {
		if got, text := said(t, server, "/api/notes", body); got != want {
			t.Errorf("%.60s: got %d %s; want %d", body, got, text, want)
		}
	}
	for body, want := range map[string]int{`{"key":"k","name":"a\nb"}`: 400, `{"key":"k","name":"` + strings.Repeat("a",
		201) + `"}`: 400, `{"key":"away","name":"a"}`: 502, `{"client":"203.0.113.7/24","name":"a"}`: 404} {
		if got, text := said(t, server, "/api/label", body); got != want {
			t.Errorf("%.60s: got %d %s; want %d", body, got, text, want)
		}
	}
	for body, want := range map[string]int{`{}`: 400, `{"service":"a"}`: 400, `{"version":"1"}`: 400,
		`{"service":"a","version":"1","at":"1999-01-01T00:00:00Z"}`: 400,
		`{"service":"a","version":"1","at":"yesterday"}`:            400, `{"service":"a\u0000","version":"1"}`: 400} {
		if got, text := said(t, server, "/api/deploys", body); got != want {
			t.Errorf("%.60s: got %d %s; want %d", body, got, text, want)
		}
	}
	if len(s.kept) > 0 {
		t.Fatalf("kept although refused: %q", s.kept)
	}
	for _, c := range [][2]string{{"/api/notes", note}, {"/api/notes", `{"incident":"x","action":"mute","minutes":60}`},
		{"/api/notes", `{"incident":"x","action":"reopen"}`},
		{"/api/notes", `{"incident":"x","action":"public","text":"x' OR 1=1 --\\"}`}, {"/api/label", label},
		{"/api/label", `{"key":"k","name":"below"}`},
		{"/api/label", `{"client":"203.0.113.7","name":"office"}`}, {"/api/deploys", deploy}} {
		if got, text := said(t, server, c[0], c[1]); got/100 != 2 || strings.Contains(text, "holds") &&
			strings.Contains(text, "true") == strings.Contains(c[1], "below") {
			t.Errorf("%s: got %d %s", c[1], got, text)
		}
	}
	want := []string{"note x ann seen 0s", "mute x   1h0m0s", "reopen x   0s", `public x  x' OR 1=1 --\ 0s`,
		"label k ann ACME", "label k  below",
		"label 203.0.113.7  office", "deploy " + at + " movies 1.8 ci"}
	if strings.Join(s.kept, "|") != strings.Join(want, "|") {
		t.Errorf("kept %q; want %q", s.kept, want)
	}
}

// A console that was not started for it writes nothing, with a token or without; one
// without a token never does.
func TestNobodyWrites(t *testing.T) {
	s := &scribe{}
	for name, server := range map[string]*httptest.Server{
		"not asked for":  serve(t, told(), locked),
		"no store yet":   serve(t, told(), locked, func(c *Config) { c.Writer = func() Writer { return nil } }),
		"without tokens": serve(t, told(), func(c *Config) { c.Writer = func() Writer { return s } }),
		"an empty token": serve(t, told(), func(c *Config) {
			c.Writer, c.Access.Token = func() Writer { return s }, func() (string, error) { return "", nil }
		}),
	} {
		for _, path := range []string{"/api/notes", "/api/label"} {
			if got, text := said(t, server, path,
				`{"incident":"x","action":"ack","key":"k","name":"n"}`); got != http.StatusForbidden ||
				!strings.Contains(text, "--console-write") {
				t.Errorf("%s, %s: got %d %s; want 403 and how", name, path, got, text)
			}
		}
		if _, body, _ := get(t, server.URL+"/api/boards",
			func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }); !strings.Contains(body,
			`"writes":false`) {
			t.Errorf("%s: the page is told that it may write", name)
		}
	}
	if len(s.kept) > 0 {
		t.Errorf("kept %q", s.kept)
	}
}
