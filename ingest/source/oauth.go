package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// bearer is a token of OAUTHBEARER (RFC 7628), with the secret that it was
// fetched with.
type bearer struct {
	token  *oauth2.Token
	secret string
}

// oauth is OAUTHBEARER with a token by client credentials: the user is the
// client's id, the password its secret. A token is used until shortly before
// it expires, or until the secret changes.
func (l *login) oauth(ctx context.Context, secret string) (sasl.Mechanism, error) {
	if l.bearer.token.Valid() && l.bearer.secret == secret {
		return l.bearer, nil
	}
	cfg := clientcredentials.Config{ClientID: l.cfg.User, ClientSecret: secret, TokenURL: l.cfg.TokenURL,
		Scopes: l.cfg.Scopes}
	token, err := cfg.Token(ctx)
	if err != nil {
		return nil, tokenError(l.cfg.TokenURL, err)
	}
	l.bearer = bearer{token: token, secret: secret}
	return l.bearer, nil
}

// tokenError says who refused, without the body of the answer, which may repeat what
// was sent.
func tokenError(address string, err error) error {
	host := "the token server"
	if u, parsed := url.Parse(address); parsed == nil {
		host = u.Host
	}
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return fmt.Errorf("fetch a kafka token from %s: %w", host, err)
	}
	status := refused.Response.StatusCode
	if status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden {
		return permanent(fmt.Errorf("fetch a kafka token from %s: status %d %s: %w", host, status, refused.ErrorCode,
			kafka.SASLAuthenticationFailed), "kafka-user or kafka-password is not the token server's")
	}
	return fmt.Errorf("fetch a kafka token from %s: got status %d; want 200", host, status)
}

// Name implements sasl.Mechanism.
func (bearer) Name() string { return "OAUTHBEARER" }

// Start implements sasl.Mechanism.
func (b bearer) Start(context.Context) (sasl.StateMachine, []byte, error) {
	return b, []byte("n,,\x01auth=Bearer " + b.token.AccessToken + "\x01\x01"), nil
}

// Next implements sasl.StateMachine. A broker that refuses sends its reason as
// JSON, waits for a byte and fails then.
func (bearer) Next(_ context.Context, challenge []byte) (done bool, response []byte, err error) {
	if len(challenge) == 0 {
		return true, nil, nil
	}
	return false, []byte{1}, nil
}
