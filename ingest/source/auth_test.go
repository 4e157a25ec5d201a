package source

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// certificate makes a self-signed certificate for 127.0.0.1 and writes it to
// files: the certificate alone, and, for a broker, the key with it.
func certificate(t *testing.T) (pair tls.Certificate, caFile, brokerFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "statline test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	if pair, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	caFile = file(t, "ca.pem", string(certPEM))
	return pair, caFile, file(t, "broker.pem", string(keyPEM)+string(certPEM))
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// checkAccess makes the configuration's good credentials pass, in a group and
// in a fetch.
func checkAccess(t *testing.T, cfg Config) {
	t.Helper()
	c := client(t, cfg)
	if _, err := c.Partitions(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reader(0).Fetch(deadline(t), 0, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	in := run(t, c)
	settled(t, 1, in)
	in.leave()
}

// checkRefused makes a wrong password fail without the password in the error.
func checkRefused(t *testing.T, cfg Config) error {
	t.Helper()
	const wrong = "not-the-password"
	cfg.SASL.PasswordFile = file(t, "wrong", wrong)
	_, err := client(t, cfg).ClusterID(deadline(t))
	if err == nil || strings.Contains(err.Error(), wrong) {
		t.Errorf("wrong password: got %v", err)
	}
	return err
}

// Each mechanism, in clear and under TLS.
func TestSASL(t *testing.T) {
	pair, ca, _ := certificate(t)
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		for _, secure := range []bool{false, true} {
			name := mechanism
			opts := []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(strings.ToUpper(mechanism), "alice", "secret-word")}
			if secure {
				name += " over TLS"
				opts = append(opts, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))
			}
			t.Run(name, func(t *testing.T) {
				b := broker(t, 1, opts...)
				cfg := testConfig(b.ListenAddrs())
				cfg.TLS = TLS{Enabled: secure, CA: ca}
				cfg.SASL = SASL{Mechanism: mechanism, User: "alice", PasswordFile: file(t, "password", "secret-word\n")}
				checkAccess(t, cfg)
				// This broker closes the connection without a reason, as one does
				// that goes away; Apache Kafka gives one, see the tests against it.
				if err := checkRefused(t, cfg); classOf(err) != "transient" {
					t.Errorf("wrong password, at first: got %v (%s); want transient", err, classOf(err))
				}
			})
		}
	}
}

// A broker that goes on closing connections during authentication refuses the
// password; one success proves that it does not.
func TestClosedWithoutAReason(t *testing.T) {
	cfg := testConfig([]string{"127.0.0.1:1"})
	c := client(t, cfg)
	for _, closed := range []error{kafka.SASLAuthenticationFailed, io.ErrUnexpectedEOF} {
		c.admission.succeed()
		for range closingAttempts {
			c.admission.begin()
		}
		if err := c.connected(closed); classOf(err) != "transient" {
			t.Errorf("at first: got %v (%s); want transient", err, classOf(err))
		}
		c.admission.since = time.Now().Add(-closingPatience)
		if err := c.connected(closed); classOf(err) != "permanent" || !strings.Contains(err.Error(), "kafka-password") {
			t.Errorf("for a while: got %v (%s); want permanent, and what to do", err, classOf(err))
		}
		c.admission.succeed()
		if err := c.connected(closed); classOf(err) != "transient" {
			t.Errorf("after a success: got %v (%s); want transient", err, classOf(err))
		}
	}
	said := fmt.Errorf("dial: %w: Authentication failed: Invalid username or password", kafka.SASLAuthenticationFailed)
	if err := client(t, cfg).connected(said); classOf(err) != "permanent" {
		t.Errorf("with a reason: got %v (%s); want permanent", err, classOf(err))
	}
}

// A right that is missing is permanent, and the error says which.
func TestMissingRights(t *testing.T) {
	right := func(resource kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op,
			Allow: true}
	}
	read := right(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationRead)
	describe := right(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationDescribe)
	for _, test := range []struct {
		name string
		acls []kfake.ACL
		ask  func(*Client) error
		says string
	}{
		{"topic", nil, func(c *Client) error { _, err := c.Partitions(deadline(t)); return err }, "grant the user Read, Describe"},
		{"fetch", []kfake.ACL{describe}, func(c *Client) error {
			_, err := c.Reader(0).Fetch(deadline(t), 0, time.Millisecond)
			return err
		}, "grant the user Read, Describe"},
		{"topic's configuration", []kfake.ACL{read, describe}, func(c *Client) error { _, err := c.Compacted(deadline(t)); return err }, "allow-compacted"},
		{"group", []kfake.ACL{read, describe}, func(c *Client) error {
			return c.RunGroup(deadline(t), func(context.Context, *Generation) error { return nil })
		}, "Read on the consumer group"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := broker(t, 1, kfake.EnableSASL(), kfake.EnableACLs(),
				kfake.User("PLAIN", "alice", "secret-word", test.acls...))
			cfg := testConfig(b.ListenAddrs())
			cfg.SASL = SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}
			if err := test.ask(client(t, cfg)); classOf(err) != "permanent" ||
				!strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v (%s); want permanent, %q", err, classOf(err), test.says)
			}
		})
	}
}

// A broker whose certificate nobody vouches for is refused for good.
func TestUnknownAuthority(t *testing.T) {
	pair, ca, _ := certificate(t)
	b := broker(t, 1, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))
	cfg := testConfig(b.ListenAddrs())
	cfg.TLS = TLS{Enabled: true, CA: ca}
	if _, err := client(t, cfg).ClusterID(deadline(t)); err != nil {
		t.Fatal(err)
	}
	_, cfg.TLS.CA, _ = certificate(t)
	if _, err := client(t, cfg).ClusterID(deadline(t)); classOf(err) != "permanent" {
		t.Errorf("another CA: got %v (%s); want permanent", err, classOf(err))
	}
}

// A file that is missing is said when it is needed, not by New.
func TestMissingFiles(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"kafka CA": func(c *Config) { c.TLS = TLS{Enabled: true, CA: "/does/not/exist"} },
		"kafka password": func(c *Config) {
			c.SASL = SASL{Mechanism: "plain", User: "u", PasswordFile: "/does/not/exist"}
		},
	} {
		cfg := testConfig([]string{"127.0.0.1:1"})
		change(&cfg)
		_, err := client(t, cfg).ClusterID(deadline(t))
		if classOf(err) != "transient" || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v (%s); want transient: it may appear", name, err, classOf(err))
		}
	}
}

// A configuration that cannot work is refused with what was got and what is
// wanted.
func TestConfigRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"no brokers":                func(c *Config) { c.Brokers = nil },
		"no topic":                  func(c *Config) { c.Topic = "" },
		`from "now"; want earliest`: func(c *Config) { c.From = "now" },
		`mechanism "kerberos"; want one of plain`: func(c *Config) { c.SASL.Mechanism = "kerberos" },
		"third of the session timeout":            func(c *Config) { c.HeartbeatInterval = c.SessionTimeout },
		"at least the session timeout":            func(c *Config) { c.RebalanceTimeout = time.Second },
		"fetch bytes 0":                           func(c *Config) { c.FetchBytes = 0 },
		"fetch limit 10":                          func(c *Config) { c.FetchLimit = 10 },
	} {
		cfg := testConfig([]string{"127.0.0.1:1"})
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
}
