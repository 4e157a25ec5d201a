package decode

// scrub appends b to dst with every secret redacted, by its name (api_key=...,
// "authorization": "...") or by its looks (long mixed words). It knows no format, so
// that it also works on lines that no decoder understands; when in doubt it redacts.
// strict is for text that is otherwise kept raw (rejects); without it, a name followed
// by a colon and plain words ("Invalid API key: You must ...") is kept.
func (s *secretNames) scrub(dst, b []byte, strict bool) []byte {
	i := 0
	run := slashRun{}
	for i < len(b) {
		// A word: a run of characters that names, keys and tokens are made of.
		j := i
		for j < len(b) && wordByte(b[j]) {
			j++
		}
		if j == i {
			dst = append(dst, b[i])
			i++
			continue
		}
		word := b[i:j]
		if i >= run.end {
			run = slashRunAt(b, i)
		}
		i = j
		if run.secret && len(word) >= 3 && !wordy(word) {
			dst = append(dst, redacted...)
			continue
		}
		if !s.wordOrSecret(&dst, word) {
			continue
		}
		// What follows a sensitive name is its value.
		v, end := valueAfter(b, j)
		if v < 0 {
			if equalFold(word, "bearer") || equalFold(word, "basic") {
				v, end = wordAfter(b, j)
			}
			if v < 0 {
				continue
			}
		} else if !s.sensitive(word) {
			continue
		} else if !strict && !suspicious(b, j, v, end) {
			continue
		}
		if v == end {
			continue
		}
		dst = append(dst, b[j:v]...)
		dst = append(dst, redacted...)
		i = end
	}
	return dst
}

// slashRun is a run of words joined by slashes, as in base64 and in paths.
type slashRun struct {
	end    int
	secret bool // one of the words looks like a secret
}

func slashRunAt(b []byte, i int) (r slashRun) {
	start, slashes := i, 0
	for ; i <= len(b); i++ {
		if i < len(b) && wordByte(b[i]) {
			continue
		}
		if looksSecret(b[start:i]) {
			r.secret = true
		}
		if i == len(b) || b[i] != '/' {
			break
		}
		slashes++
		start = i + 1
	}
	r.end = i
	r.secret = r.secret && slashes > 0
	return r
}

// wordy reports lower-case letters and dashes only.
func wordy(w []byte) bool {
	for _, c := range w {
		if charClass[c]&(anyLower|hasDash) == 0 {
			return false
		}
	}
	return true
}

func wordByte(c byte) bool {
	return charClass[c]&(anyLetter|hasDigit|hasDash|hasPercent) != 0 || c == '+' || c == '~' || c >= 0x80
}

// wordOrSecret appends word, redacted if it looks like a secret, and reports that it
// may be a name.
func (s *secretNames) wordOrSecret(dst *[]byte, word []byte) bool {
	if looksSecret(word) {
		*dst = append(*dst, redacted...)
		return s.sensitive(word)
	}
	*dst = append(*dst, word...)
	return true
}

// valueAfter finds the value of a name that ends at i: after = or : and any quotes,
// blanks and opening brackets. v is -1 when there is none.
func valueAfter(b []byte, i int) (v, end int) {
	sep := false
	quote := byte(0)
	bracket := false
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '=' || c == ':':
			if sep && quote != 0 {
				return -1, 0
			}
			sep = true
			quote = 0
			continue
		case c == '"' || c == '\'':
			quote = c
			continue
		case c == '\\':
			continue
		case c == ' ' || c == '\t':
			if !sep && quote == 0 {
				// "key value": no separator, no value.
				if i+1 < len(b) && (b[i+1] == '=' || b[i+1] == ':') {
					continue
				}
				return -1, 0
			}
			continue
		case c == '[':
			if !sep {
				return -1, 0
			}
			bracket = true
			continue
		}
		break
	}
	if !sep || i >= len(b) {
		return -1, 0
	}
	if c := b[i]; c == '{' || c == ',' || c == '}' || c == ']' || c == '&' || c == '\n' {
		return -1, 0
	}
	return i, valueEnd(b, i, quote, bracket)
}

// valueEnd finds the end of a value that begins at i: its closing quote or bracket or,
// unquoted, the next separator.
func valueEnd(b []byte, i int, quote byte, bracket bool) int {
	for ; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '\n':
			return i
		case bracket:
			if c == ']' {
				return i
			}
		case quote != 0:
			if c == '\\' && i+1 < len(b) && b[i+1] != quote {
				i++
				continue
			}
			if c == quote || c == '\\' {
				return i
			}
		case c == '&' || c == '"' || c == '\'' || c == ' ' || c == ',' || c == ';' || c == '}' || c == ')' ||
			c == ']' || c == '\\' || c == '\t' || c == '\r' || c == '<' || c == '>':
			// Credentials go on after a blank: "Authorization: Basic abc".
			if c == ' ' && schemeBefore(b, i) {
				continue
			}
			return i
		}
	}
	return i
}

// schemeBefore reports that the word that ends at i is an authorization
// scheme.
func schemeBefore(b []byte, i int) bool {
	j := i
	for j > 0 && charClass[b[j-1]]&anyLetter != 0 {
		j--
	}
	w := b[j:i]
	return equalFold(w, "bearer") || equalFold(w, "basic") || equalFold(w, "token") || equalFold(w, "digest") ||
		equalFold(w, "apikey")
}

// wordAfter finds the blank-separated word after i.
func wordAfter(b []byte, i int) (v, end int) {
	if i >= len(b) || b[i] != ' ' {
		return -1, 0
	}
	v = i + 1
	end = v
	for end < len(b) && (wordByte(b[end]) || b[end] == '.' || b[end] == '/' || b[end] == '=') {
		end++
	}
	if end-v < 8 {
		return -1, 0
	}
	return v, end
}

// suspicious tells a value from prose: it is one after =; after a colon it is one if
// it is a long word or has a digit.
func suspicious(b []byte, name, v, end int) bool {
	for i := name; i < v; i++ {
		if b[i] == '=' || b[i] == '"' {
			return true
		}
	}
	if end-v >= 20 {
		return true
	}
	for _, c := range b[v:end] {
		if c-'0' <= 9 {
			return true
		}
	}
	return false
}

func equalFold(w []byte, lower string) bool {
	if len(w) != len(lower) {
		return false
	}
	for i, c := range w {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}
