package decode

import "strings"

// techWord reports a word with digits that programmers use as a word, or the name of a
// standard and its number.
func techWord(t []byte) bool {
	var buf [24]byte
	if len(t) > len(buf) || indexByte(t, 0, '.') >= 0 {
		return false
	}
	name := squash(buf[:0], t)
	i := len(name)
	for i > 0 && name[i-1]-'0' <= 9 {
		i--
	}
	return techWords.has(name) || i > 0 && len(name)-i <= 5 && techPrefixes.has(name[:i])
}

var techWords = wordSet("oauth2callback sha256sum sha512sum base64url utf8mb4 i18next secp256k1 secp256r1 ed25519 curve25519 x25519 " +
	"argon2id blake2b blake2s xxhash64 crc32c log4j2 ipv4only h264 h265 mp3gain 1password windows1252 iso88591 iso885915 koi8r " +
	"x8664 arm64v8 win32api pbkdf2 md5sum hmacsha1 hmacsha256 hmacsha512 aes128gcm aes256gcm aes256cbc sha3256 rs256 es256 hs256 " +
	"ec2instance ec2metadata s3cmd s3express route53resolver http2push web3js three3d d3js covid19 area51 office365 dynamics365 " +
	"v1alpha1 v1alpha2 v1beta1 v1beta2 v2alpha1 v2beta1 v2beta2 k8s e2e b2b b2c p2p c2c m2m")

// techPrefix reports a word that comes before a number in names of standards and
// formats: UTF-8, ISO-8601, SHA-256.
func techPrefix(word []byte) bool {
	var buf [12]byte
	return len(word) <= len(buf) && techPrefixes.has(squash(buf[:0], word))
}

var techPrefixes = wordSet("utf iso sha covid rfc http https md aes rsa base ipv oauth ecma es win windows cp ucs float int uint fp mpeg mp web top part step " +
	"level phase tier chapter section version ver draft rev v")

// techNumber reports a number at the end of names of formats and algorithms.
func techNumber(digits []byte) bool { return techNumbers.has(digits) }

var techNumbers = wordSet("128 160 192 224 256 384 512 1024 2048 4096 264 265 365 404 500 509 8859 1252 25519 401 403 360 911 101 100 2fa")

// entityWord reports a word for a kind of thing with many instances, so that any
// number after it is an id.
func entityWord(word []byte) bool {
	var buf [12]byte
	return len(word) <= len(buf) && entityWords.has(squash(buf[:0], word))
}

var entityWords = wordSet("user usr customer cust client account acct member order ord item product prod invoice inv payment pay ticket case " +
	"device host server worker project proj team org tenant group job task session device article post comment message msg " +
	"event file doc document image img photo video movie film book course student employee emp patient record row id sku")

// words is a set of words of fewer than 64 bytes.
type words struct {
	all map[string]bool
	// lengths are the lengths of the words that begin with a byte, as bits: most words
	// that are looked up are in no set, and one check says so.
	lengths [256]uint64
}

func wordSet(list string) *words {
	set := &words{all: map[string]bool{}}
	for word := range strings.FieldsSeq(list) {
		set.all[word] = true
		set.lengths[word[0]] |= 1 << len(word)
	}
	return set
}

func (w *words) has(word []byte) bool {
	return len(word) > 0 && w.lengths[word[0]]>>len(word)&1 != 0 && w.all[string(word)]
}
