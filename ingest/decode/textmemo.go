package decode

// textMemo remembers texts without secrets: user agents, messages and routes repeat,
// and checking each word costs more than the rest of a line. It is bounded and never
// changes a result.
type textMemo struct {
	known [512][]byte
	turn  uint64
}

// maxRemembered is the longest text kept.
const maxRemembered = 256

// has reports that text is remembered, or else where it belongs. Each text has two
// slots, so that two texts with the same slot do not evict each other.
func (m *textMemo) has(text []byte) (known bool, slot uint64) {
	slot = hashBytes(text) & 511
	if string(m.known[slot]) == string(text) || string(m.known[slot^1]) == string(text) {
		return true, slot
	}
	return false, slot
}

func (m *textMemo) remember(slot uint64, text []byte) {
	if len(text) > maxRemembered {
		return
	}
	if len(m.known[slot]) > 0 {
		if len(m.known[slot^1]) > 0 {
			m.turn ^= 1 // both taken: they make room in turn
			slot ^= m.turn
		} else {
			slot ^= 1
		}
	}
	m.known[slot] = append(m.known[slot][:0], text...)
}

// scrubbed returns text valid and without secrets; unchanged if it is so already.
func (d *Decoder) scrubbed(m *textMemo, text []byte) []byte {
	known, slot := m.has(text)
	if known {
		return text
	}
	text = d.valid(text)
	start := len(d.scratch)
	d.scratch = d.names.scrub(d.scratch, text, false)
	out := d.since(start)
	if string(out) != string(text) {
		return out
	}
	d.scratch = d.scratch[:start]
	m.remember(slot, text)
	return text
}

// agent takes the user agent of a text line, without its escapes when flags
// (as of stringEnd) say that it may have some.
func (d *Decoder) agent(b []byte, flags uint8) {
	if dash(b) {
		return
	}
	if flags != 0 {
		b = d.plain(b)
	}
	d.r.UserAgent = b
}

// paramMemo remembers what query parameters' names say.
type paramMemo struct {
	known [64]struct {
		name [23]byte
		len  uint8 // 0: free
		is   uint8
	}
}

// What a parameter's name says about its value.
const (
	paramKey       uint8 = 1 << iota // may be the API key
	paramSensitive                   // must not be shown
)

func (m *paramMemo) look(names *secretNames, name []byte) uint8 {
	if len(name) == 0 {
		return 0
	}
	p := &m.known[hashBytes(name)&63]
	if int(p.len) == len(name) && string(p.name[:p.len]) == string(name) {
		return p.is
	}
	var is uint8
	if names.names(name, inQuery) {
		is |= paramKey
	}
	if names.sensitive(name) {
		is |= paramSensitive
	}
	if len(name) <= len(p.name) {
		p.len = uint8(copy(p.name[:], name))
		p.is = is
	}
	return is
}
