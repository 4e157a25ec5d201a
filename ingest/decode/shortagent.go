package decode

import "bytes"

// browsers are the products that identify a browser in a user agent. The first that is
// there counts: later ones are also in the others' user agents.
var browsers = []string{"Edg/", "EdgA/", "EdgiOS/", "OPR/", "SamsungBrowser/", "CriOS/", "FxiOS/", "Firefox/",
	"Chrome/", "Safari/"}

// shortAgent is the product and the version of a user agent: "okhttp/4.12.0". For a
// browser ("Mozilla/5.0 (...) ...") it is the browser's, for a crawler that poses as
// one ("Mozilla/5.0 (compatible; Name/1.0; ...)") the crawler's, and just
// "Mozilla/5.0" when neither is named. A text without a version gives its first word.
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

// product ends at the first byte that cannot be in a product and version.
func product(b []byte) []byte {
	for i, c := range b {
		if charClass[c]&(anyLetter|hasDigit|hasDot|hasDash) == 0 && c != '/' && c != '+' && c != '_' {
			return b[:i]
		}
	}
	return b
}
