package ingest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Promise: probes are free; control is for this machine under its own names
// and with the header, or for who shows the token.
func TestGuard(t *testing.T) {
	const token = "a-token-of-a-test-long-enough"
	open := Listening{Address: "127.0.0.1:8080"}
	closed := Listening{Address: "0.0.0.0:8080", Token: func() (string, error) { return token, nil }}
	broken := Listening{Address: "0.0.0.0:8080",
		Token: func() (string, error) { return "", errors.New("no such file") }}
	const here, there = "127.0.0.1:40000", "192.0.2.7:40000"
	for name, c := range map[string]struct {
		daemon                    Listening
		control                   bool
		method, from, host, token string
		header                    bool
		want                      int
	}{
		"figures, open":     {daemon: open, method: "GET", from: there, host: "x", want: 200},
		"figures, no token": {daemon: closed, method: "GET", from: here, host: "localhost", want: 401},
		"figures, token":    {daemon: closed, method: "GET", from: there, host: "x", token: token, want: 200},
		"figures, wrong token": {daemon: closed, method: "GET", from: there, host: "x",
			token: "a-token-of-a-test-long-enougH", want: 401},
		"figures, no token file": {daemon: broken, method: "GET", from: here, host: "localhost", token: token,
			want: 500},
		"config from here": {daemon: open, control: true, method: "GET", from: here, host: "127.0.0.1:8080",
			want: 200},
		"config from there": {daemon: open, control: true, method: "GET", from: there, host: "127.0.0.1:8080",
			want: 403},
		"config, another site's name": {daemon: open, control: true, method: "GET", from: here, host: "evil.example:8080", want: 403},
		"reload from here": {daemon: open, control: true, method: "POST", from: here, host: "localhost:8080",
			header: true, want: 200},
		"reload over IPv6": {daemon: open, control: true, method: "POST", from: "[::1]:40000",
			host: "[::1]:8080", header: true, want: 200},
		"reload without the header": {daemon: open, control: true, method: "POST", from: here, host: "localhost:8080",
			want: 403},
		"reload, another site's name": {daemon: open, control: true, method: "POST", from: here, host: "evil.example", header: true, want: 403},
		"reload from there": {daemon: open, control: true, method: "POST", from: there, host: "localhost",
			header: true, want: 403},
		"reload, token": {daemon: closed, control: true, method: "POST", from: there,
			host: "statline.example", token: token, header: true, want: 200},
		"reload, token, no header": {daemon: closed, control: true, method: "POST", from: there,
			host: "statline.example", token: token, want: 403},
		"reload here, no token": {daemon: closed, control: true, method: "POST", from: here, host: "localhost",
			header: true, want: 401},
	} {
		g := guard{c.daemon}
		handler := http.Handler(
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
		if c.control {
			handler = g.control(handler)
		} else {
			handler = g.reading(handler)
		}
		r := httptest.NewRequest(c.method, "/", nil)
		r.RemoteAddr, r.Host = c.from, c.host
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		if c.header {
			r.Header.Set(controlHeader, "1")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if body, _ := io.ReadAll(w.Body); w.Code != c.want || strings.Contains(string(body), token) {
			t.Errorf("%s: got %d %s; want %d", name, w.Code, body, c.want)
		}
	}
}
