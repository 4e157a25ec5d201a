package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Some brokers refuse credentials by closing the connection without a word. One
// that goes away closes it as well, but not again and again: closing is a
// refusal once nobody has been let in for this long, over this many attempts.
const (
	closingPatience = 5 * time.Second
	closingAttempts = 3
)

// admission counts the authentications that were begun since one succeeded.
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
	bare := errors.Is(err, kafka.SASLAuthenticationFailed) && strings.HasSuffix(err.Error(), kafka.SASLAuthenticationFailed.Error())
	if !bare && !broken(err) {
		return classify(err)
	}
	if c.admission.refused() {
		return codeClass(kafka.SASLAuthenticationFailed, fmt.Errorf("the broker closes every connection while we authenticate: %w", err))
	}
	return fmt.Errorf("connection closed: %w", err)
}
