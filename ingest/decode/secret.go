package decode

// redacted replaces a secret.
const redacted = "[redacted]"

// secretNames knows the names of parameters and headers with an API key. Names are
// compared without case, dashes and underscores.
type secretNames struct {
	keys map[string]bool
}

// defaultKeyNames are common names for API keys.
var defaultKeyNames = [...]string{
	"api_key", "x_api_key", "key", "x_key", "token", "access_token", "x_access_token",
	"auth_token", "x_auth_token", "app_key", "x_app_key", "client_key", "subscription_key",
	"ocp_apim_subscription_key", "x_apim_key", "x_rapidapi_key", "user_key", "developer_key",
}

func newSecretNames(extra []string) *secretNames {
	s := &secretNames{keys: map[string]bool{}}
	for _, n := range defaultKeyNames {
		s.keys[string(squash(nil, []byte(n)))] = true
	}
	for _, n := range extra {
		s.keys[string(squash(nil, []byte(n)))] = true
	}
	return s
}

// squash appends name in lower case without dashes, underscores, dots and
// blanks.
func squash(dst, name []byte) []byte {
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c|0x20)
		case c == '-' || c == '_' || c == '.' || c == ' ':
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// names reports that key, found there, names an API key. A field of the record itself
// needs a prefix that says where it comes from (http_, arg_, request_), or an
// unambiguous name.
func (s *secretNames) names(key []byte, where int) bool {
	if len(key) > 64 {
		return false
	}
	var buf [64]byte
	name := squash(buf[:0], key)
	if where != inField {
		return s.keys[string(name)]
	}
	for _, prefix := range [...]string{"http", "arg", "request", "requestheader", "req", "header", "sent"} {
		if n := len(prefix); len(name) > n && string(name[:n]) == prefix && s.keys[string(name[n:])] {
			return true
		}
	}
	switch string(name) {
	case "apikey", "xapikey", "accesstoken", "authtoken":
		return true
	}
	return len(name) > 6 && s.keys[string(name)]
}

// sensitive reports that a value with this name must not be shown, whether or not it
// is the API key: the name ends in a word for something secret.
func (s *secretNames) sensitive(key []byte) bool {
	if len(key) == 0 {
		return false
	}
	if len(key) > 64 {
		key = key[len(key)-64:]
	}
	var buf [64]byte
	name := squash(buf[:0], key)
	for _, word := range sensitiveWords {
		if n := len(word); len(name) >= n && string(name[len(name)-n:]) == word {
			return true
		}
	}
	return s.keys[string(name)]
}

var sensitiveWords = [...]string{
	"key", "apikey", "token", "secret", "password", "passwd", "pwd", "passphrase",
	"authorization", "auth", "cookie", "cookies", "signature", "sig", "credential",
	"credentials", "jwt", "session", "sessionid", "sid", "bearer", "assertion",
	"codeverifier", "hmac",
}

// What the characters of a word tell.
const (
	hasLower uint16 = 1 << iota // g-z
	hasHexLower
	hasUpper // G-Z
	hasHexUpper
	hasDigit
	hasDash // - _
	hasDot
	hasAt
	hasPercent
	hasMark  // other printable ASCII that paths may hold: ~!$&'()*+,;=:
	hasWide  // above 127
	hasOther // controls, blanks, quotes, brackets
)

// charClass says which of the above a byte is.
var charClass = func() (t [256]uint16) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'f':
			t[c] = hasHexLower
		case c >= 'g' && c <= 'z':
			t[c] = hasLower
		case c >= 'A' && c <= 'F':
			t[c] = hasHexUpper
		case c >= 'G' && c <= 'Z':
			t[c] = hasUpper
		case c >= '0' && c <= '9':
			t[c] = hasDigit
		case c == '-' || c == '_':
			t[c] = hasDash
		case c == '.':
			t[c] = hasDot
		case c == '@':
			t[c] = hasAt
		case c == '%':
			t[c] = hasPercent
		case c >= 0x80:
			t[c] = hasWide
		default:
			t[c] = hasOther
		}
	}
	for _, c := range []byte("~!$&'()*+,;=:") {
		t[c] = hasMark
	}
	return t
}()

const (
	anyLower  = hasLower | hasHexLower
	anyUpper  = hasUpper | hasHexUpper
	anyLetter = anyLower | anyUpper
	anyHex    = hasHexLower | hasHexUpper | hasDigit
)

// looksSecret reports that a word (only letters, digits, - _ + = ~ matter) is probably
// a key, a token or a hash, and no word that people wrote. From sixteen characters on
// it errs on the side of "secret".
func looksSecret(w []byte) bool {
	if len(w) < 12 {
		return false
	}
	if knownPrefix(w) {
		return true
	}
	// The parts between separators: mixed ones count, words and numbers do not.
	mixed := 0
	flips, letters := 0, 0
	for i := 0; i < len(w); {
		j := i
		var mask, before uint16
		changes, partFlips := 0, 0
		for j < len(w) {
			cl := charClass[w[j]]
			if cl&(anyLetter|hasDigit) == 0 {
				break
			}
			kind := cl & hasDigit
			if cl&anyUpper != 0 {
				kind = anyUpper
			} else if cl&anyLower != 0 {
				kind = anyLower
			}
			if j > i && kind != before {
				changes++
				if before == anyLower && kind == anyUpper {
					partFlips++
				}
			}
			before = kind
			mask |= cl
			j++
		}
		n := j - i
		switch {
		case mask&hasDigit != 0 && mask&anyLetter != 0 && (changes > 1 || mask&^anyHex == 0):
			mixed += n
		case mask&hasDigit == 0 && n > letters:
			letters, flips = n, partFlips
		}
		i = j + 1
	}
	switch {
	case mixed >= 12:
		return true
	case letters >= 32:
		return true
	case letters >= 16 && flips >= 3 && letters < 5*(flips+1): // CamelCase has longer words
		return true
	}
	return false
}

// knownPrefix recognises prefixes that issuers give to their secrets.
func knownPrefix(w []byte) bool {
	for _, p := range [...]string{"eyJ", "sk_", "sk-", "pk_", "rk_", "AKIA", "ASIA", "ghp_", "gho_", "ghs_",
		"github_pat_", "glpat-", "xox", "AIza", "whsec_", "SG."} {
		if len(w) >= len(p)+8 && string(w[:len(p)]) == p {
			return true
		}
	}
	return false
}
