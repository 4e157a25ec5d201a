package source

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
)

// protocolName is the protocol that all members must agree on; only daemons of this
// kind can share a group.
const protocolName = "statline"

// subscription is what a member tells the leader when it joins: the topics it reads,
// and the partitions it had in which generation, so that it can keep them.
type subscription struct {
	member     string
	topics     []string
	owned      map[string][]int32
	generation int32 // -1: it had nothing
}

// assign divides the partitions of each topic among the members that read it. Their
// numbers differ by at most one, partitions stay where they were as far as that
// allows, and the result depends only on the arguments. A member with one more
// partition of a topic is less likely to get one more of the next: many topics with
// few partitions are divided evenly too. When two members claim a partition, the one
// of the later generation had it last.
func assign(members []subscription, partitions map[string][]int32) map[string]map[string][]int32 {
	out := make(map[string]map[string][]int32, len(members))
	for _, m := range members {
		out[m.member] = make(map[string][]int32)
	}
	readers, odd := make(map[string][]subscription, len(partitions)), 0
	for topic, ps := range partitions {
		for _, m := range members {
			if slices.Contains(m.topics, topic) {
				readers[topic] = append(readers[topic], m)
			}
		}
		if n := len(readers[topic]); n > 0 {
			odd += len(ps) % n
		}
	}
	e := &evenly{fair: (odd + len(members) - 1) / max(1, len(members)), more: make(map[string]int, len(members))}
	for _, topic := range slices.Sorted(maps.Keys(readers)) {
		for member, got := range e.assignTopic(topic, readers[topic], partitions[topic]) {
			if len(got) > 0 {
				out[member][topic] = got
			}
		}
	}
	return out
}

// evenly divides the rest of the topics' partitions when every reader has the same
// number of each.
type evenly struct {
	fair int            // how many of these a member has at most, as far as that is possible
	more map[string]int // how many it has
}

func (e *evenly) assignTopic(topic string, readers []subscription, partitions []int32) map[string][]int32 {
	// The latest claim on each partition counts.
	slices.SortFunc(readers, func(a, b subscription) int {
		return cmp.Or(cmp.Compare(b.generation, a.generation), cmp.Compare(a.member, b.member))
	})
	free := make(map[int32]bool, len(partitions))
	for _, p := range partitions {
		free[p] = true
	}
	claims := make(map[string][]int32, len(readers))
	for _, r := range readers {
		for _, p := range slices.Sorted(slices.Values(r.owned[topic])) {
			if free[p] {
				delete(free, p)
				claims[r.member] = append(claims[r.member], p)
			}
		}
	}
	share, more := len(partitions)/len(readers), len(partitions)%len(readers)
	// The members with most claims get the larger shares, of those that may have more.
	full := func(r subscription) int { return max(0, e.more[r.member]-e.fair+1) }
	slices.SortFunc(readers, func(a, b subscription) int {
		return cmp.Or(cmp.Compare(full(a), full(b)), cmp.Compare(len(claims[b.member]), len(claims[a.member])),
			cmp.Compare(e.more[a.member], e.more[b.member]), cmp.Compare(a.member, b.member))
	})
	got := make(map[string][]int32, len(readers))
	var left []int32
	for i, r := range readers {
		n := share
		if i < more {
			n++
			e.more[r.member]++
		}
		mine := claims[r.member]
		if len(mine) > n {
			left = append(left, mine[n:]...)
			mine = mine[:n]
		}
		got[r.member] = mine
	}
	for p := range free {
		left = append(left, p)
	}
	slices.Sort(left)
	for i, r := range readers {
		n := share
		if i < more {
			n++
		}
		if need := n - len(got[r.member]); need > 0 {
			got[r.member] = append(got[r.member], left[:need]...)
			left = left[need:]
		}
		slices.Sort(got[r.member])
	}
	return got
}

// appendSubscription appends Kafka's consumer subscription, version 1, so
// that Kafka's own tools can describe the group. The generation travels as
// user data.
func appendSubscription(b []byte, s subscription) []byte {
	be := binary.BigEndian
	b = be.AppendUint16(b, 1)
	b = be.AppendUint32(b, uint32(len(s.topics)))
	for _, t := range s.topics {
		b = appendString(b, t)
	}
	b = be.AppendUint32(b, 4)
	b = be.AppendUint32(b, uint32(s.generation))
	return appendTopicPartitions(b, s.owned)
}

// appendAssignment appends Kafka's consumer assignment, version 1.
func appendAssignment(b []byte, topics map[string][]int32) []byte {
	b = binary.BigEndian.AppendUint16(b, 1)
	b = appendTopicPartitions(b, topics)
	return binary.BigEndian.AppendUint32(b, 0xffffffff) // no user data
}

func appendTopicPartitions(b []byte, topics map[string][]int32) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, uint32(len(topics)))
	names := make([]string, 0, len(topics))
	for t := range topics {
		names = append(names, t)
	}
	slices.Sort(names)
	for _, t := range names {
		b = appendString(b, t)
		b = be.AppendUint32(b, uint32(len(topics[t])))
		for _, p := range topics[t] {
			b = be.AppendUint32(b, uint32(p))
		}
	}
	return b
}

// parseSubscription reads what another member wrote; ok is false when it is
// no subscription.
func parseSubscription(member string, b []byte) (s subscription, ok bool) {
	s = subscription{member: member, generation: -1}
	w := wire{b: b}
	version := w.int16()
	for n := w.int32(); n > 0 && !w.bad; n-- {
		s.topics = append(s.topics, w.string())
	}
	if n := w.int32(); n > 0 {
		if data := w.bytes(int(n)); len(data) == 4 {
			s.generation = int32(binary.BigEndian.Uint32(data))
		}
	}
	if version >= 1 {
		s.owned = w.topicPartitions()
	}
	return s, !w.bad
}

// parseAssignment reads an assignment; an empty one is no partitions.
func parseAssignment(b []byte) (map[string][]int32, bool) {
	if len(b) == 0 {
		return nil, true
	}
	w := wire{b: b}
	w.int16()
	t := w.topicPartitions()
	return t, !w.bad
}

func (w *wire) string() string { return string(w.bytes(int(w.int16()))) }

func (w *wire) topicPartitions() map[string][]int32 {
	out := make(map[string][]int32)
	for n := w.int32(); n > 0 && !w.bad; n-- {
		topic := w.string()
		for m := w.int32(); m > 0 && !w.bad; m-- {
			if p := w.int32(); !w.bad {
				out[topic] = append(out[topic], p)
			}
		}
	}
	return out
}
