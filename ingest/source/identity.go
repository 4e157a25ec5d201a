package source

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// topicID is the id that a cluster gives a topic when it is made (KIP-516): one
// made again under the same name has another. All zero where there is none:
// before Kafka 2.8, and in what only speaks its protocol.
type topicID [16]byte

// String is Kafka's own form, as kafka-topics --describe shows it; "" for none.
func (t topicID) String() string {
	if t == (topicID{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(t[:])
}

// Versions of the requests that are written by hand because kafka-go's are older: a
// Metadata with the topic's id, and a Fetch that names the topic by it.
const (
	metadataWithID    = 10
	metadataNewest    = 12
	fetchByID         = 13
	apiVersionsByHand = 0
)

// handVersions is the newest version that a broker supports of the requests that are
// written by hand; 0 for none.
type handVersions struct{ metadata, fetch int16 }

// speaks returns what the broker behind a connection supports. kafka-go asks at each
// connection but does not tell, so it is asked once more for each broker's address.
func (c *Client) speaks(rw io.ReadWriter) (handVersions, error) {
	at := ""
	if conn, ok := rw.(interface{ RemoteAddr() net.Addr }); ok {
		at = conn.RemoteAddr().String()
	}
	c.mu.Lock()
	v, ok := c.versions[at]
	c.mu.Unlock()
	if ok && at != "" {
		return v, nil
	}
	res, err := exchangeByHand(rw, appendHeader(nil, protocol.ApiVersions, apiVersionsByHand, c.cfg.ClientID))
	if err != nil {
		return handVersions{}, err
	}
	r := wire{b: res}
	r.int32() // correlation id
	if err := codeError(r.int16()); err != nil {
		return handVersions{}, fmt.Errorf("ask for API versions: %w", err)
	}
	for n := r.int32(); n > 0 && !r.bad; n-- {
		key, oldest, newest := protocol.ApiKey(r.int16()), r.int16(), r.int16()
		switch {
		case key == protocol.Metadata && oldest <= metadataNewest && newest >= metadataWithID:
			v.metadata = min(newest, metadataNewest)
		case key == protocol.Fetch && oldest <= fetchByID && newest >= fetchByID:
			v.fetch = fetchByID
		}
	}
	if r.bad {
		return handVersions{}, fmt.Errorf("API versions in %d bytes: %w", len(res), io.ErrUnexpectedEOF)
	}
	c.mu.Lock()
	c.versions[at] = v
	c.mu.Unlock()
	return v, nil
}

// unlearn forgets the broker behind a connection that failed: its version may have
// changed.
func (c *Client) unlearn(rw io.ReadWriter) {
	if conn, ok := rw.(interface{ RemoteAddr() net.Addr }); ok {
		c.mu.Lock()
		delete(c.versions, conn.RemoteAddr().String())
		c.mu.Unlock()
	}
}

// described is what a broker says of the topic.
type described struct {
	id      topicID
	leaders map[int32]int32 // partition -> broker, -1 while there is none
}

// describe asks a broker about the topic: its id, where it has one, and the
// leaders of its partitions.
func (c *Client) describe(ctx context.Context) (described, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	var d described
	err := c.send(ctx, protocol.Metadata, anyBroker, func(rw io.ReadWriter, version int16) (err error) {
		d, err = c.describeOver(rw, version)
		if err != nil {
			c.unlearn(rw)
		}
		return err
	})
	if err != nil {
		return described{}, err
	}
	c.mu.Lock()
	c.leaders, c.topicID = d.leaders, d.id
	c.mu.Unlock()
	return d, nil
}

func (c *Client) describeOver(rw io.ReadWriter, version int16) (described, error) {
	knows, err := c.speaks(rw)
	if err != nil {
		return described{}, err
	}
	if knows.metadata >= metadataWithID {
		res, err := exchangeByHand(rw, appendMetadata(nil, knows.metadata, c.cfg.ClientID, c.cfg.Topic))
		if err != nil {
			return described{}, err
		}
		return parseMetadata(res, knows.metadata, c.cfg.Topic)
	}
	m, err := protocol.RoundTrip(rw, version, 1, c.cfg.ClientID, &metadata.Request{TopicNames: []string{c.cfg.Topic}})
	if err != nil {
		return described{}, err
	}
	res, ok := m.(*metadata.Response)
	if !ok {
		return described{}, fmt.Errorf("kafka answered Metadata with a %T", m)
	}
	for _, t := range res.Topics {
		if t.Name != c.cfg.Topic {
			continue
		}
		if err := codeError(t.ErrorCode); err != nil {
			return described{}, err
		}
		d := described{leaders: make(map[int32]int32, len(t.Partitions))}
		for _, p := range t.Partitions {
			d.leaders[p.PartitionIndex] = p.LeaderID
		}
		return d, nil
	}
	return described{}, ErrNoTopic
}

// flight is one request for the topic's id, shared by all that wait for it.
type flight struct {
	done chan struct{}
	id   topicID
	err  error
}

// TopicID asks the cluster for the topic's id now; "" when it has none. It is asked
// for each block of each partition, so callers share requests: a request that began
// before a call does not answer it, the next one does.
func (c *Client) TopicID(ctx context.Context) (string, error) {
	for fresh := false; ; fresh = true {
		c.mu.Lock()
		f := c.asking
		if f == nil {
			f = &flight{done: make(chan struct{})}
			c.asking = f
			c.mu.Unlock()
			d, err := c.describe(ctx)
			f.id, f.err = d.id, err
			c.mu.Lock()
			c.asking = nil
			c.mu.Unlock()
			close(f.done)
			if err != nil {
				return "", fmt.Errorf("read the id of topic %s: %w", c.cfg.Topic, err)
			}
			return d.id.String(), nil
		}
		c.mu.Unlock()
		select {
		case <-f.done:
			if fresh && f.err == nil {
				return f.id.String(), nil
			}
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// TopicID implements block.Partition.
func (o *owned) TopicID(ctx context.Context) (string, error) { return o.c.TopicID(ctx) }

// StampOf implements block.Partition. It has a reader of its own, as Fetch may
// run at the same time, and asks for the least that a broker sends: one batch.
func (o *owned) StampOf(ctx context.Context, offset int64) (unixMilli int64, ok bool, err error) {
	r := o.c.Reader(o.partition)
	r.bytes = 1
	b, err := r.Fetch(ctx, offset, 0)
	switch {
	case err != nil:
		return 0, false, err
	case len(b.Records) == 0 || b.Records[0].Offset != offset:
		return 0, false, nil
	}
	return b.Records[0].UnixMilli, true, nil
}

// exchangeByHand completes a request with its size in its first four bytes, sends it,
// and reads the response, which is small.
func exchangeByHand(rw io.ReadWriter, req []byte) ([]byte, error) {
	binary.BigEndian.PutUint32(req, uint32(len(req)-4))
	if _, err := rw.Write(req); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, err
	}
	const most = 64 << 20 // a topic of a million partitions
	n := int64(int32(binary.BigEndian.Uint32(head[:])))
	if n < 0 || n > most {
		return nil, fmt.Errorf("kafka answered with %d bytes; want at most %d", n, most)
	}
	res := make([]byte, n)
	_, err := io.ReadFull(rw, res)
	return res, err
}

// appendHeader begins a request: four bytes for its size, then the header that
// all versions share.
func appendHeader(b []byte, key protocol.ApiKey, version int16, client string) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, 0)
	b = be.AppendUint16(b, uint16(key))
	b = be.AppendUint16(b, uint16(version))
	b = be.AppendUint32(b, 1) // correlation id
	return appendString(b, client)
}

// noTags ends a structure of a flexible version: no tagged field follows.
const noTags = 0

// appendMetadata appends a Metadata request of version 10 to 12 for one topic.
func appendMetadata(b []byte, version int16, client, topic string) []byte {
	b = append(appendHeader(b, protocol.Metadata, version, client), noTags)
	b = append(b, 2)                  // topics: one, written plus one
	b = append(b, topicID{}.raw()...) // asked for by name
	b = binary.AppendUvarint(b, uint64(len(topic))+1)
	b = append(b, topic...)
	b = append(b, noTags)
	b = append(b, 0) // do not make the topic
	if version == metadataWithID {
		b = append(b, 0) // what we may do with the cluster is not asked
	}
	return append(b, 0, noTags) // nor with the topic
}

func (t topicID) raw() []byte { return t[:] }

// parseMetadata reads a Metadata response of version 10 to 12.
func parseMetadata(b []byte, version int16, topic string) (described, error) {
	r := wire{b: b}
	r.int32() // correlation id
	r.tags()
	r.int32() // throttled for
	for n := r.compact(); n > 0 && !r.bad; n-- {
		r.int32() // broker
		r.bytes(r.compact())
		r.int32()            // port
		r.bytes(r.compact()) // rack
		r.tags()
	}
	r.bytes(r.compact()) // cluster id
	r.int32()            // controller
	for n := r.compact(); n > 0 && !r.bad; n-- {
		code := r.int16()
		name := string(r.bytes(r.compact()))
		d := described{leaders: map[int32]int32{}}
		copy(d.id[:], r.bytes(len(d.id)))
		r.bytes(1) // internal
		for parts := r.compact(); parts > 0 && !r.bad; parts-- {
			r.int16() // why the leader or a replica is away
			p, leader := r.int32(), r.int32()
			d.leaders[p] = leader
			r.int32()     // leader epoch
			for range 3 { // replicas, in sync, offline
				r.bytes(4 * r.compact())
			}
			r.tags()
		}
		r.int32() // what we may do
		r.tags()
		if r.bad || name != topic {
			continue
		}
		if err := codeError(code); err != nil {
			return described{}, err
		}
		return d, nil
	}
	if r.bad {
		return described{}, fmt.Errorf("metadata response %d of %d bytes: %w", version, len(b), io.ErrUnexpectedEOF)
	}
	return described{}, ErrNoTopic
}

// appendFetchByID appends a Fetch request of version 13: as appendFetch's, of a
// topic named by its id. A broker whose log has another refuses it.
func appendFetchByID(b []byte, client string, topic topicID, a fetchAsk) []byte {
	be := binary.BigEndian
	start := len(b)
	b = append(appendHeader(b, protocol.Fetch, fetchByID, client), noTags)
	b = be.AppendUint32(b, 0xffffffff) // replica id: a consumer
	b = be.AppendUint32(b, uint32(a.wait.Milliseconds()))
	b = be.AppendUint32(b, 1) // min bytes
	b = be.AppendUint32(b, uint32(a.bytes))
	b = append(b, readCommitted)
	b = be.AppendUint32(b, 0)          // session id
	b = be.AppendUint32(b, 0xffffffff) // session epoch: none
	b = append(b, 2)                   // topics: one
	b = append(b, topic.raw()...)
	b = append(b, 2) // partitions: one
	b = be.AppendUint32(b, uint32(a.partition))
	b = be.AppendUint32(b, 0xffffffff) // leader epoch: not known
	b = be.AppendUint64(b, uint64(a.offset))
	b = be.AppendUint32(b, 0xffffffff)         // epoch of the last fetch: followers only
	b = be.AppendUint64(b, 0xffffffffffffffff) // log start: followers only
	b = be.AppendUint32(b, uint32(a.bytes))
	b = append(b, noTags, noTags)
	b = append(b, 1)         // forgotten topics: none
	b = append(b, 1, noTags) // rack: ""
	be.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// parseFetchByID reads a Fetch response of version 13, or only its head; the
// record set aliases it.
func parseFetchByID(b []byte, _ int16, head bool, partition int32, aborted []abortedTxn) (fetched, error) {
	r := wire{b: b}
	r.int32() // correlation id
	r.tags()
	r.int32() // throttled for
	if code := r.int16(); code != 0 {
		return fetched{aborted: aborted}, codeError(code)
	}
	r.int32() // session id
	for topics := r.compact(); topics > 0 && !r.bad; topics-- {
		r.bytes(len(topicID{}))
		for partitions := r.compact(); partitions > 0 && !r.bad; partitions-- {
			id := r.int32()
			p := fetched{code: r.int16(), aborted: aborted}
			p.high, p.stable = r.int64(), r.int64()
			r.int64() // start of the log
			for n := r.compact(); n > 0 && !r.bad; n-- {
				p.aborted = append(p.aborted, abortedTxn{producer: r.int64(), first: r.int64()})
				r.tags()
			}
			r.int32()                             // preferred replica
			if n := int(r.uvarint()) - 1; n > 0 { // none is written 0
				if head {
					n = min(n, len(r.b))
				}
				p.set = r.bytes(n)
			}
			if !r.bad && id == partition {
				return p, nil
			}
			r.tags()
		}
		r.tags()
	}
	if r.bad {
		return fetched{aborted: aborted}, fmt.Errorf("fetch response of %d bytes: %w", len(b), io.ErrUnexpectedEOF)
	}
	return fetched{aborted: aborted}, errNotAnswered(partition)
}

// compact reads the length of a string, an array or bytes in a flexible version, where
// it is written plus one; 0 stands for none.
func (w *wire) compact() int {
	n, size := binary.Uvarint(w.b)
	if size <= 0 || n > uint64(len(w.b)) { // an element takes a byte at least
		w.bad, w.b = true, nil
		return 0
	}
	w.b = w.b[size:]
	return max(int(n)-1, 0)
}

// tags skips the tagged fields that end a structure in a flexible version.
func (w *wire) tags() {
	for n := w.uvarint(); n > 0 && !w.bad; n-- {
		w.uvarint() // which
		w.bytes(int(w.uvarint()))
	}
}

func (w *wire) uvarint() uint64 {
	n, size := binary.Uvarint(w.b)
	if size <= 0 || n > 1<<31 {
		w.bad, w.b = true, nil
		return 0
	}
	w.b = w.b[size:]
	return n
}
