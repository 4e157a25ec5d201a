package store

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"statline/ingest/retry"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
)

// locked is the engine behind a port that wants a client certificate and a
// password.
type locked struct {
	*httptest.Server
	password atomic.Pointer[string]
	cert     string // PEM file with the server's certificate, good as a client's too
	key      string
}

func newLocked(t *testing.T, password string) *locked {
	t.Helper()
	to, err := url.Parse(sandboxtest.Sandbox(t).ClickHouseURL())
	if err != nil {
		t.Fatal(err)
	}
	l := &locked{}
	l.password.Store(&password)
	proxy := httputil.NewSingleHostReverseProxy(to)
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-ClickHouse-User") != "me" || r.Header.Get("X-ClickHouse-Key") != *l.password.Load() {
			w.Header().Set("X-ClickHouse-Exception-Code", "516")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "Code: 516. DB::Exception: me: Authentication failed. (AUTHENTICATION_FAILED)")
			return
		}
		for _, name := range []string{"X-ClickHouse-User", "X-ClickHouse-Key", "X-ClickHouse-SSL-Certificate-Auth"} {
			r.Header.Del(name) // the engine behind knows nobody
		}
		proxy.ServeHTTP(w, r)
	}))
	l.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	l.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the test's
	l.StartTLS()
	t.Cleanup(l.Close)
	key, err := x509.MarshalPKCS8PrivateKey(l.Server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	l.cert = textFile(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.Certificate().
		Raw})))
	l.key = textFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return l
}

func textFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Promise: a client certificate and a password from a file open the store; a
// new password holds after Renew, and one that the server refuses changes
// nothing.
func TestRenew(t *testing.T) {
	const first, second = "the-first-password", "the-second-password"
	l := newLocked(t, first)
	password := textFile(t, "password", first+"\n")
	direct := open(t)
	c := DefaultConfig()
	c.URL = "https://me@" + strings.TrimPrefix(l.URL, "https://")
	c.Database, c.CA, c.PasswordFile, c.DialTimeout = direct.Database(), l.cert, password, 2*time.Second
	if s, err := Open(t.Context(), c); err == nil {
		t.Errorf("a client without a certificate was let in: %v", s.Close())
	}
	c.Cert, c.Key = l.cert, l.key
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	n := int64(0)
	write := func() error {
		n += 100
		id, contents := blockOf(n, n+100, 1, 10)
		return s.WriteRows(t.Context(), id, contents, free)
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	changed := second
	l.password.Store(&changed)
	if err := write(); retry.ClassOf(Classify(err)) != retry.Permanent {
		t.Errorf("the old password: got %v; want permanent", err)
	}
	if err := s.Renew(t.Context(), c); err == nil || strings.Contains(err.Error(), first) {
		t.Errorf("renewed with the old password: got %v; want an error without it", err)
	}
	if err := os.WriteFile(password, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Renew(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	if got := sum(t, direct, schema.Keys, schema.Requests); got == 0 {
		t.Error("nothing is stored")
	}
}

// A password file that is not there yet may appear; a broken certificate stays
// broken.
func TestMissingCredentials(t *testing.T) {
	c := DefaultConfig()
	c.URL, c.PasswordFile = "http://127.0.0.1:1", "/does/not/exist"
	if _, err := Open(t.Context(), c); retry.ClassOf(err) != retry.Transient ||
		!strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("no file: got %v (%v); want transient", err, retry.ClassOf(err))
	}
	c.PasswordFile, c.CA = "", textFile(t, "ca.pem", "nothing")
	if _, err := Open(t.Context(), c); retry.ClassOf(err) != retry.Permanent {
		t.Errorf("no certificate: got %v (%v); want permanent", err, retry.ClassOf(err))
	}
}
