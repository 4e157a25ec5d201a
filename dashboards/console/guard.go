package console

import "net/http"

// policy lets a page load from and talk to this server only. There are no style
// attributes: the program sets styles through the object model.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// longestTarget bounds the length of a request's address.
const longestTarget = 16 << 10

// guarded refuses requests that our pages do not make.
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
			http.Error(w,
				"got a Host that is not known to be this machine; want localhost, its address, or a name of console-hosts", http.StatusMisdirectedRequest)
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
