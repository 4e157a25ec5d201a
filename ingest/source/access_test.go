package source

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/aws_msk_iam_v2"
	"github.com/twmb/franz-go/pkg/kfake"
)

// reconnected asks the broker something over a new connection.
func reconnected(t *testing.T, c *Client) error {
	t.Helper()
	c.connect().CloseIdleConnections()
	_, err := c.ClusterID(deadline(t))
	return err
}

func replaced(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A broker that wants a certificate gets ours; a new one in the same file holds
// from the next connection on, and so does the broker's new authority.
func TestClientCertificate(t *testing.T) {
	pair, ca, _ := certificate(t)
	first, firstCA, firstPEM := certificate(t)
	second, secondCA, secondPEM := certificate(t)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(contents(t, firstCA) + contents(t, secondCA)))
	var shown atomic.Pointer[x509.Certificate]
	b := broker(t, 1, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted,
		VerifyConnection: func(s tls.ConnectionState) error { shown.Store(s.PeerCertificates[0]); return nil }}))
	cfg := testConfig(b.ListenAddrs())
	cfg.TLS = TLS{Enabled: true, CA: ca}
	if _, err := client(t, cfg).ClusterID(deadline(t)); err == nil {
		t.Error("a client without a certificate was let in")
	}
	own := file(t, "client.pem", contents(t, firstPEM))
	cfg.TLS.Cert, cfg.TLS.Key = own, own
	checkAccess(t, cfg)

	c := client(t, cfg)
	for _, x := range []struct {
		pem  string
		want *x509.Certificate
	}{{firstPEM, leaf(t, first)}, {secondPEM, leaf(t, second)}} {
		replaced(t, own, contents(t, x.pem))
		if err := reconnected(t, c); err != nil || !shown.Load().Equal(x.want) {
			t.Errorf("after the file was replaced: got %v and the other certificate", err)
		}
	}
	_, strange, _ := certificate(t)
	good := contents(t, ca)
	replaced(t, ca, contents(t, strange))
	if err := reconnected(t, c); classOf(err) != "permanent" {
		t.Errorf("another authority in the file: got %v (%s); want permanent", err, classOf(err))
	}
	replaced(t, ca, good)
	if err := reconnected(t, c); err != nil {
		t.Errorf("the authority is back: %v", err)
	}
}

func leaf(t *testing.T, pair tls.Certificate) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A password file that appears late, or changes, is read at the next
// connection; a given password needs no file.
func TestPasswordFileIsReadAgain(t *testing.T) {
	b := broker(t, 1, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "secret-word"))
	cfg := testConfig(b.ListenAddrs())
	path := t.TempDir() + "/password"
	cfg.SASL = SASL{Mechanism: "plain", User: "alice", PasswordFile: path}
	c := client(t, cfg)
	if _, err := c.ClusterID(deadline(t)); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("no file: got %v; want an error that names it", err)
	}
	replaced(t, path, "an old one\n")
	if err := reconnected(t, c); err == nil {
		t.Error("an old password was let in")
	}
	replaced(t, path, "secret-word\n")
	if err := reconnected(t, c); err != nil {
		t.Errorf("the right password is there: %v", err)
	}
	cfg.SASL = SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}
	checkAccess(t, cfg)
}

// SetAccess holds from the next connection on.
func TestSetAccess(t *testing.T) {
	b := broker(t, 1, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "secret-word"))
	cfg := testConfig(b.ListenAddrs())
	cfg.SASL = SASL{Mechanism: "plain", User: "alice", Password: "old"}
	c := client(t, cfg)
	if _, err := c.ClusterID(deadline(t)); err == nil {
		t.Fatal("an old password was let in")
	}
	c.SetAccess(Access{SASL: SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}})
	if err := reconnected(t, c); err != nil {
		t.Error(err)
	}
}

// tokens is a server of OAuth tokens by client credentials, as many as are
// asked for.
type tokens struct {
	*httptest.Server
	secret   string
	lifetime time.Duration
	status   int
	given    atomic.Int32
}

