package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Some brokers refuse credentials by closing the connection without an answer. A
// broker that goes away closes it too, but not again and again: it is a refusal when
// no authentication has succeeded for this long, over this many attempts.
const (
	closingPatience = 5 * time.Second
	closingAttempts = 3
)

// admission counts the authentications begun since the last that succeeded.
type admission struct {
	mu    sync.Mutex
	begun int
	since time.Time
}

func (a *admission) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun++; a.begun == 1 {
		a.since = time.Now()
	}
}

func (a *admission) succeed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun = 0
}

// refused reports whether brokers that close connections refuse us.
func (a *admission) refused() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.begun >= closingAttempts && time.Since(a.since) >= closingPatience
}

// countedSession is an authentication that is counted.
type countedSession struct {
	sasl.StateMachine
	admission *admission
}

// Next implements sasl.StateMachine.
func (s countedSession) Next(ctx context.Context, challenge []byte) (done bool, response []byte, err error) {
	if done, response, err = s.StateMachine.Next(ctx, challenge); done && err == nil {
		s.admission.succeed()
	}
	return done, response, err
}

// connected marks an error of an exchange. kafka-go turns some connections that
// were closed during authentication into a bare SASL_AUTHENTICATION_FAILED; one
// that a broker sent has a reason.
func (c *Client) connected(err error) error {
	bare := errors.Is(err, kafka.SASLAuthenticationFailed) &&
		strings.HasSuffix(err.Error(), kafka.SASLAuthenticationFailed.Error())
	if !bare && !broken(err) {
		return classify(err)
	}
	if c.admission.refused() {
		return codeClass(kafka.SASLAuthenticationFailed,
			fmt.Errorf("the broker closes every connection while we authenticate: %w", err))
	}
	if errors.Is(err, errNoHandshake) {
		return err // it says what that may mean
	}
	return fmt.Errorf("connection closed: %w%s", err, c.hint())
}

// hint says what a broker that closes connections and has never answered probably
// expects, given the client's configuration.
func (c *Client) hint() string {
	if c.answered.Load() {
		return ""
	}
	a := c.access.Load()
	switch {
	case a.SASL.Mechanism == "" && !a.TLS.Enabled:
		return "; the broker's listener may want a user (kafka-sasl, kafka-user, kafka-password) or TLS (kafka-tls)"
	case a.SASL.Mechanism == "":
		return "; the broker's listener may want a user (kafka-sasl, kafka-user, kafka-password) or a client's certificate (kafka-cert, kafka-key)"
	case !a.TLS.Enabled:
		return "; the broker's listener may want TLS (kafka-tls), no user, or another kafka-sasl"
	}
	return "; the broker's listener may want no user, or another kafka-sasl"
}

// errSpeaksTLS says that a broker answered a plain request in TLS.
var errSpeaksTLS = errors.New("the broker's listener speaks TLS")

// plainConn is a connection without TLS that checks the first byte of the answer. An
// answer begins with its size, so 21, the type of a TLS alert, would mean at least 350
// MB, which no broker sends first.
type plainConn struct {
	net.Conn
	looked bool
}

// Read implements io.Reader.
func (p *plainConn) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if n > 0 && !p.looked {
		p.looked = true
		if b[0] == tlsAlert {
			return 0, permanent(errSpeaksTLS, "set kafka-tls, and kafka-ca when its authority is your own")
		}
	}
	return n, err
}

const tlsAlert = 21
