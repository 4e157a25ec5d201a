package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func templateOf(t testing.TB, rules []RouteRule, path string) string {
	t.Helper()
	r, err := newRouter(rules)
	if err != nil {
		t.Fatal(err)
	}
	r.split(splitTarget([]byte(path)).path)
	return string(r.template(nil))
}

// A template is a function of the path alone: words stay, values do not.
func TestRouteTemplates(t *testing.T) {
	for path, want := range map[string]string{
		"/":                             "/",
		"//":                            "/",
		"/3/movie/550":                  "/3/movie/{id}",
		"/3/movie/550/":                 "/3/movie/{id}",
		"/3/movie/550?api_key=x&page=2": "/3/movie/{id}",
		"/3/movie/550#top":              "/3/movie/{id}",
		"//3///movie//550":              "/3/movie/{id}",
		"/3":                            "/{id}",
		"/api/2/movie/7":                "/api/2/movie/{id}",
		"/movie/3/images":               "/movie/{id}/images",
		"/v1/users/42/orders/7":         "/v1/users/{id}/orders/{id}",
		"/2.0/users":                    "/2.0/users",
		"/find/tt0137523":               "/find/{id}",
		"/movie/550-fight-club":         "/movie/{id}",
		"/movie/550.json":               "/movie/{id}.json",
		"/files/report.json":            "/files/report.json",
		"/u/550e8400-e29b-41d4-a716-446655440000":          "/u/{uuid}",
		"/commit/9f1c0a7b":                                 "/commit/{id}",
		"/blob/d41d8cd98f00b204e9800998ecf8427e":           "/blob/{hash}",
		"/decade/facade":                                   "/decade/facade",
		"/changes/2026-03-01":                              "/changes/{date}",
		"/changes/20260301":                                "/changes/{date}",
		"/changes/2026-03":                                 "/changes/{date}",
		"/changes/2026-03-01T12:00:00Z":                    "/changes/{date}",
		"/user/jo@example.com":                             "/user/{email}",
		"/user/jo%40example.com":                           "/user/{email}",
		"/geo/48.85,2.35":                                  "/geo/{id}",
		"/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln":     "/t/{token}",
		"/.well-known/acme-challenge/QmFzZTY0VG9rZW4x9fK2": "/.well-known/acme-challenge/{token}",
		"/a/./b/../c":                                      "/a/c",
		"/a/../../b":                                       "/b",
		"/caf%C3%A9/menu":                                  "/café/menu",
		"/%3Cscript%3E/x":                                  "/{...}/x",
		"/a%2Fb":                                           "/{...}",
		"/items;jsessionid=ABCDEF0123456789":               "/items",
		"https://api.example.com:443/3/movie/550":          "/3/movie/{id}",
		"http://api.example.com?x=1":                       "/",
		"/a/b/c/d/e/f/g/h/i/j":                             "/a/b/c/d/e/f/g/h/{...}",
		"/" + strings.Repeat("x", 300):                     "/{token}",
		"/search/movie":                                    "/search/movie",
		"/3/discover/movie":                                "/3/discover/movie",
		"/3/authentication/token/new":                      "/3/authentication/token/new",
		"/images/logstash-monitorama-2013":                 "/images/logstash-monitorama-2013",
		"*":                                                "/*",
	} {
		if got := templateOf(t, nil, path); got != want {
			t.Errorf("%s: got %s; want %s", path, got, want)
		}
	}
}

// The user's rules come first, in their order.
func TestRouteRules(t *testing.T) {
	rules := []RouteRule{
		{Pattern: "/users/me"},
		{Pattern: "/users/{name}"},
		{Pattern: "/users/{name}/repos/*", Route: "/users/{name}/repos/{repo}"},
		{Pattern: "/static/**", Route: "/static"},
	}
	for path, want := range map[string]string{
		"/users/me":            "/users/me",
		"/users/alice":         "/users/{name}",
		"/users/alice/repos/x": "/users/{name}/repos/{repo}",
		"/users/alice/repos":   "/users/alice/repos",
		"/static":              "/static",
		"/static/css/a.css":    "/static",
		"/3/movie/550":         "/3/movie/{id}",
	} {
		if got := templateOf(t, rules, path); got != want {
			t.Errorf("%s: got %s; want %s", path, got, want)
		}
	}
	for _, bad := range []string{"", "users", "/a/**/b", "/" + strings.Repeat("a", 300)} {
		if _, err := newRouter([]RouteRule{{Pattern: bad}}); err == nil {
			t.Errorf("pattern %q: got no error", bad)
		}
	}
}

// A million UUIDs, hashes, dates and numbers are four routes.
func TestRouteCardinality(t *testing.T) {
	d := newTest(t, Config{})
	var c collector
	routes := map[string]bool{}
	for i := 1; i < 20000; i++ {
		id := uint64(i) * 0x9e3779b97f4a7c15
		for _, path := range []string{
			fmt.Sprintf("/u/%08x-%04x-4%03x-a%03x-%012x", uint32(id), uint16(id>>32), i%4096, i%4000, id>>16),
			fmt.Sprintf("/h/%016x%016x", id, id>>3),
			fmt.Sprintf("/n/%d", i),
			fmt.Sprintf("/d/2026-%02d-%02d", i%12+1, i%28+1),
		} {
			c.all = c.all[:0]
			d.Decode([]byte(`{"ts":1772366400,"status":200,"path":"`+path+`"}`), &c)
			routes[c.all[0].Route] = true
		}
	}
	if len(routes) != 4 {
		t.Errorf("got %d routes; want 4", len(routes))
	}
}

// An explicit route wins over the template, unless paths are asked for.
func TestExplicitRoute(t *testing.T) {
	const line = `{"ts":1772366400,"status":200,"path":"/3/movie/550","route":"/3/movie/{movie_id}"}`
	if g := one(t, Config{}, line); g.Route != "/3/movie/{movie_id}" {
		t.Errorf("got %s", g.Route)
	}
	if g := one(t, Config{RouteFrom: "path"}, line); g.Route != "/3/movie/{id}" {
		t.Errorf("got %s", g.Route)
	}
	const envoy = `{"start_time":"2026-03-01T12:00:00Z","response_code":200,"response_flags":"-","path":"/3/movie/550","route_name":"movies"}`
	if g := one(t, Config{}, envoy); g.Route != "/3/movie/{id}" {
		t.Errorf("got %s", g.Route)
	}
	if g := one(t, Config{RouteFrom: "gateway"}, envoy); g.Route != "movies" {
		t.Errorf("got %s", g.Route)
	}
}

func TestSuggest(t *testing.T) {
	var paths []string
	for i := 0; i < 30; i++ {
		name := string(rune('a'+i%26)) + strings.Repeat("x", i/26) + "bc"
		paths = append(paths, "/v1/users/"+name, "/v1/users/"+name+"/repos", "/v1/companies/"+name+"/"+fmt.Sprint(i))
	}
	paths = append(paths, "/v1/status", "/v1/users/{id}")
	want := []RouteRule{{Pattern: "/v1/companies/{company}/{id}"}, {Pattern: "/v1/users/{user}"},
		{Pattern: "/v1/users/{user}/repos"}}
	got := Suggest(paths)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if got := Suggest([]string{"/a/b", "/a/c"}); len(got) != 0 {
		t.Errorf("got %v; want nothing", got)
	}
	if r := templateOf(t, got, "/v1/users/zoe/repos"); r != "/v1/users/{user}/repos" {
		t.Errorf("got %s", r)
	}
}
