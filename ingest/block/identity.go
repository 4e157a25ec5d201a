package block

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Which log is it? A topic that is deleted and made again has its name, and other
// records at the same offsets. Where the cluster gives topics ids (KIP-516), the
// id is the log's identity: it never comes back once it is gone. It stands in
// each ledger row, in each declaration and in what is committed, and is asked for
// before each commit, a declaration included.
//
// Nothing of the new log is ever counted as the old one's, and nothing of it
// skipped:
//   - A fetch names the topic by its id, where brokers take that: records of
//     another log do not come. There a stale answer to the question for the id
//     only delays that the machine notices.
//   - Where brokers take names only, the question follows the block's last fetch.
//     The topic was the same when the machine began; is it the same then, it was
//     the same in between. What is left is the time by which the broker that
//     answers may lag behind the leader that was read from, well under a second,
//     and only there is the timestamp asked for too.
//   - Where there are no ids, a record that this machine has read of the log must
//     still be there with its timestamp: the last one stored, or the first one of
//     the block in hand. A log without that record, or without any where the ledger's
//     last block has some, is another; if it is there, all that was read after it is
//     of the same log. It cannot tell logs apart whose records have the same
//     timestamps at the same offsets, or none.
//   - Between the question and the commit the topic may still change. The commit
//     then stands among the new topic's offsets and names the old one: whoever
//     resumes does not count it (see liveEpoch).
//
// A block that is declared when the topic is made again is finished, since its
// records are in hand, and is not committed. What was read after it goes, with the
// log that it came from.

// identity says whether the log is the one that the ledger's rows describe.
type identity uint8

const (
	unproven identity = iota // nothing speaks against it
	same
	other
	cut // the same topic, without some of what is stored
)

// differ reports that two topic ids are known and are not equal.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

// witness is a record that was read from the log. Without a timestamp it proves
// nothing, except when the log has no record at all where a row counts some.
type witness struct {
	offset, unixMilli int64
	gone              bool
}

// of reports whether the log's record is the last one of row.
func (w witness) of(row *LedgerRow) (identity, string) {
	switch {
	case w.gone:
		return other, fmt.Sprintf("the log has no record up to %d where the ledger has some", w.offset)
	case row == nil || w.unixMilli <= 0:
		return unproven, ""
	case w.unixMilli == row.LastRecordUnixMilli:
		return same, ""
	}
	return other, fmt.Sprintf("record %d has the timestamp %d, the ledger has %d", w.offset, w.unixMilli,
		row.LastRecordUnixMilli)
}

// log is what a machine knows of the log that it reads.
type log struct {
	topicID string // when it resumed; "" where there is none
	newest  uint32 // the newest epoch of the topic that is known
	last    witness
	byName  atomic.Bool // the last fetch did not name the topic by its id
}

// anew says how to continue with a topic that was made again.
func (l *log) anew() string { return newEpoch(l.newest) }

// belongs refuses records of another log.
func (m *machine) belongs(b Fetch) error {
	m.of.byName.Store(b.TopicID == "" || m.of.topicID == "")
	if differ(b.TopicID, m.of.topicID) {
		return m.recreated(b.TopicID)
	}
	return nil
}

func (m *machine) recreated(now string) error {
	return fmt.Errorf("%w: its id is %s, what was read is of %s; %s", ErrRecreated, now, m.of.topicID, m.of.anew())
}

