package decode

import "math"

// bigrams has, for each letter, how rarely each letter follows it in words that
// programmers write: thirds of a nat, A for 0. It was counted over the comments in
// Go's standard library, each word weighted by the logarithm of its frequency.
const bigrams = "" +
	"QJIITPLVKWNGKHVJWHIFNNQQNT" + "HKLOHNQXHMTFPQIOXJIMHPQULS" + "GRLQHQPHJZIJORFPRKMHKQTUOY" +
	"IPNJDNORFPUKOOJQVKIOJOONNU" + "JPIGLLMROVSJKHQLOFGJQMOKRT" + "ISMMHGPPFXUIOOHNWJKKJWSULV" +
	"JRKPEOLJHYTKNIHNTHINJRQWQR" + "FSPOEPSQGYSNLOGPVJMJKTQUNT" + "LMIJKLKXYUSJJEHMVLIHWLZPZL" +
	"GOPKFMRQJRNQLMGLPPHOFQORQQ" + "INNNDMKPGUOLMKNMQOGLNQOVMR" + "HQOKFPPUFZQHSQGPXQKLLORZHU" +
	"FKPOFRRSGYOOKQHGTSKOJTUVQZ" + "IQIHHMFQIUNNPMJPSPHGNMRYQT" + "LMJJPMMTMUOJIFLJZGJJJKKQSW" +
	"GUNPGQPLJXOHQTHJXFKIKTSUOW" + "QRKNQQRPMQSLNPQPRLKNBRSRRM" + "GQMLEONTGXMNLMHOYLIJLOQXLW" +
	"KRJRFPPIGXNLNQKJQPIFIROVKU" + "HSMPEPRJFZULPRINYHILLTQRKS" + "JJJMJLLUJYVHJFNJZHHHUUWPXQ" +
	"GONQCMPSGWUOLPKPTOKRSQSPSU" + "FONNGPQIGVSLPIHNWHJORTQQSS" + "INIMHLPNHTUNNPNFUONFQITKNU" +
	"LNLOJPRQIVSLGHLFTMGIPRMSMM" + "GPOOCRRPHUUMQPJOUNOPPRQUNJ"

// initials is the same for the first letter of a word.
const initials = "IKHIJJKLJQPKJLLIPIHJKMLORQ"

// The costs of what may follow a character in a word, in thirds of a nat: how rarely
// the same kind goes on, another word begins, and so on.
const (
	costLetter  = 0
	costCamel   = 6  // an upper-case letter behind a lower-case one
	costCapital = 3  // a further upper-case letter
	costDigit   = 12 // a digit behind a letter
	costDigits  = 2  // a further digit
	costBack    = 5  // a letter behind a digit
	costShort   = 5  // another word behind a single lower-case letter
	costDash    = 10 // - or _ behind anything
	aDigit      = 7  // which of ten
)

// unlikeWord is how much better t is explained by random characters than by words, in
// thirds of a nat. The random explanation uses the kinds of characters in t, the other
// the habits of people who name things.
func unlikeWord(t []byte) int {
	var mask uint16
	words := 0
	before := byte('-')
	run := 0 // lower-case letters up to here
	for _, c := range t {
		class := charClass[c]
		mask |= class
		if class&anyLower == 0 && run == 1 {
			words += costShort
		}
		if run++; class&anyLower == 0 {
			run = 0
		}
		switch {
		case class&anyLetter != 0:
			words += letterCost(before, c)
		case class&hasDigit != 0 && before-'0' <= 9:
			words += costDigits + aDigit
		case class&hasDigit != 0:
			words += costDigit + aDigit
		default:
			words += costDash
		}
		before = c
	}
	kinds := 0
	if mask&anyLower != 0 {
		kinds += 26
	}
	if mask&anyUpper != 0 {
		kinds += 26
	}
	if mask&hasDigit != 0 {
		kinds += 10
	}
	if mask&hasDash != 0 {
		kinds += 2
	}
	return words - len(t)*randomCost[kinds]/16
}

// letterCost is the cost of the letter c after the character before.
func letterCost(before, c byte) int {
	low := c | 0x20
	start := int(initials[low-'a'] - 'A')
	switch class, was := charClass[c], charClass[before]; {
	case was&hasDigit != 0:
		return costBack + start
	case was&anyLetter == 0:
		return start
	case class&anyUpper != 0 && was&anyUpper == 0:
		return costCamel + start
	case class&anyUpper != 0:
		return costCapital + int(bigrams[int(before|0x20-'a')*26+int(low-'a')]-'A')
	}
	return costLetter + int(bigrams[int(before|0x20-'a')*26+int(low-'a')]-'A')
}

// randomCost is the cost of one of n equally likely characters, in 48ths of a nat.
var randomCost = func() (t [65]int) {
	for n := 1; n < len(t); n++ {
		t[n] = int(48 * math.Log(float64(n)))
	}
	return t
}()

// opaque reports a word of letters, digits, - and _ that nobody wrote: a random id.
// Lower-case letters alone are words; ids have digits, capitals, or both.
func opaque(t []byte, mask uint16) bool {
	if len(t) < 6 || mask&^(anyLetter|hasDigit|hasDash) != 0 || mask&anyLetter == 0 {
		return false
	}
	if mask&(hasDigit|anyUpper) == 0 {
		return false
	}
	if mask&hasDigit == 0 && len(t) < 8 && mask&anyLower == 0 {
		return false // an acronym
	}
	for _, brand := range [...]string{"OAuth", "gRPC", "GRPC", "jQuery", "eBay", "iPhone", "iPad", "macOS", "WiFi",
		"GraphQL", "MySQL", "NoSQL"} {
		if contains(t, brand) {
			return false // words of an odd case
		}
	}
	limit := camelLimit
	if n := ordinal(t); n > 0 {
		t = t[:len(t)-n]
		if last := len(t) - 1; t[last] == 'V' {
			t = t[:last]
		}
		if capitals(t[1:]) == 0 {
			if len(t) < 5 {
				return false
			}
			limit = lowerLimit
		}
	} else if capitals(t) == len(t) {
		limit = plainLimit
	}
	return unlikeWord(t) > limit
}

// Below these costs, in thirds of a nat, it is a word: of several kinds of characters,
// of capitals, of lower-case letters.
const (
	camelLimit = -4
	plainLimit = 6
	lowerLimit = 14
)

func capitals(t []byte) (n int) {
	for _, c := range t {
		if charClass[c]&anyUpper != 0 {
			n++
		}
	}
	return n
}

// ordinal is the length of the number that ends a word (oauth2, sha256,
// ListObjectsV2). It is 0 when there is none, or when what precedes is no word in one
// case or in camel case.
func ordinal(t []byte) int {
	i := len(t)
	for i > 0 && t[i-1]-'0' <= 9 {
		i--
	}
	if n := len(t) - i; n == 0 || n > 3 || i < 3 {
		return 0
	}
	for _, c := range t[:i] {
		if charClass[c]&anyLetter == 0 {
			return 0
		}
	}
	return len(t) - i
}
