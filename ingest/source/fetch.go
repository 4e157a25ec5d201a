package source

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// settle is the pause before a request is repeated that met a cluster in the middle of
// a change.
const settle = 100 * time.Millisecond

// Reader reads one partition, one fetch at a time; it is made for one
// goroutine. It needs no group, so it can read any range again.
//
// Each partition fetches on its own, over a connection of its own while the
// fetch lasts: an idle partition's wait delays nobody, a slow reader holds
// back only its own partition, and its memory is its own. The price is one
// connection and one request per wait and partition, which brokers take by
// the thousand; a fetch session shared by all partitions would save that and
// tie their progress and buffers together.
type Reader struct {
	c         *Client
	partition int32
	at        partitionName

	buf       []byte // the response; the record set and the records alias it
	req       []byte
	aborted   []abortedTxn
	want      int // fetch bytes for a batch that did not fit, 0 none
	decode    decoder
	stable    int64
	high      int64  // the high watermark
	topic     string // the topic's id that the fetch named, "" when it named the topic
	bytes     int    // what a fetch asks for; 0: the client's fetch bytes
	setBefore int    // bytes of the record set not handed out yet
}

// partitionName is topic/partition in errors.
type partitionName struct {
	topic string
	id    int32
}

func (n partitionName) String() string { return fmt.Sprintf("%s/%d", n.topic, n.id) }

// Reader returns a reader of one partition, whoever owns it.
func (c *Client) Reader(partition int32) *Reader {
	return &Reader{
		c: c, partition: partition, at: partitionName{c.cfg.Topic, partition},
		decode: decoder{
			maxBytes:   c.cfg.BatchBytes,
			maxRecords: c.cfg.BatchRecords,
			maxValue:   c.cfg.RecordLimit,
			codecs:     codecs{limit: c.cfg.RecordLimit},
		},
	}
}

// Fetch reads from offset, waiting at most maxWait for data; see block.Partition.
// Records are valid until the next call. An error's class says what to do: Fetch
// itself retries only after a stale connection or a leader that has just moved.
func (r *Reader) Fetch(ctx context.Context, offset int64, maxWait time.Duration) (block.Fetch, error) {
	if r.decode.pending(offset) {
		if b, ok, err := r.next(offset); ok || err != nil {
			return b, err
		}
	}
	for attempt := 0; ; attempt++ {
		err := r.fetch(ctx, offset, maxWait)
		if err == nil {
			r.c.stats.fetches.Add(1)
			break
		}
		r.c.stats.fetchErrors.Add(1)
		if attempt > 0 || ctx.Err() != nil || !moved(err) || !retry.Sleep(ctx, settle) {
			return block.Fetch{}, fmt.Errorf("fetch %v at offset %d: %w", r.at, offset, err)
		}
	}
	b, ok, err := r.next(offset)
	if ok || err != nil {
		return b, err
	}
	switch need := r.decode.missing(); {
	case need <= r.c.cfg.FetchLimit:
		r.want = need
	case !r.decode.passBy(need):
		return block.Fetch{}, fmt.Errorf("fetch %v: %w", r.at, &CorruptError{Offset: offset,
			Reason: fmt.Sprintf("%d bytes are more than the fetch limit of %d", need, r.c.cfg.FetchLimit)})
	default:
		b, _, err = r.next(offset)
	}
	return b, err
}

// next makes a result of what the decoder has; ok says whether it goes beyond offset.
func (r *Reader) next(offset int64) (block.Fetch, bool, error) {
	records, next, ok, err := r.decode.decode()
	if err != nil {
		return block.Fetch{}, false, fmt.Errorf("decode %v: %w", r.at, err)
	}
	left := len(r.decode.set)
	b := block.Fetch{
		Records: records, Next: next, TopicID: r.topic, LastStable: r.stable,
		HighWatermark: r.high,
		Holes:         next - offset - int64(len(records)), WireBytes: r.setBefore - left,
	}
	r.setBefore = left
	r.c.stats.records.Add(int64(len(records)))
	r.c.stats.holes.Add(b.Holes)
	r.c.stats.wireBytes.Add(int64(b.WireBytes))
	return b, ok, nil
}

