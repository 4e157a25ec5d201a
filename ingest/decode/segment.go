package decode

import "bytes"

func appendSegment(dst []byte, segs []segment, i int) []byte {
	s := segs[i]
	if s.mask&(hasDigit|hasOther|hasPercent|hasWide|hasAt|hasMark|anyUpper) == 0 && len(s.text) < 16 {
		return append(dst, s.text...) // a plain word
	}
	if i <= 1 && s.mask&^(hasDigit|hasDash) == 0 && isVersion(segs, i) {
		return append(dst, s.text...)
	}
	if s.mask&hasMark != 0 {
		if word := keyed(s.text); word > 0 {
			dst = append(dst, s.text[:word]...)
			return append(dst, "({id})"...)
		}
	}
	if name := variable(s); name != "" {
		dst = append(dst, name...)
		if ext := extension(s); ext > 0 && name == "{id}" {
			dst = append(dst, s.text[ext:]...)
		}
		return dst
	}
	return append(dst, s.text...)
}

// isVersion reports that the digits or the date at i, the first or the second segment,
// are an API version: at the front or after "api", with a word after it.
func isVersion(segs []segment, i int) bool {
	s := &segs[i]
	if !(s.mask == hasDigit && len(s.text) <= 2) &&
		!(s.mask == hasDigit|hasDash && len(s.text) == 10 && isDatePath(s.text)) {
		return false
	}
	if i+1 >= len(segs) || i == 1 && !equalFold(segs[0].text, "api") {
		return false
	}
	return charClass[segs[i+1].text[0]]&anyLetter != 0
}

// keyed is the length of the word before a key in brackets, as OData writes it:
// Products(123), Customers('ALFKI'). 0 when there is none.
func keyed(t []byte) int {
	open := indexByte(t, 0, '(')
	if open < 1 || t[len(t)-1] != ')' || open+2 >= len(t) {
		return 0
	}
	for _, c := range t[:open] {
		if charClass[c]&(anyLetter|hasDot|hasDash) == 0 {
			return 0
		}
	}
	return open
}

// variable returns the placeholder for a segment with a value; "" for a word.
func variable(s segment) string {
	t, n := s.text, len(s.text)
	switch {
	case s.mask == hasDigit:
		if n == 8 && isDate(t[:4], t[4:6], t[6:8]) {
			return "{date}"
		}
		return "{id}"
	case s.mask&(hasOther|hasPercent) != 0:
		return "{...}"
	case techWord(t):
		return ""
	case s.mask&^(anyLetter|hasDash) == 0 && n < 32: // no digit
		switch {
		case !opaque(t, s.mask) && !knownPrefix(t):
			return ""
		case n < 16:
			return "{id}"
		}
		return "{token}"
	case isUUID(t):
		return "{uuid}"
	case n >= 7 && t[4] == '-' && isDatePath(t):
		return "{date}"
	case s.mask&hasAt != 0 && isEmail(t):
		return "{email}"
	case s.mask&^anyHex == 0 && s.mask&hasDigit != 0 && (n == 7 || n == 8):
		return "{id}"
	case s.mask&^anyHex == 0 && n >= 9 && isHash(t):
		return "{hash}"
	case isSoftware(t, s.mask):
		return "{version}"
	case s.mask&^(hasDigit|hasDot|hasMark|hasDash) == 0 && s.mask&hasDigit != 0:
		if n <= 4 && s.mask == hasDigit|hasDot {
			return "" // 2.0
		}
		return "{id}"
	case s.mask&hasMark != 0 && indexByte(t, 0, ':') >= 0 && parseIPv6(t) != [16]byte{}:
		return "{ip}"
	case s.mask&hasWide != 0 && ideographic(t):
		return "{text}"
	case isPodName(t, s.mask):
		return "{pod}"
	case s.mask&hasDigit != 0 && isNumbered(t):
		return "{id}"
	case opaque(t, s.mask):
		if n >= 16 {
			return "{token}"
		}
		return "{id}"
	case n >= 16 && looksSecret(t):
		return "{token}"
	case s.mask&^(anyLetter|hasDigit|hasDash) != 0 && looksSecret(t):
		return "{id}"
	case n > 64 || s.mask&hasWide != 0 && !printable(t):
		return "{...}"
	}
	return ""
}

// isNumbered reports digits with words after a dash, an @ or an extension, or a word
// with a number: up to three letters and at least four digits ("tt0137523"), a flight
// ("BA123"), a thing and its number ("user123", "ORD-123456", "PROJ-7").
func isNumbered(t []byte) bool {
	letters := 0
	for letters < len(t) && charClass[t[letters]]&anyLetter != 0 {
		letters++
	}
	i := letters
	for i < len(t) && t[i]-'0' <= 9 {
		i++
	}
	digits := i - letters
	switch {
	case letters == 0:
		return digits > 0 && (i == len(t) || t[i] == '.' || t[i] == '-' || t[i] == '@')
	case digits == 0:
		return i < len(t) && (t[i] == '-' || t[i] == '_') && isTicket(t[:letters], t[i+1:])
	case i < len(t):
		return false
	case letters <= 3 && digits >= 4:
		return true
	case letters == 2 && digits == 3 && charClass[t[0]]&anyUpper != 0 && charClass[t[1]]&anyUpper != 0:
		return true
	}
	return entityWord(t[:letters]) || letters > 3 && digits >= 3 && !techNumber(t[letters:])
}

