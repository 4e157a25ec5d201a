package console

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const secret = "a token of 24 characters"

// locked is a console with a token, on an address that other machines reach.
func locked(c *Config) {
	c.Access = Access{Token: func() (string, error) { return secret, nil }, Hosts: []string{"statline.example.org"}}
}

// post asks for a session.
func post(t *testing.T, server *httptest.Server, body string, change ...func(*http.Request)) (int, []*http.Cookie) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/session",
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(ownHeader, "1")
	for _, f := range change {
		f(r)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if _, err := io.Copy(io.Discard, got.Body); err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, got.Cookies()
}

// With a token nothing of the store is answered without it; it is exchanged for a
// cookie that scripts cannot read and foreign pages do not send, and a cookie of
// another token, or one that is over, is none.
func TestToken(t *testing.T) {
	server := serve(t, told(), locked)
	for _, path := range []string{"/api/boards", "/api/state", "/api/panel/overview/0", "/api/values/overview/service",
		"/api/events"} {
		if got, _, _ := get(t, server.URL+path); got != http.StatusUnauthorized {
			t.Errorf("%s without a token: got %d; want 401", path, got)
		}
	}
	if got, _, _ := get(t, server.URL+"/"); got != http.StatusOK {
		t.Errorf("the page: got %d; want 200, it asks for the token", got)
	}
	for body, want := range map[string]int{`{"token":"` + secret + `x"}`: 401, `{"token":"wrong"}`: 401, `{}`: 204,
		"token=" + secret: 400,
		`{"token":"` + strings.Repeat("x", 5000) + `"}`: 400} {
		if got, cookies := post(t, server, body); got != want || len(cookies) > 0 && cookies[0].Value != "" {
			t.Errorf("%.40s: got %d, %v; want %d and no session", body, got, cookies, want)
		}
	}
	status, cookies := post(t, server, `{"token":"`+secret+`"}`)
	if status != http.StatusNoContent || len(cookies) != 1 {
		t.Fatalf("the token: got %d, %v; want 204 and a cookie", status, cookies)
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" ||
		strings.Contains(c.Value, secret) {
		t.Errorf("got cookie %v; want HttpOnly, SameSite=Strict and nothing of the token", c)
	}
	if got, _, _ := get(t, server.URL+"/api/boards", func(r *http.Request) { r.AddCookie(c) }); got != http.StatusOK {
		t.Errorf("with the cookie: got %d; want 200", got)
	}
	old := "1700000000." + seal(secret, "1700000000")
	later := strings.Replace(c.Value, "1", "2", 1)
	for _, value := range []string{"", ".", old, later, c.Value + "0",
		"99999999999." + seal("another token of length", "99999999999")} {
		bad := &http.Cookie{Name: c.Name, Value: value}
		if got, _, _ := get(t, server.URL+"/api/boards",
			func(r *http.Request) { r.AddCookie(bad) }); got != http.StatusUnauthorized {
			t.Errorf("cookie %q: got %d; want 401", value, got)
		}
	}
	for header, want := range map[string]int{"Bearer " + secret: 200, "Bearer x": 401, secret: 401} {
		if got, _, _ := get(t, server.URL+"/api/boards",
			func(r *http.Request) { r.Header.Set("Authorization", header) }); got != want {
			t.Errorf("Authorization %q: got %d; want %d", header, got, want)
		}
	}
}

// A foreign page can neither sign a reader in nor make the store work.
func TestForeignPages(t *testing.T) {
	server := serve(t, told(), locked)
	body := `{"token":"` + secret + `"}`
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no header":      {func(r *http.Request) { r.Header.Del(ownHeader) }, 403},
		"foreign origin": {set("Origin", "https://evil.example"), 403},
		// as a browser says of a page that hides where it comes from; it cannot set the header
		"no origin":    {set("Origin", "null"), 204},
		"own origin":   {set("Origin", server.URL), 204},
		"cross-site":   {set("Sec-Fetch-Site", "cross-site"), 403},
		"same-site":    {set("Sec-Fetch-Site", "same-site"), 403},
		"foreign Host": {func(r *http.Request) { r.Host = "evil.example" }, 421},
	} {
		if got, _ := post(t, server, body, c.change); got != c.want {
			t.Errorf("%s: got %d; want %d", name, got, c.want)
		}
	}
	for name, want := range map[string]int{"statline.example.org": 200, "STATLINE.example.org:8080": 200,
		"10.0.0.1:8080": 200, "[fd00::1]:8080": 200,
		"localhost": 200, "evil.example": 421, "": 421, "10.0.0.1.evil.example": 421} {
		if got, _, _ := get(t, server.URL+"/", func(r *http.Request) { r.Host = name }); got != want && name != "" {
			t.Errorf("Host %q: got %d; want %d", name, got, want)
		}
	}
	if got, _, _ := get(t, serve(t, told()).URL+"/api/state",
		set("Sec-Fetch-Site", "cross-site")); got != http.StatusForbidden {
		t.Errorf("a foreign page's request without a token: got %d; want 403", got)
	}
}

// Without a token there is no console for other machines, and one that cannot be
// read lets nobody in.
func TestNoToken(t *testing.T) {
	for want, token := range map[int]func() (string, error){
		404: nil, 500: func() (string, error) { return "", errors.New("no such file") },
	} {
		server := serve(t, told(), func(c *Config) { c.Access = Access{Token: token} })
		for _, path := range []string{"/", "/assets/app.js", "/api/state", "/api/boards"} {
			if got, body, _ := get(t, server.URL+path); got != want || strings.Contains(body, "no such file") {
				t.Errorf("%s: got %d %q; want %d", path, got, body, want)
			}
		}
		if got, cookies := post(t, server, `{"token":""}`); got != want || len(cookies) > 0 {
			t.Errorf("a session: got %d; want %d", got, want)
		}
	}
	server := serve(t, told(), func(c *Config) {
		c.Access = Access{Local: true, TLS: true, Token: func() (string, error) { return secret, nil }}
	})
	if got, _, _ := get(t, server.URL+"/api/boards"); got != http.StatusUnauthorized {
		t.Errorf("a token on loopback holds too: got %d; want 401", got)
	}
	if _, cookies := post(t, server, `{"token":"`+secret+`"}`); len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("over TLS: got %v; want a cookie for TLS only", cookies)
	}
}

// Two hundred readers that do not read keep no answer from another reader, and end
// with the process.
func TestSlowReaders(t *testing.T) {
	done := make(chan struct{})
	server := serve(t, told(), func(c *Config) { c.Done = done })
	for i := range 200 {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		path := []string{"/api/boards", "/api/events"}[i%2]
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if got, body, _ := get(t, server.URL+"/api/panel/overview/0"); got != http.StatusOK {
		t.Errorf("a reader beside them: got %d %.100s after %v", got, body, time.Since(began))
	}
	close(done)
}