// moved reports that the partition's leader is or soon will be elsewhere.
func moved(err error) bool {
	return errors.Is(err, kafka.NotLeaderForPartition) || errors.Is(err, kafka.UnknownTopicOrPartition) ||
		errors.Is(err, kafka.LeaderNotAvailable) || errors.Is(err, kafka.ReplicaNotAvailable) ||
		errors.Is(err, kafka.FencedLeaderEpoch) || errors.Is(err, kafka.UnknownLeaderEpoch) ||
		errors.Is(err, kafka.BrokerNotAvailable) ||
		errors.Is(err, kafka.UnknownTopicID) || errors.Is(err, kafka.InconsistentTopicID)
}

// fetch asks the partition's leader and gives the record set to the decoder.
func (r *Reader) fetch(ctx context.Context, offset int64, maxWait time.Duration) error {
	r.decode.start(nil, nil, offset)
	r.setBefore = 0
	leader, topic, err := r.c.leader(ctx, r.partition)
	if err != nil {
		return err
	}
	size := int(r.c.fetchBytes.Load())
	if r.bytes > 0 {
		size = r.bytes
	}
	size = max(size, r.want)
	ctx, cancel := context.WithTimeout(ctx, maxWait+r.c.cfg.RequestTimeout)
	defer cancel()
	var res []byte
	var version int16
	err = r.c.send(ctx, protocol.Fetch, leader, func(rw io.ReadWriter, v int16) (err error) {
		defer func() {
			if err != nil && !errors.Is(err, errHead) {
				r.c.unlearn(rw)
			}
		}()
		version, err = r.ask(rw, v, topic, fetchAsk{
			topic: r.c.cfg.Topic, partition: r.partition, offset: offset,
			wait: maxWait, bytes: size,
		})
		if err != nil {
			return err
		}
		res, err = r.read(rw, size)
		return err
	})
	head := errors.Is(err, errHead)
	if err != nil && !head {
		if again(err) {
			r.c.forgetLeader(r.partition)
		}
		return err
	}
	parse, named := parseFetch, ""
	if version == fetchByID {
		parse, named = parseFetchByID, topic.String()
	}
	p, err := parse(res, version, head, r.partition, r.aborted[:0])
	if err == nil {
		err = codeError(p.code)
	}
	r.aborted = p.aborted
	if err != nil {
		if again(err) {
			r.c.forgetLeader(r.partition)
		}
		return err
	}
	r.want = 0
	r.topic, r.stable, r.high = named, p.stable, p.high
	r.setBefore = len(p.set)
	r.decode.start(p.set, p.aborted, offset)
	return nil
}

// errHead ends an exchange whose response is too large: its beginning is read, and the
// connection is dropped with the rest.
var errHead = errors.New("only the beginning of the response is read")

// headBytes is how much of such a response is read: its envelope, and the header of
// its first batch.
const headBytes = 64 << 10

// ask sends the request: with the topic's id when the cluster has told it and the
// leader accepts it, else with its name.
func (r *Reader) ask(rw io.ReadWriter, version int16, topic topicID, a fetchAsk) (int16, error) {
	knows, err := r.c.speaks(rw)
	switch {
	case err != nil:
		return 0, err
	case topic != topicID{} && knows.fetch == fetchByID:
		version = fetchByID
		r.req = appendFetchByID(r.req[:0], r.c.cfg.ClientID, topic, a)
	case version < 4 || version > 11:
		return 0, fmt.Errorf("%w: fetch version %d; want 4 to 11, or %d", kafka.UnsupportedVersion, version, fetchByID)
	default:
		r.req = appendFetch(r.req[:0], version, r.c.cfg.ClientID, a)
	}
	_, err = rw.Write(r.req)
	return version, err
}

// read reads a response into the reader's buffer.
func (r *Reader) read(rd io.Reader, size int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(rd, head[:]); err != nil {
		return nil, err
	}
	n := int64(int32(binary.BigEndian.Uint32(head[:])))
	if n < 0 {
		return nil, fmt.Errorf("fetch response of %d bytes", n)
	}
	// The limit is for the record set; the envelope around it is small.
	var whole error
	if n > int64(r.c.cfg.FetchLimit)+headBytes {
		n, whole = headBytes, errHead
	}
	usual := size + 4<<10
	if int64(cap(r.buf)) < n || cap(r.buf) > 4*max(usual, int(n)) {
		r.buf = make([]byte, max(int(n), min(usual, r.c.cfg.FetchLimit)))
	}
	buf := r.buf[:n]
	if _, err := io.ReadFull(rd, buf); err != nil {
		return nil, err
	}
	return buf, whole
}