// stillThere returns an error when the log is no longer the one that w was read from.
func (m *machine) stillThere(ctx context.Context, w witness) error {
	now, err := m.env.Partition.TopicID(ctx)
	if err != nil {
		return fmt.Errorf("read the topic's id: %w", err)
	}
	if differ(now, m.of.topicID) {
		return m.recreated(now)
	}
	if !m.of.byName.Load() || w.unixMilli <= 0 {
		return nil
	}
	stamp, ok, err := m.env.Partition.StampOf(ctx, w.offset)
	if errors.Is(err, ErrOutOfRange) {
		_, end, err := m.env.Partition.Bounds(ctx)
		if err == nil && end <= w.offset {
			err = fmt.Errorf("%w: record %d was read, and the log ends at %d; %s", ErrRecreated, w.offset, end,
				m.of.anew())
		}
		return err
	}
	switch {
	case err != nil:
		return err
	case ok && stamp != w.unixMilli:
		return fmt.Errorf("%w: record %d had the timestamp %d and has %d; %s", ErrRecreated, w.offset, w.unixMilli,
			stamp, m.of.anew())
	case !ok && !m.cfg.Compacted:
		return fmt.Errorf("%w: record %d was read, and the log has none there; %s", ErrRecreated, w.offset, m.of.anew())
	}
	return nil
}

// compare finds, in the log, the last records of what the ledger has stored and
// declared.
func (m *machine) compare(ctx context.Context, k *known) (err error) {
	if k.stored, err = m.lastOf(ctx, k, k.ledger.Last); err != nil {
		return err
	}
	k.declared, err = m.lastOf(ctx, k, k.ledger.Pending)
	return err
}

// lastOf is the last record of row's range that the log still has; zero when there is
// none to compare. Retention deletes from the beginning of a log, and only compaction
// from its middle, so a range without any record belongs to another log.
func (m *machine) lastOf(ctx context.Context, k *known, row *LedgerRow) (witness, error) {
	if row == nil || row.LastRecordUnixMilli <= 0 || row.End > k.lastStable || differ(k.ledger.OwnTopicID, k.topicID) {
		return witness{}, nil
	}
	first := max(row.First, k.logStart)
	for step := int64(1); first < row.End; step *= 16 {
		from := max(first, row.End-step)
		last, err := m.lastRecord(ctx, k, from, row.End)
		if errors.Is(err, ErrOutOfRange) {
			return witness{}, nil // deleted since the bounds were read
		}
		// Of a compacted log only the record itself can be compared.
		if err != nil || last.unixMilli > 0 || m.cfg.Compacted {
			return last, err
		}
		if from == first {
			last.gone = last == (witness{}) && first == row.First
			if last.gone {
				last.offset = row.End - 1
			}
			return last, nil
		}
	}
	return witness{}, nil
}

// lastRecord is the last record of [from, end), the zero value when there is none.
func (m *machine) lastRecord(ctx context.Context, k *known, from, end int64) (last witness, err error) {
	for from < end {
		var b Fetch
		err := m.retry(ctx, "read the last stored record", func(ctx context.Context) (err error) {
			b, err = m.env.Partition.Fetch(ctx, from, time.Second)
			return err
		})
		if err != nil {
			return witness{}, err
		}
		if b.TopicID != "" {
			k.topicID = b.TopicID // made again meanwhile
		}
		for _, r := range b.Records {
			if r.Offset < end {
				last = witness{offset: r.Offset, unixMilli: r.UnixMilli}
			}
		}
		if b.Next <= from {
			break
		}
		from = b.Next
	}
	return last, nil
}

// judge says whether the log is the one that the ledger's rows of the partition
// describe, and if not, why.
func (k *known) judge() (identity, string) {
	l := &k.ledger
	end, ok := ledgerEnd(*l)
	if !ok {
		return unproven, ""
	}
	if differ(l.OwnTopicID, k.topicID) {
		return other, fmt.Sprintf("its id is %s, what is stored up to %d is of %s", k.topicID, end, l.OwnTopicID)
	}
	verdict, why := unproven, ""
	pending := l.Pending
	if pending != nil && pending.First < end {
		pending = nil
	}
	switch {
	case end > k.lastStable:
		verdict, why = other, fmt.Sprintf("stored up to %d, the log ends at %d", end, k.lastStable)
	case pending != nil && pending.End > k.lastStable:
		verdict, why = other, fmt.Sprintf("declared [%d,%d), the log ends at %d", pending.First, pending.End,
			k.lastStable)
	default:
		verdict, why = k.stored.of(l.Last)
		if v, w := k.declared.of(pending); v == other || verdict == unproven {
			verdict, why = v, w
		}
	}
	if l.OwnTopicID == "" || k.topicID == "" {
		return verdict, why
	}
	if verdict == other {
		return cut, why + "; the topic is the same, of id " + k.topicID
	}
	return same, ""
}