// isTicket reports a number after a word and a dash. Capitals are a project's name or
// a kind of document; a lower-case word needs a number that is no year.
func isTicket(word, number []byte) bool {
	for _, c := range number {
		if c-'0' > 9 {
			return false
		}
	}
	upper := true
	for _, c := range word {
		upper = upper && charClass[c]&anyUpper != 0
	}
	switch {
	case len(number) == 0 || len(word) > 12 || techPrefix(word):
		return false
	case upper:
		return len(word) >= 2
	case entityWord(word):
		return true
	}
	year := len(number) == 4 && (number[0] == '1' && number[1] == '9' || number[0] == '2' && number[1] == '0')
	return len(number) >= 4 && !year
}

// isSoftware reports a program's version, with three numbers or with a suffix after
// two: v1.2.3, 1.25-alpine.
func isSoftware(t []byte, mask uint16) bool {
	if mask&hasDot == 0 || mask&hasDigit == 0 || mask&^(anyLetter|hasDigit|hasDot|hasDash|hasMark) != 0 {
		return false
	}
	if t[0]|0x20 == 'v' {
		t = t[1:]
	}
	numbers, i := 0, 0
	for {
		start := i
		for i < len(t) && t[i]-'0' <= 9 {
			i++
		}
		if i == start || i-start > 8 {
			return false
		}
		numbers++
		if i+1 >= len(t) || t[i] != '.' || t[i+1]-'0' > 9 {
			break
		}
		i++
	}
	if i == len(t) {
		return numbers == 3 // 4 are an address
	}
	return numbers >= 2 && (t[i] == '-' || t[i] == '+' || t[i] == '_') && i+1 < len(t)
}

// isPodName reports name-hash-suffix, as a Deployment names its pods.
func isPodName(t []byte, mask uint16) bool {
	if mask&hasDash == 0 || mask&^(anyLower|hasDigit|hasDash) != 0 || len(t) < 16 {
		return false
	}
	last := bytes.LastIndexByte(t, '-')
	before := bytes.LastIndexByte(t[:max(last, 0)], '-')
	if before < 1 || len(t)-last-1 != 5 || last-before-1 < 7 || last-before-1 > 10 {
		return false
	}
	tail := t[before+1:]
	vowels := false
	for _, c := range tail {
		if c-'0' <= 9 {
			return true
		}
		vowels = vowels || c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u'
	}
	return !vowels
}

// ideographic reports a word in Chinese, Japanese or Korean: a search term.
func ideographic(t []byte) bool {
	for _, r := range string(t) {
		switch {
		case r >= 0x3040 && r <= 0x30ff, r >= 0x3400 && r <= 0x9fff, r >= 0xac00 && r <= 0xd7af, r >= 0xf900 &&
			r <= 0xfaff, r >= 0x20000 && r <= 0x2fa1f:
			return printable(t)
		}
	}
	return false
}

// extension is where a file extension of up to five letters begins, 0 for
// none.
func extension(s segment) int {
	if s.mask&hasDot == 0 {
		return 0
	}
	t := s.text
	for i := len(t) - 1; i > 0 && len(t)-i <= 6; i-- {
		if t[i] == '.' {
			if i == len(t)-1 || t[i-1]-'0' > 9 {
				return 0
			}
			return i
		}
		if charClass[t[i]]&anyLetter == 0 {
			return 0
		}
	}
	return 0
}

func isUUID(t []byte) bool {
	if len(t) == 38 && t[0] == '{' && t[37] == '}' {
		t = t[1:37]
	}
	if len(t) != 36 || t[8] != '-' || t[13] != '-' || t[18] != '-' || t[23] != '-' {
		return false
	}
	for i, c := range t {
		if i != 8 && i != 13 && i != 18 && i != 23 && charClass[c]&anyHex == 0 {
			return false
		}
	}
	return true
}

// isHash reports hexadecimal digits of which at least two are decimal, so that words
// like "face2face" stay.
func isHash(t []byte) bool {
	digits := 0
	for _, c := range t {
		if c-'0' <= 9 {
			digits++
		}
	}
	return digits >= 2
}

func isDate(y, m, d []byte) bool {
	year, ok1 := parseInt(y)
	month, ok2 := parseInt(m)
	day, ok3 := parseInt(d)
	return ok1 && ok2 && ok3 && year >= 1900 && year < 2100 && validDate(year, month, day)
}

func isDatePath(t []byte) bool {
	if len(t) == 7 {
		return isDate(t[:4], t[5:7], []byte{'0', '1'})
	}
	if len(t) < 10 || t[7] != '-' || !isDate(t[:4], t[5:7], t[8:10]) {
		return false
	}
	return len(t) == 10 || t[10] == 'T' || t[10] == ' ' || t[10] == '_'
}

func isEmail(t []byte) bool {
	at := indexByte(t, 0, '@')
	if at < 1 || at+2 >= len(t) {
		return false
	}
	if t[at+1]-'0' <= 9 && t[at+2]|0x20 == 'x' {
		return false // 1343@2x.png
	}
	return indexByte(t, at+2, '.') > 0
}

// printable reports valid UTF-8 without control characters.
func printable(t []byte) bool {
	cleaned := appendValid(make([]byte, 0, 3*64), t)
	return string(cleaned) == string(t)
}
