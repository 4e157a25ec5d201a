package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// pair writes a certificate for 127.0.0.1 with its key to files.
func pair(t *testing.T) (certificate *x509.Certificate, certFile, keyFile string) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s.Certificate(), certFile, keyFile
}

type notReady struct{}

func (notReady) Ready() (bool, any) { return false, Status{Waiting: "a test"} }

func (notReady) Healthy() error { return nil }

// deafControl is that of a daemon that starts.
type deafControl struct{}

func (deafControl) Reload(context.Context) (any, error) { return nil, ErrStarting }
func (deafControl) Show() any                           { return map[string]string{"listen-token": "***"} }
func (deafControl) SetLogLevel(level string, while time.Duration) (any, error) {
	return map[string]string{level: while.String()}, nil
}

// With a certificate the endpoints speak TLS alone; with a token figures and
// control want it and probes do not. A daemon that starts cannot reload yet.
// Long because it is one table.
func TestServeSecurely(t *testing.T) {
	certificate, certFile, keyFile := pair(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	const token = "a-token-of-a-test-long-enough"
	s := &Server{Registry: prometheus.NewRegistry(), Ready: notReady{}, Health: notReady{}, Control: deafControl{},
		Log: slog.New(slog.DiscardHandler),
		Listening: Listening{Address: address, Cert: certFile, Key: keyFile,
			Token: func() (string, error) { return token, nil }}}
	stop, err := s.Serve()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	ask := func(method, path, bearer string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(controlHeader, "1")
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for _, x := range []struct {
		method, path, token string
		want                int
		says                string
	}{
		{"GET", "/healthz", "", 200, "ok"},
		{"GET", "/readyz", "", 503, "a test"},
		{"GET", "/metrics", "", 401, "Bearer"},
		{"GET", "/metrics", token, 200, "go_goroutines"},
		{"GET", "/-/config", "", 401, "Bearer"},
		{"GET", "/-/config", token, 200, `"***"`},
		{"POST", "/-/reload", token, 503, "still starting"},
		{"GET", "/-/reload", token, 405, "Method"},
		{"POST", "/-/log-level?level=debug&for=10m", token, 200, `{"debug":"10m0s"}`},
		{"POST", "/-/log-level?level=debug&for=-1s", token, 422, "want a duration"},
		{"POST", "/-/log-level?level=debug", "", 401, "Bearer"},
		{"GET", "/debug/pprof/goroutine?debug=1", token, 200, "goroutine profile"},
		{"GET", "/debug/pprof/goroutine?debug=1", "", 401, "Bearer"},
		{"GET", "/debug/pprof/cmdline", token, 404, ""},
	} {
		if got, body := ask(x.method, x.path, x.token); got != x.want || !strings.Contains(body, x.says) ||
			strings.Contains(body, token) {
			t.Errorf("%s %s: got %d %.200s; want %d with %q", x.method, x.path, got, body, x.want, x.says)
		}
	}
	if resp, err := http.Get("http://" + address + "/healthz"); err == nil {
		if resp.StatusCode == http.StatusOK {
			t.Error("it answers without TLS")
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Profiles are for this machine: a daemon that listens to others has none, also
// for who has the token.
func TestProfilesAreForThisMachine(t *testing.T) {
	const token = "a-token-of-a-test-long-enough"
	for address, want := range map[string]int{"127.0.0.1:8080": 200, "localhost:8080": 200, "0.0.0.0:8080": 404,
		":8080": 404, "192.0.2.1:8080": 404} {
		s := &Server{Registry: prometheus.NewRegistry(), Control: deafControl{}, Log: slog.New(slog.DiscardHandler),
			Listening: Listening{Address: address, Token: func() (string, error) { return token, nil }}}
		for _, from := range []string{"127.0.0.1:1", "192.0.2.2:1"} {
			r := httptest.NewRequest("GET", "http://127.0.0.1:8080/debug/pprof/goroutine?debug=1", nil)
			r.RemoteAddr = from
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			s.handler().ServeHTTP(w, r)
			if expect := map[bool]int{true: want, false: 404}[from == "127.0.0.1:1"]; w.Code != expect {
				t.Errorf("listening on %s, asked from %s: got %d; want %d", address, from, w.Code, expect)
			}
		}
	}
}