// liveEpoch is the epoch to work in; what k has of an older one is dropped. An epoch
// is a life of the whole topic. A newer one, set by the operator or begun by another
// partition, holds for a partition whose log has changed too. A partition that already
// counts the new log, or whose log never changed, stays in its epoch.
func liveEpoch(c Config, k *known) (epoch uint32, note string, err error) {
	l := &k.ledger
	if c.Epoch != 0 && c.Epoch < l.Epoch {
		return 0, "", fmt.Errorf("%w: got epoch %d; the ledger has epoch %d: set that, or none", ErrEpoch, c.Epoch,
			l.Epoch)
	}
	newest := max(c.Epoch, l.Epoch)
	_, counted := ledgerEnd(*l)
	verdict, why := k.judge()
	begun := newest == l.Epoch // rows of some partition are in it
	switch {
	case (!counted || l.Own < newest && verdict != same) && begun && differ(l.TopicID, k.topicID):
		return 0, "", fmt.Errorf("%w: its id is %s, epoch %d in the ledger is of %s; %s", ErrRecreated, k.topicID,
			newest, l.TopicID, newEpoch(newest))
	case counted && l.Own == newest && verdict == other:
		return 0, "", fmt.Errorf("%w: %s; %s", ErrRecreated, why, newEpoch(newest))
	case counted && l.Own == newest && verdict == cut:
		return 0, "", fmt.Errorf("%w: %s; set epoch=%d to count all that the log has once more", ErrCut, why, newest+1)
	case counted && l.Own < newest && verdict == same:
		newest = l.Own
		if c.Epoch > l.Own {
			note = fmt.Sprintf("epoch=%d is set; this partition's log is the one that epoch %d counts: going on in that", c.Epoch, l.Own)
		}
	case l.Own < newest:
		k.ledger = Ledger{Epoch: l.Epoch, TopicID: l.TopicID}
	}
	switch committed, id, ours := markOf(k.commit.Metadata); {
	case !ours:
	case differ(id, k.topicID):
		k.commit = Committed{Offset: -1} // of another log
	case committed > newest:
		return 0, "", fmt.Errorf("%w: got epoch %d; the group's commit is of epoch %d: set that", ErrEpoch, newest,
			committed)
	case committed < newest:
		k.commit = Committed{Offset: -1}
	}
	return newest, note, nil
}

// A commit that declares nothing carries one of two marks: "v1:epoch:start:topic"
// says that the partition starts here and that its first ledger row may be
// missing, "v1:epoch:done:topic" that everything below is stored. The topic's id
// is left out where there is none, and older versions never write it.
const (
	markStart = "start"
	markDone  = "done"
)

func mark(epoch uint32, word, topicID string) string {
	m := "v1:" + strconv.FormatUint(uint64(epoch), 10) + ":" + word
	if topicID != "" {
		m += ":" + topicID
	}
	return m
}

// isStart says that metadata is the mark of a start in the epoch.
func isStart(metadata string, epoch uint32) bool {
	start := mark(epoch, markStart, "")
	return metadata == start || strings.HasPrefix(metadata, start+":")
}

// markOf returns the epoch and the topic id that our metadata names.
func markOf(metadata string) (epoch uint32, topicID string, ok bool) {
	if d, ok := ParseDeclaration(metadata); ok {
		return d.Epoch, d.TopicID, true
	}
	f := strings.Split(metadata, ":")
	if len(f) < 3 || f[0] != "v1" {
		return 0, "", false
	}
	n, err := strconv.ParseUint(f[1], 10, 32)
	if len(f) == 4 {
		topicID = f[3]
	}
	return uint32(n), topicID, err == nil
}
