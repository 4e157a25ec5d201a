package decode

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"strings"
)

// node is a position in a JSON record that some format reads: a key below another
// node. Node 0 is the record itself.
type node uint16

const root node = 0

const maxNodes = 512

// What a node is besides a value.
const (
	isInner   uint8 = 1 << iota // has children: objects there are walked
	isHeaders                   // its unknown children are request headers
	isQuery                     // its unknown children are query parameters
	isReply                     // its unknown children are headers of the response
)

// tree holds every key that any format reads, so that one walk over a record serves
// all formats, and what was seen decides the format.
type tree struct {
	nodes [maxNodes]treeNode
	len   int
	full  bool
	index [4 * maxNodes]node // open addressing; 0 is free (the root is never looked up)
}

// treeNode is one key. Guesses are compared with it, so it is kept small.
type treeNode struct {
	shape
	flags  uint8
	parent node
	colon  string // key + `":`, what a guessed key must look like
}

// shape is how a key looks in a line: key + `":`, up to maxShape bytes. Comparing it
// takes two words, whatever its length.
type shape struct {
	head, tail uint64 // the first eight bytes and the last ones; both are all of a shorter one
	len        uint16
	at         uint8 // where tail begins
	free       uint8 // bits of the words that are not compared
}

const maxShape = 15

func shapeOf(colon []byte) shape {
	x := shape{len: uint16(min(len(colon), math.MaxUint16))}
	x.head = load64(append(slices.Clip(colon), make([]byte, 8)...), 0)
	x.tail = x.head
	if len(colon) < 8 {
		x.free = uint8(64 - 8*len(colon))
	} else if len(colon) <= maxShape {
		x.at = uint8(len(colon) - 8)
		x.tail = load64(colon, len(colon)-8)
	}
	return x
}

// fits reports that a line goes on with the key; for a key of at most maxShape bytes
// that is the whole key. The type of line tells the compiler the bounds, so that it
// checks none.
func (x *shape) fits(line *[maxShape + 1]byte) bool {
	at := int(x.at) & (maxShape - 8)
	head, tail := binary.LittleEndian.Uint64(line[:8]), binary.LittleEndian.Uint64(line[at:at+8])
	return ((head^x.head)|(tail^x.tail))<<(x.free&63) == 0
}

// key is the last element of the node's path.
func (t *tree) key(n node) string { return t.nodes[n].colon[:len(t.nodes[n].colon)-2] }

func newTree() *tree {
	t := &tree{}
	t.add(root, "")
	return t
}

func (t *tree) add(parent node, key string) node {
	if t.len >= maxNodes {
		t.full = true
		return root
	}
	n := node(t.len)
	t.len++
	x := &t.nodes[n]
	x.parent = parent
	x.colon = key + `":`
	x.shape = shapeOf([]byte(x.colon))
	return n
}

// at returns the node of a dotted path, made when missing. A backslash keeps
// the dot after it: `resource.service\.name`.
func (t *tree) at(path string) node {
	n := root
	for path != "" {
		var key string
		key, path = cutPath(path)
		child := t.find(n, []byte(key))
		if child == root {
			child = t.add(n, key)
			t.nodes[n].flags |= isInner
			slot := t.slot(n, []byte(key))
			for t.index[slot] != 0 {
				slot = (slot + 1) & uint64(len(t.index)-1)
			}
			t.index[slot] = child
		}
		n = child
	}
	return n
}

func cutPath(path string) (key, rest string) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path):
			i++
			b.WriteByte(path[i])
		case path[i] == '.':
			return b.String(), path[i+1:]
		default:
			b.WriteByte(path[i])
		}
	}
	return b.String(), ""
}

// fill sets each node of the struct that f points to: the tag "at" is its path. A pair of
// nodes is that path, and the same as one name with dots in it.
func (t *tree) fill(f any) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		path, ok := v.Type().Field(i).Tag.Lookup("at")
		if !ok {
			continue
		}
		switch n := v.Field(i).Addr().Interface().(type) {
		case *node:
			*n = t.at(path)
		case *[2]node:
			*n = [2]node{t.at(path), t.at(strings.ReplaceAll(path, ".", `\.`))}
		}
	}
}

// headers and query declare objects whose keys clients have named, reply one with
// response headers.
func (t *tree) headers(path string) { t.nodes[t.at(path)].flags |= isHeaders | isInner }
func (t *tree) query(path string)   { t.nodes[t.at(path)].flags |= isQuery | isInner }
func (t *tree) reply(path string)   { t.nodes[t.at(path)].flags |= isReply | isInner }

func (t *tree) slot(parent node, key []byte) uint64 {
	var w uint64
	switch n := len(key); {
	case n >= 8:
		w = load64(key, 0) ^ load64(key, n-8)*mix2
	default:
		for i := n - 1; i >= 0; i-- {
			w = w<<8 | uint64(key[i])
		}
	}
	w = (w ^ uint64(len(key))<<56 ^ uint64(parent)<<40) * mix1
	return w >> 40 & uint64(len(t.index)-1)
}

// find returns the child of parent called key, root when no format reads it.
func (t *tree) find(parent node, key []byte) node {
	mask := uint64(len(t.index) - 1)
	for i := t.slot(parent, key); ; i = (i + 1) & mask {
		n := t.index[i]
		if n == root {
			return root
		}
		if t.nodes[n].parent == parent && t.key(n) == string(key) {
			return n
		}
	}
}

// nodeSet is a set of nodes.
type nodeSet [maxNodes / 64]uint64

func (s *nodeSet) add(n node)      { s[n>>6&(maxNodes/64-1)] |= 1 << (n & 63) }
func (s *nodeSet) has(n node) bool { return s[n>>6&(maxNodes/64-1)]&(1<<(n&63)) != 0 }

// setOf is the set of some nodes.
func setOf(nodes ...node) (s nodeSet) {
	for _, n := range nodes {
		s.add(n)
	}
	return s
}

func (s *nodeSet) containsAny(of *nodeSet) bool {
	for i, w := range of {
		if s[i]&w != 0 {
			return true
		}
	}
	return false
}

// claim is the claims of most JSON formats: a key of each set.
type claim []nodeSet

func (c claim) claims(seen *nodeSet) bool {
	for i := range c {
		if !seen.containsAny(&c[i]) {
			return false
		}
	}
	return true
}
