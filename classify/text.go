package classify

// text is a message and the entry that it stands for, counted from 1; 0 when
// several share it.
type text struct {
	text  string
	entry uint16
}

// textTable finds a whole text among a few dozen without allocating: open
// addressing over a hash of its length and three of its bytes, then one
// comparison.
type textTable struct {
	slots []text // a power of two, at most half full; "" is empty
	n     int
}

func newTextTable(texts []text) textTable {
	size := 4
	for size < 2*len(texts)+2 {
		size *= 2
	}
	t := textTable{slots: make([]text, size)}
	for _, x := range texts {
		i := t.slot(x.text)
		if t.slots[i].text == x.text {
			if t.slots[i].entry != x.entry {
				t.slots[i].entry = 0 // shared: ambiguous
			}
			continue
		}
		t.slots[i] = x
		t.n++
	}
	return t
}

// slot is the slot that holds s, or the empty one where it would go.
func (t *textTable) slot(s string) uint32 {
	mask := uint32(len(t.slots) - 1)
	i := textHash(s) & mask
	for t.slots[i].text != "" && t.slots[i].text != s {
		i = (i + 1) & mask
	}
	return i
}

// find returns the entry of b, 0 when it is not there or ambiguous.
func (t *textTable) find(b []byte) uint16 {
	if len(b) == 0 {
		return 0
	}
	mask := uint32(len(t.slots) - 1)
	i := textHash(b) & mask
	for {
		s := &t.slots[i]
		if s.text == "" {
			return 0
		}
		if s.text == string(b) {
			return s.entry
		}
		i = (i + 1) & mask
	}
}

// drop makes s ambiguous.
func (t *textTable) drop(s string) { t.slots[t.slot(s)].entry = 0 }

func textHash[T string | []byte](s T) uint32 {
	n := len(s)
	if n == 0 {
		return 0
	}
	h := uint32(n) + uint32(s[0])<<8 + uint32(s[n/2])<<16 + uint32(s[n/3])<<24
	h *= 0x9e3779b1
	return h ^ h>>15
}
