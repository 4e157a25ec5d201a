package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// anyBroker routes a request to whichever broker of the configured list
// answers.
const anyBroker int32 = -1

// exchange is a request to one broker over a connection of kafka-go's
// Transport. It implements protocol.RawExchanger, which hands it the raw
// connection, after TLS and SASL, for its own turn on it; and
// protocol.BrokerMessage, which lets it choose the broker.
//
// The Transport leaves a request running when the caller's context ends. An
// exchange aborts it instead (the connection's deadline is set into the past,
// so it closes) and run does not return before do has: memory that do writes
// to is the caller's again.
type exchange struct {
	key    protocol.ApiKey
	broker int32
	do     func(rw io.ReadWriter, version int16) error

	ctx     context.Context
	version int16
	ended   chan struct{}
	mu      sync.Mutex
	started bool
	gone    bool // the caller has left before it was started
}

var (
	_ protocol.RawExchanger  = (*exchange)(nil)
	_ protocol.BrokerMessage = (*exchange)(nil)
)

// ApiKey implements protocol.Message.
func (x *exchange) ApiKey() protocol.ApiKey { return x.key }

// Broker implements protocol.BrokerMessage.
func (x *exchange) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: x.broker}, nil
}

// Required implements protocol.RawExchanger: always, and it is where the
// connection's version of the API is learned.
func (x *exchange) Required(versions map[protocol.ApiKey]int16) bool {
	x.version = versions[x.key]
	return true
}

// RawExchange implements protocol.RawExchanger. It returns the exchange
// itself as the response: the Transport looks at the types of some responses.
func (x *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	x.mu.Lock()
	gone := x.gone
	x.started = !gone
	x.mu.Unlock()
	if gone {
		return nil, context.Canceled
	}
	defer close(x.ended)
	stop := func() bool { return true }
	if conn, ok := rw.(interface{ SetDeadline(time.Time) error }); ok {
		stop = context.AfterFunc(x.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	}
	err := x.do(rw, x.version)
	if !stop() && err == nil {
		// The deadline may be set at any moment: the connection must not be
		// used again.
		err = context.Cause(x.ctx)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

func (x *exchange) run(ctx context.Context, c *Client) error {
	x.ctx = ctx
	x.ended = make(chan struct{})
	_, err := c.connect().RoundTrip(ctx, c.addr, x)
	x.mu.Lock()
	started := x.started
	x.gone = true
	x.mu.Unlock()
	if started {
		<-x.ended
	}
	if err == nil {
		c.answered.Store(true)
		return nil
	}
	err = c.connected(err)
	// The connection's error may come before the context's: name the reason.
	reason := ctx.Err()
	if at, ok := ctx.Deadline(); ok && reason == nil && !time.Now().Before(at) {
		reason = context.DeadlineExceeded
	}
	if reason != nil && !errors.Is(err, reason) {
		return fmt.Errorf("%w: %w", reason, err)
	}
	return err
}

// send runs do on a connection to the broker. A connection that died while idle in the
// pool is not the caller's concern: one such failure is retried at once.
func (c *Client) send(ctx context.Context, key protocol.ApiKey, broker int32,
	do func(io.ReadWriter, int16) error) error {
	for attempt := 0; ; attempt++ {
		x := &exchange{key: key, broker: broker, do: do}
		err := x.run(ctx, c)
		if err == nil || attempt > 0 || ctx.Err() != nil || !broken(err) {
			return err
		}
	}
}

func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// call sends one of kafka-go's messages to a broker and returns the response. It takes
// at most wait, the time that the broker may take on purpose, plus the configured
// request timeout.
func call[R protocol.Message](ctx context.Context, c *Client, broker int32, wait time.Duration,
	req protocol.Message) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+c.cfg.RequestTimeout)
	defer cancel()
	var res R
	err := c.send(ctx, req.ApiKey(), broker, func(rw io.ReadWriter, version int16) error {
		if p, ok := req.(protocol.PreparedMessage); ok {
			p.Prepare(version)
		}
		m, err := protocol.RoundTrip(rw, version, 1, c.cfg.ClientID, req)
		if err != nil {
			return err
		}
		r, ok := m.(R)
		if !ok {
			return fmt.Errorf("kafka answered %v with a %T", req.ApiKey(), m)
		}
		res = r
		return nil
	})
	return res, err
}

// callCode sends a request of version 0 whose response is an error code only.
// Heartbeat and LeaveGroup are sent this way because kafka-go v0.4.51 reads
// the fields of their later responses in the wrong order and so loses the
// error code; brokers keep version 0 of both.
func (c *Client) callCode(ctx context.Context, key protocol.ApiKey, broker int32, body []byte) (int16, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	var code int16
	err := c.send(ctx, key, broker, func(rw io.ReadWriter, _ int16) error {
		res, err := exchangeByHand(rw, append(appendHeader(nil, key, 0, c.cfg.ClientID), body...))
		if err != nil {
			return err
		}
		if len(res) != 6 { // correlation id, code
			return fmt.Errorf("kafka answered %v with %d bytes; want 6", key, len(res))
		}
		code = int16(binary.BigEndian.Uint16(res[4:]))
		return nil
	})
	return code, err
}
