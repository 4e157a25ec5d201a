package console

import (
	"net"
	"net/http"
	"strings"
)

// policy lets a page load and ask only what this server gives. No style stands in
// an attribute: the program sets styles through the object model.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// longestTarget bounds the text of a request's address.
const longestTarget = 16 << 10

// guarded refuses what no page of ours asks. A foreign page whose name was bound to
// this machine's address (DNS rebinding) shows itself by its Host.
func (k *Console) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !k.ours(r.Host):
			http.Error(w, "got a Host that is not this machine's; want localhost or its address", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			h.Set("Allow", "GET, HEAD, POST")
			http.Error(w, "got method "+r.Method+"; want GET or POST", http.StatusMethodNotAllowed)
		case len(r.RequestURI) > longestTarget:
			http.Error(w, "the address is too long", http.StatusRequestURITooLong)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// ours reports whether a Host is a name of this machine: localhost, an address of
// loopback, or what the listener was told to listen on.
func (k *Console) ours(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return Loopback(host) || host != "" && strings.EqualFold(strings.Trim(host, "[]"), k.config.Host)
}

// Loopback reports whether a host is this machine and nobody else's.
func Loopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
