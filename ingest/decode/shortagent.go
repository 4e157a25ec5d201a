package decode

import "bytes"

// browsers are the products that a browser's user agent is told by, the first
// that stands in it: the later ones of the list stand in the others' too.
var browsers = []string{"Edg/", "EdgA/", "EdgiOS/", "OPR/", "SamsungBrowser/", "CriOS/", "FxiOS/", "Firefox/",
	"Chrome/", "Safari/"}

// shortAgent is the product and the version of a user agent: "okhttp/4.12.0". Of a
// browser's ("Mozilla/5.0 (...) ...") it is the browser's, of a crawler's that
// comes as one ("Mozilla/5.0 (compatible; Name/1.0; ...)") the crawler's, and
// nothing but "Mozilla/5.0" where it names none. A text without a version is its
// first word.
func shortAgent(agent []byte) []byte {
	if bytes.HasPrefix(agent, []byte("Mozilla/")) {
		if i := bytes.Index(agent, []byte("compatible; ")); i >= 0 {
			return product(agent[i+len("compatible; "):])
		}
		for _, name := range browsers {
			if i := bytes.Index(agent, []byte(name)); i >= 0 {
				return product(agent[i:])
			}
		}
	}
	return product(agent)
}

// product ends at the first byte that belongs to no product and version.
func product(b []byte) []byte {
	for i, c := range b {
		if charClass[c]&(anyLetter|hasDigit|hasDot|hasDash) == 0 && c != '/' && c != '+' && c != '_' {
			return b[:i]
		}
	}
	return b
}