const readCommitted = byte(kafka.ReadCommitted)

type fetchAsk struct {
	topic     string
	partition int32
	offset    int64
	wait      time.Duration
	bytes     int
}

// appendFetch appends a Fetch request of version 4 to 11: read_committed, one
// partition, no session.
func appendFetch(b []byte, version int16, client string, a fetchAsk) []byte {
	be := binary.BigEndian
	start := len(b)
	b = appendHeader(b, protocol.Fetch, version, client)
	b = be.AppendUint32(b, 0xffffffff) // replica id: a consumer
	b = be.AppendUint32(b, uint32(a.wait.Milliseconds()))
	b = be.AppendUint32(b, 1) // min bytes
	b = be.AppendUint32(b, uint32(a.bytes))
	b = append(b, readCommitted)
	if version >= 7 {
		b = be.AppendUint32(b, 0)          // session id
		b = be.AppendUint32(b, 0xffffffff) // session epoch: none
	}
	b = be.AppendUint32(b, 1)
	b = appendString(b, a.topic)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(a.partition))
	if version >= 9 {
		b = be.AppendUint32(b, 0xffffffff) // leader epoch: not known
	}
	b = be.AppendUint64(b, uint64(a.offset))
	if version >= 5 {
		b = be.AppendUint64(b, 0xffffffffffffffff) // log start: followers only
	}
	b = be.AppendUint32(b, uint32(a.bytes))
	if version >= 7 {
		b = be.AppendUint32(b, 0) // forgotten topics
	}
	if version >= 11 {
		b = appendString(b, "") // rack
	}
	be.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// fetched is one partition of a Fetch response.
type fetched struct {
	code         int16
	high, stable int64
	aborted      []abortedTxn
	set          []byte
}

// parseFetch reads a Fetch response of version 4 to 11, or only its head; the
// record set aliases it.
func parseFetch(b []byte, version int16, head bool, partition int32, aborted []abortedTxn) (fetched, error) {
	r := wire{b: b}
	r.int32() // correlation id
	r.int32() // throttled for
	if version >= 7 {
		if code := r.int16(); code != 0 {
			return fetched{aborted: aborted}, codeError(code)
		}
		r.int32() // session id
	}
	for topics := r.int32(); topics > 0 && !r.bad; topics-- {
		r.bytes(int(r.int16()))
		for partitions := r.int32(); partitions > 0 && !r.bad; partitions-- {
			id := r.int32()
			p := fetched{code: r.int16(), aborted: aborted}
			p.high = r.int64()
			p.stable = r.int64()
			if version >= 5 {
				r.int64() // start of the log
			}
			for n := r.int32(); n > 0 && !r.bad; n-- {
				p.aborted = append(p.aborted, abortedTxn{producer: r.int64(), first: r.int64()})
			}
			if version >= 11 {
				r.int32() // preferred replica
			}
			if n := r.int32(); n > 0 {
				if head {
					n = min(n, int32(len(r.b)))
				}
				p.set = r.bytes(int(n))
			}
			if !r.bad && id == partition {
				return p, nil
			}
		}
	}
	if r.bad {
		return fetched{aborted: aborted}, fmt.Errorf("fetch response of %d bytes: %w", len(b), io.ErrUnexpectedEOF)
	}
	return fetched{aborted: aborted}, errNotAnswered(partition)
}

func errNotAnswered(partition int32) error {
	return fmt.Errorf("fetch response: %w: no partition %d", kafka.UnknownTopicOrPartition, partition)
}

// wire reads big-endian fields; after a missing field it is bad and gives zeroes.
type wire struct {
	b   []byte
	bad bool
}

func (w *wire) bytes(n int) []byte {
	if n < 0 || n > len(w.b) {
		w.bad, w.b = true, nil
		return nil
	}
	v := w.b[:n:n]
	w.b = w.b[n:]
	return v
}

func (w *wire) int16() int16 {
	if v := w.bytes(2); v != nil {
		return int16(binary.BigEndian.Uint16(v))
	}
	return 0
}

func (w *wire) int32() int32 {
	if v := w.bytes(4); v != nil {
		return int32(binary.BigEndian.Uint32(v))
	}
	return 0
}

func (w *wire) int64() int64 {
	if v := w.bytes(8); v != nil {
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}