func tokenServer(t *testing.T) *tokens {
	s := &tokens{secret: "the-client-secret", lifetime: time.Hour}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		switch {
		case s.status != 0:
			w.WriteHeader(s.status)
		case secret != s.secret:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":"not %s"}`, secret)
		default:
			now := time.Now()
			claims, err := json.Marshal(map[string]any{"sub": id, "scope": r.FormValue("scope"), "jti": s.given.Add(1),
				"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(s.lifetime).Unix()})
			if err != nil {
				t.Error(err)
			}
			encode := base64.RawURLEncoding.EncodeToString
			fmt.Fprintf(w, `{"access_token":"%s.%s.","token_type":"Bearer","expires_in":%d}`,
				encode([]byte(`{"alg":"none"}`)), encode(claims), int(max(s.lifetime, time.Minute).Seconds()))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// OAUTHBEARER fetches a token with the client's credentials, keeps it while it
// is valid, fetches another for another secret, and says what was refused
// without what was sent.
func TestOAuthBearer(t *testing.T) {
	s := tokenServer(t)
	l := &login{cfg: SASL{Mechanism: "oauthbearer", User: "me", Password: s.secret, TokenURL: s.URL,
		Scopes: []string{"kafka"}}}
	start := func() (string, error) {
		m, err := l.mechanism(t.Context())
		if err != nil {
			return "", err
		}
		_, hello, err := m.Start(t.Context())
		return string(hello), err
	}
	hello, err := start()
	if err != nil || !strings.HasPrefix(hello, "n,,\x01auth=Bearer ") || !strings.HasSuffix(hello, "\x01\x01") {
		t.Fatalf("got %q, %v", hello, err)
	}
	if again, err := start(); err != nil || again != hello || s.given.Load() != 1 {
		t.Errorf("a valid token was fetched again: %v", err)
	}
	s.secret, l.cfg.Password = "another-secret", "another-secret"
	if again, err := start(); err != nil || again == hello {
		t.Errorf("another secret: got the old token, %v", err)
	}
	l.cfg.Password = "a-wrong-secret"
	if _, err := start(); classOf(err) != "permanent" || strings.Contains(err.Error(), "a-wrong-secret") ||
		!strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("a wrong secret: got %v (%s); want permanent, without the secret", err, classOf(err))
	}
	s.status = http.StatusBadGateway
	if _, err := start(); classOf(err) != "transient" || !strings.Contains(err.Error(), "got status 502") {
		t.Errorf("a server that fails: got %v (%s); want transient", err, classOf(err))
	}
	for challenge, want := range map[string]string{"": "", `{"status":"invalid_token"}`: "\x01"} {
		done, response, err := bearer{}.Next(t.Context(), []byte(challenge))
		if done != (challenge == "") || string(response) != want || err != nil {
			t.Errorf("challenge %q: got %t %q %v", challenge, done, response, err)
		}
	}
}

// AWS_MSK_IAM signs with the region and the credentials of the environment:
// the signature is that of the package's own test.
func TestMSKSignature(t *testing.T) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "ACCESS_KEY", "AWS_SECRET_ACCESS_KEY": "SECRET_KEY",
		"AWS_SESSION_TOKEN":         "",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/does/not/exist",
		"AWS_SHARED_CREDENTIALS_FILE": "/does/not/exist", "AWS_REGION": "", "AWS_DEFAULT_REGION": ""} {
		t.Setenv(name, value)
	}
	l := &login{cfg: SASL{Mechanism: "aws-msk-iam"}}
	if _, err := l.mechanism(t.Context()); err == nil || !strings.Contains(err.Error(), "kafka-region") {
		t.Errorf("no region: got %v", err)
	}
	l.cfg.Region = "us-east-1"
	m, err := l.mechanism(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	iam := m.(*aws_msk_iam_v2.Mechanism)
	iam.SignTime, iam.Expiry = time.Date(2021, 10, 14, 13, 5, 0, 0, time.UTC), 5*time.Minute
	_, raw, err := iam.Start(sasl.WithMetadata(t.Context(), &sasl.Metadata{Host: "localhost", Port: 9092}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	const want = "6b8d25f9b45b9c7db9da855a49112d80379224153a27fd279c305a5b7940d1a7"
	if got["x-amz-signature"] != want ||
		got["x-amz-credential"] != "ACCESS_KEY/20211014/us-east-1/kafka-cluster/aws4_request" {
		t.Errorf("got %v; want the signature %s", got, want)
	}
	c := client(t, testConfig([]string{"127.0.0.1:1"}))
	for i, want := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"} {
		c.SetAccess(Access{SASL: SASL{Mechanism: Mechanisms()[i]}})
		if got := (mechanism{c}).Name(); got != want {
			t.Errorf("%s: got the protocol's name %s; want %s", Mechanisms()[i], got, want)
		}
	}
}
