package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// Access is how a client proves who it is and whom it trusts. Files are read at each
// connection: new certificates and passwords are used from the next connection on, and
// a file that appears late is found.
type Access struct {
	TLS  TLS
	SASL SASL
}

// SetAccess replaces the credentials; connections that are open stay open.
func (c *Client) SetAccess(a Access) { c.access.Store(newAccess(a)) }

// access is an Access with what it has fetched so far.
type access struct {
	Access
	login login
}

func newAccess(a Access) *access { return &access{Access: a, login: login{cfg: a.SASL}} }

// open connects to a broker, with TLS if configured.
func (c *Client) open(ctx context.Context, network, address string) (net.Conn, error) {
	a := c.access.Load()
	if _, err := a.SASL.password(); err != nil { // report it before waiting for the broker
		return nil, err
	}
	cfg := a.TLS
	if !cfg.Enabled {
		conn, err := c.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &plainConn{Conn: conn}, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("connect to kafka broker %s: %w", address, err)
	}
	conf, err := cfg.config(host)
	if err != nil {
		return nil, err
	}
	raw, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, conf)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error says more
		if broken(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("%w: %w; its listener may not use TLS; if so, unset kafka-tls, kafka-ca and kafka-cert",
				errNoHandshake, err)
		}
		return nil, fmt.Errorf("TLS with kafka broker %s: %w", address, err)
	}
	return conn, nil
}

// errNoHandshake says that a broker did not answer in TLS.
var errNoHandshake = errors.New("no handshake")

// config reads the files; host is the broker's.
func (t TLS) config(host string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.ServerName != "" {
		conf.ServerName = t.ServerName
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read kafka CA: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read kafka CA %s: no certificate in it", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("read kafka client certificate %s: %w", t.Cert, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
