package decode

import "statline/classify"

// agentMemo remembers what user agents name: finding out takes some microseconds, and
// agents repeat. It is bounded and never changes a result.
type agentMemo struct {
	known [512]struct {
		text []byte
		is   classify.Agent
	}
	turn uint64
}

// agentOf is what a user agent names.
func (d *Decoder) agentOf(text []byte) classify.Agent {
	m := &d.agentsOf
	slot := hashBytes(text) & 511
	for _, at := range [2]uint64{slot, slot ^ 1} { // each text has two slots
		if k := &m.known[at]; string(k.text) == string(text) {
			return k.is
		}
	}
	is := d.matcher.Of(text)
	if len(text) > maxRemembered {
		return is
	}
	if len(m.known[slot].text) > 0 {
		m.turn ^= 1 // one after the other makes room
		slot ^= m.turn
	}
	k := &m.known[slot]
	k.text, k.is = append(k.text[:0], text...), is
	return is
}
