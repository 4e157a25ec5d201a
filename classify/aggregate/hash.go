package aggregate

import (
	"encoding/binary"
	"math/bits"
)

// Odd constants without structure, for mixing.
const (
	mix1 = 0xa0761d6478bd642f
	mix2 = 0xe7037ed1a0b428db
	mix3 = 0x8ebc6af09c88c6e3
)

// mixWords hashes two words: the folded 128-bit product.
func mixWords(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^mix1, b^mix2)
	return hi ^ lo
}

// hashPair hashes a 128-bit value. What it returns is also the order in which
// bounded sets and samples prefer their members, so it must never change
// without a new decoder version.
func hashPair(a, b uint64) uint64 { return mixWords(mixWords(a, b)^mix3, a^bits.RotateLeft64(b, 32)) }

// hashBytes hashes b, seeded. It reads eight bytes at a time.
func hashBytes(b []byte, seed uint64) uint64 {
	h := seed ^ uint64(len(b))*mix3
	for len(b) > 16 {
		h = mixWords(h^binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]))
		b = b[16:]
	}
	var lo, hi uint64
	switch {
	case len(b) >= 8:
		lo = binary.LittleEndian.Uint64(b)
		hi = binary.LittleEndian.Uint64(b[len(b)-8:])
	case len(b) >= 4:
		lo = uint64(binary.LittleEndian.Uint32(b))
		hi = uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))
	case len(b) > 0:
		lo = uint64(b[0]) | uint64(b[len(b)/2])<<8 | uint64(b[len(b)-1])<<16
	}
	return mixWords(h^lo, hi^mix3)
}

// index is an open-addressing table of row numbers, which count from 1 in the
// order of insertion. It knows the rows' hashes and not their keys: the caller
// compares. Probing is linear; at most half of the slots are used.
//
// A slot takes four bytes, so that sixteen share a cache line: the low bits,
// under mask, are the row's number (0 is an empty slot), the high bits those
// of its hash. The low bits of the hash are the position.
type index struct {
	slots  []uint32
	hashes []uint32 // by row, for growing; 0 is not a row
	mask   uint32
}

const minSlots = 64

// reset empties the index and keeps its memory, or half of it when far less
// was used.
func (x *index) reset() {
	if n := len(x.slots); n == 0 || n > minSlots && x.rows()*16 < n {
		x.slots = make([]uint32, max(minSlots, n/2))
	} else {
		clear(x.slots)
	}
	x.hashes = append(x.hashes[:0], 0)
	x.mask = uint32(len(x.slots) - 1)
}

// rows is the number of rows inserted.
func (x *index) rows() int { return max(len(x.hashes)-1, 0) }

// probe returns the first row from position i on whose hash may be h, or 0
// when there is none, and the position where it stopped.
func (x *index) probe(h, i uint32) (row, at uint32) {
	for {
		i &= x.mask
		s := x.slots[i]
		if s == 0 || (s^h)&^x.mask == 0 {
			return s & x.mask, i
		}
		i++
	}
}

// insert adds the next row at position at, where probe stopped without finding
// its key, and returns its number.
func (x *index) insert(h, at uint32) uint32 {
	x.hashes = append(x.hashes, h)
	row := uint32(len(x.hashes) - 1)
	x.slots[at] = h&^x.mask | row
	if 2*len(x.hashes) > len(x.slots) {
		x.grow()
	}
	return row
}

func (x *index) put(h, row uint32) {
	i := h & x.mask
	for x.slots[i] != 0 {
		i = (i + 1) & x.mask
	}
	x.slots[i] = h&^x.mask | row
}

func (x *index) grow() {
	x.slots = make([]uint32, 2*len(x.slots))
	x.mask = uint32(len(x.slots) - 1)
	for row, h := range x.hashes[1:] {
		x.put(h, uint32(row)+1)
	}
}

// pairs numbers distinct 128-bit values from 0, in the order in which they come.
type pairs struct {
	index
	keys [][2]uint64
}

func (p *pairs) reset() {
	p.index.reset()
	p.keys = p.keys[:0]
}

// number returns k's number, and whether k is new.
func (p *pairs) number(k [2]uint64) (n uint32, fresh bool) {
	h := uint32(hashPair(k[0], k[1]))
	row, i := p.probe(h, h)
	for ; row != 0; row, i = p.probe(h, i+1) {
		if p.keys[row-1] == k {
			return row - 1, false
		}
	}
	p.insert(h, i)
	p.keys = append(p.keys, k)
	return uint32(len(p.keys) - 1), true
}

// names numbers distinct strings from 0. It outlives a block, within bounds:
// numbers are internal, so what it remembers changes no row.
type names struct {
	index
	list  []string
	hash  []uint64
	bytes int // of all strings
	base  int // entries that were there when the block began
}

// trim ends a block: a table that has grown over limit names is emptied, and
// with it what refers to its numbers.
func (n *names) trim(limit int) (emptied bool) {
	if emptied = len(n.list) > limit || len(n.slots) == 0; emptied {
		clear(n.list)
		n.list, n.hash, n.bytes = n.list[:0], n.hash[:0], 0
		n.index.reset()
	}
	n.base = len(n.list)
	return emptied
}

// number returns the number of b and its hash; b is copied when it is new.
func (n *names) number(b []byte) (id uint32, hash uint64) {
	hash = hashBytes(b, mix1)
	h := uint32(hash)
	row, i := n.probe(h, h)
	for ; row != 0; row, i = n.probe(h, i+1) {
		if n.list[row-1] == string(b) {
			return row - 1, hash
		}
	}
	n.insert(h, i)
	n.list = append(n.list, string(b))
	n.hash = append(n.hash, hash)
	n.bytes += len(b)
	return uint32(len(n.list) - 1), hash
}

// fresh estimates the bytes that the block's own new names take.
func (n *names) fresh() int {
	if len(n.list) == n.base {
		return 0
	}
	return (len(n.list) - n.base) * (40 + n.bytes/len(n.list))
}
