package decode

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math/bits"

	"statline/classify"
	"statline/classify/prefetch"
)

// KeyID stands for an API key everywhere outside the decoder: its HMAC-SHA-256 under
// secret, truncated to 16 bytes. The same key and secret always give the same id;
// without the secret the id tells nothing about the key. A name that a gateway gave to
// a key is identified by KeyID(secret, "id:"+name), so that it cannot be confused with
// a key.
func KeyID(secret []byte, key string) classify.KeyID {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(key))
	var sum [sha256.Size]byte
	return classify.KeyID(mac.Sum(sum[:0])[:16])
}

// SecretID is a public fingerprint of the secret, 16 hexadecimal digits, by which two
// instances notice that their secrets differ.
func SecretID(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("statline secret id"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// keyInline is the longest key that the memo holds; longer ones are hashed
// each time.
const keyInline = 40

// keyring computes KeyIDs and remembers them: one HMAC costs as much as decoding a
// line. The memo is bounded, and emptied when full; it never changes a result.
type keyring struct {
	mac   hash.Hash
	sum   [sha256.Size]byte
	slots []keySlot // open addressing, linear probing; a power of two
	used  int
	limit int // slots at most
	buf   [keyInline]byte
}

// keySlot is one cache line: 40 + 16 + 8 bytes.
type keySlot struct {
	key [keyInline]byte
	id  classify.KeyID
	tag uint32 // the upper half of the hash
	len uint8  // 0: free (the empty key has no id)
}

// firstKeySlots keeps a decoder with few keys small.
const firstKeySlots = 1 << 10

func newKeyring(secret []byte, limit int) *keyring {
	size := firstKeySlots
	for limit < size && size > 16 {
		size >>= 1
	}
	k := &keyring{mac: hmac.New(sha256.New, secret), slots: make([]keySlot, size), limit: limit}
	// The first Reset and Sum make crypto/hmac keep its precomputed state.
	k.hmac(nil, []byte("x"))
	return k
}

// hmac is the id of prefix+key, computed.
func (k *keyring) hmac(prefix, key []byte) classify.KeyID {
	k.mac.Reset()
	if len(prefix) > 0 {
		k.mac.Write(prefix)
	}
	k.mac.Write(key)
	return classify.KeyID(k.mac.Sum(k.sum[:0])[:16])
}

// id is KeyID(secret, key), from the memo if it is there.
func (k *keyring) id(key []byte) classify.KeyID {
	return k.find(key, hashBytes(key))
}

// touch begins to load a key's slot and returns its hash for find: the memory arrives
// while the rest of the line is decoded. The hash of no key is 0.
func (k *keyring) touch(key []byte) uint64 {
	if len(key) == 0 {
		return 0
	}
	h := hashBytes(key)
	prefetch.Line(&k.slots[h&uint64(len(k.slots)-1)])
	return h
}

// find is id for a key whose hash is known.
func (k *keyring) find(key []byte, h uint64) classify.KeyID {
	n := len(key)
	if n == 0 {
		return classify.KeyID{}
	}
	if n > keyInline {
		return k.hmac(nil, key)
	}
	tag := uint32(h >> 32)
	mask := uint64(len(k.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := &k.slots[i]
		if s.len == 0 {
			break
		}
		if s.tag == tag && int(s.len) == n && string(s.key[:n]) == string(key) {
			return s.id
		}
	}
	id := k.hmac(nil, key)
	k.remember(key, h, id)
	return id
}

func (k *keyring) remember(key []byte, h uint64, id classify.KeyID) {
	if (k.used+1)*4 > len(k.slots)*3 {
		if len(k.slots)*2 <= k.limit {
			k.grow()
		} else {
			clear(k.slots)
			k.used = 0
		}
	}
	k.insert(key, h, id)
}

func (k *keyring) insert(key []byte, h uint64, id classify.KeyID) {
	mask := uint64(len(k.slots) - 1)
	i := h & mask
	for k.slots[i].len != 0 {
		i = (i + 1) & mask
	}
	s := &k.slots[i]
	copy(s.key[:], key)
	s.id, s.tag, s.len = id, uint32(h>>32), uint8(len(key))
	k.used++
}

func (k *keyring) grow() {
	old := k.slots
	k.slots = make([]keySlot, 2*len(old))
	k.used = 0
	for i := range old {
		if s := &old[i]; s.len != 0 {
			key := s.key[:s.len]
			k.insert(key, hashBytes(key), s.id)
		}
	}
}

const (
	mix1 = 0x9e3779b97f4a7c15
	mix2 = 0xd6e8feb86659fd93
)

// hashBytes is a fast hash for tables whose entries are compared in full: a sender who
// provokes collisions only slows down its own block. It folds 128-bit products,
// sixteen bytes at a time.
func hashBytes(b []byte) uint64 {
	h := uint64(len(b)) * mix1
	for len(b) > 16 {
		h = fold(load64(b, 0)^mix1, load64(b, 8)^h)
		b = b[16:]
	}
	var x, y uint64
	switch n := len(b); {
	case n >= 8:
		x, y = load64(b, 0), load64(b, n-8)
	case n >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		x = uint64(b[0])<<16 | uint64(b[n/2])<<8 | uint64(b[n-1])
	}
	return fold(x^mix2, y^h)
}

func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// idPrefix tells a gateway's name for a key from a key.
var idPrefix = []byte("id:")

// named is KeyID(secret, "id:"+name), from the memo if it is there.
func (k *keyring) named(name []byte) classify.KeyID {
	if len(name)+len(idPrefix) > keyInline {
		return k.hmac(idPrefix, name)
	}
	n := copy(k.buf[:], idPrefix)
	n += copy(k.buf[n:], name)
	return k.id(k.buf[:n])
}
