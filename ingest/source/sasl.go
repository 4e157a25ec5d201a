package source

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// The SASL mechanisms, by the name that a configuration gives them.
const (
	saslPlain  = "plain"
	saslSHA256 = "scram-sha-256"
	saslSHA512 = "scram-sha-512"
	saslOAuth  = "oauthbearer"
	saslMSK    = "aws-msk-iam"
)

// Mechanisms lists the SASL mechanisms.
func Mechanisms() []string { return []string{saslPlain, saslSHA256, saslSHA512, saslOAuth, saslMSK} }

// mechanism gives each connection the credentials that are current when it is opened.
type mechanism struct{ c *Client }

// Name implements sasl.Mechanism.
func (m mechanism) Name() string {
	name := m.c.access.Load().SASL.Mechanism
	if name == saslMSK {
		return "AWS_MSK_IAM"
	}
	return strings.ToUpper(name)
}

// Start implements sasl.Mechanism.
func (m mechanism) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	inner, err := m.c.access.Load().login.mechanism(ctx)
	if err != nil {
		return nil, nil, err
	}
	m.c.admission.begin()
	session, state, err := inner.Start(ctx)
	return countedSession{session, &m.c.admission}, state, err
}

// login makes mechanisms from a configuration, and keeps what they fetched.
type login struct {
	cfg SASL
	mu  sync.Mutex

	bearer bearer
	aws    sasl.Mechanism
}

func (l *login) mechanism(ctx context.Context) (sasl.Mechanism, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cfg.Mechanism == saslMSK {
		return l.msk(ctx)
	}
	password, err := l.cfg.password()
	if err != nil {
		return nil, err
	}
	switch l.cfg.Mechanism {
	case saslPlain:
		return plain.Mechanism{Username: l.cfg.User, Password: password}, nil
	case saslSHA256:
		return scramMechanism(scram.SHA256, l.cfg.User, password)
	case saslSHA512:
		return scramMechanism(scram.SHA512, l.cfg.User, password)
	}
	return l.oauth(ctx, password)
}

// password is the configured one, or what the file holds now.
func (s SASL) password() (string, error) {
	if s.PasswordFile == "" {
		return s.Password, nil
	}
	raw, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read kafka password file: %w", err)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}

func scramMechanism(algorithm scram.Algorithm, user, password string) (sasl.Mechanism, error) {
	m, err := scram.Mechanism(algorithm, user, password)
	if err != nil {
		// The library's error may quote what it refused.
		return nil, &configError{fmt.Errorf("kafka password of user %q: not usable with %s", user, algorithm.Name())}
	}
	return m, nil
}
