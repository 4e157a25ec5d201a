package source

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"statline/ingest/retry"
)

func grant(resource kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
	return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op,
		Allow: true}
}

// Promise: check finds every right that run needs, and says what to grant.
func TestCheckRights(t *testing.T) {
	read := grant(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationRead)
	describe := grant(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationDescribe)
	configs := grant(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationDescribeConfigs)
	look := grant(kmsg.ACLResourceTypeGroup, "g", kmsg.ACLOperationDescribe)
	join := grant(kmsg.ACLResourceTypeGroup, "g", kmsg.ACLOperationRead)
	for _, test := range []struct {
		name   string
		acls   []kfake.ACL
		policy bool
		says   string
	}{
		{"all", []kfake.ACL{read, describe, configs, look, join}, true, ""},
		{"allow-compacted", []kfake.ACL{read, describe, look, join}, false, ""},
		{"no DescribeConfigs", []kfake.ACL{read, describe, look, join}, true, "DescribeConfigs on the topic; or set allow-compacted"},
		{"no Read", []kfake.ACL{describe, configs, look, join}, true, "grant the user Read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := broker(t, 1, kfake.EnableSASL(), kfake.EnableACLs(),
				kfake.User("PLAIN", "alice", "secret-word", test.acls...))
			cfg := testConfig(b.ListenAddrs())
			cfg.SASL = SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}
			err := client(t, cfg).CheckRights(deadline(t), test.policy)
			if test.says == "" && err != nil || test.says != "" &&
				(classOf(err) != "permanent" || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v (%s); want %q", err, classOf(err), test.says)
			}
		})
	}
}

// Promise: what a broker's silence probably means is said, with what to set.
func TestProbablyMisconfigured(t *testing.T) {
	pair, ca, _ := certificate(t)
	user := SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}
	for _, test := range []struct {
		name   string
		broker []kfake.Opt
		tls    TLS
		sasl   SASL
		says   string
	}{
		{"no user", []kfake.Opt{kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "secret-word")}, TLS{}, SASL{}, "may want a user (kafka-sasl"},
		{"no TLS", []kfake.Opt{kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}})}, TLS{}, SASL{}, "TLS (kafka-tls)"},
		{"no TLS, with a user", []kfake.Opt{kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}), kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "secret-word")}, TLS{}, user, "TLS (kafka-tls)"},
		{"TLS to a plain port", nil, TLS{Enabled: true, CA: ca}, SASL{}, "may not use TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := broker(t, 1, test.broker...)
			cfg := testConfig(b.ListenAddrs())
			cfg.TLS, cfg.SASL, cfg.RequestTimeout = test.tls, test.sasl, 20*time.Second
			if _, err := client(t, cfg).ClusterID(deadline(t)); err == nil ||
				!strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v; want %q", err, test.says)
			}
		})
	}
}

// Promise: a password file that appears later is read.
func TestPasswordFileAppears(t *testing.T) {
	b := broker(t, 1, kfake.EnableSASL(), kfake.Superuser("PLAIN", "alice", "secret-word"))
	cfg := testConfig(b.ListenAddrs())
	path := filepath.Join(t.TempDir(), "password")
	cfg.SASL = SASL{Mechanism: "plain", User: "alice", PasswordFile: path}
	c := client(t, cfg)
	if _, err := c.ClusterID(deadline(t)); classOf(err) != "transient" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: got %v (%s); want transient, and the file named", err, classOf(err))
	}
	if err := os.WriteFile(path, []byte("secret-word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	for {
		_, err := c.ClusterID(ctx)
		if err == nil {
			break
		}
		if !retry.Sleep(ctx, settle) {
			t.Fatalf("with the file: got %v", err)
		}
	}
}

// Promise: a member whose right on the group is taken away says so, goes on
// trying, and is a member again when it has it back.
func TestGroupRightRevoked(t *testing.T) {
	b := broker(t, 1, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "root", "root-word"),
		kfake.User("PLAIN", "alice", "secret-word",
			grant(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationRead),
			grant(kmsg.ACLResourceTypeTopic, "access", kmsg.ACLOperationDescribe)))
	root := kadm.NewClient(producer(t, b.ListenAddrs(),
		kgo.SASL(plain.Auth{User: "root", Pass: "root-word"}.AsMechanism())))
	cfg := testConfig(b.ListenAddrs())
	cfg.SASL = SASL{Mechanism: "plain", User: "alice", Password: "secret-word"}
	revoked(t, root, cfg)
}

// revoked gives the user alice Read on the group, takes it away from a member
// until that has been refused when it joined again, and gives it back.
func revoked(t *testing.T, root *kadm.Client, cfg Config) {
	t.Helper()
	acl := kadm.NewACLs().Groups(cfg.Group).Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral).
		Allow("User:alice").AllowHosts("*")
	allow := func() {
		t.Helper()
		made, err := root.CreateACLs(deadline(t), acl)
		if err == nil && made[0].Err != nil {
			err = made[0].Err
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// Where nobody has a right, Kafka may be told to let everybody in.
	others := kadm.NewACLs().Groups(cfg.Group).Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral).
		Allow("User:bob").AllowHosts("*")
	if _, err := root.CreateACLs(deadline(t), others); err != nil {
		t.Fatal(err)
	}
	allow()
	in := join(t, cfg)
	settled(t, 1, in)
	if _, err := root.DeleteACLs(deadline(t), acl); err != nil {
		t.Fatal(err)
	}
	for ctx := deadline(t); ; {
		err := in.c.JoinError()
		if classOf(err) == "permanent" && strings.Contains(err.Error(), "grant the user Read on the consumer group") &&
			strings.HasPrefix(err.Error(), "join group") {
			break
		}
		if !retry.Sleep(ctx, settle) {
			t.Fatalf("without the right: got %v; want what to grant", err)
		}
	}
	allow()
	settled(t, 1, in)
	if err := in.c.JoinError(); err != nil {
		t.Errorf("with the right: got %v", err)
	}
}
