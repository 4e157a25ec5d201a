package ingest

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// guard decides who may request what. Probes are open to all. With a token, everything
// else requires it. Without one, metrics are open, and control is for this machine
// only.
type guard struct{ Listening }

// controlHeader is required on each request that changes something: a web page cannot
// make a browser send it to another site without permission.
const controlHeader = "X-Statline-Control"

// reading admits requests with the token, or all when there is none.
func (g guard) reading(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want, ok := g.token(w); !ok || want != "" && !shows(w, r, want) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// control admits requests with the token; without one, requests from this machine that
// call it by one of its own names.
func (g guard) control(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want, ok := g.token(w)
		if !ok {
			return
		}
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		switch {
		case want != "" && !shows(w, r, want):
			return
		case want == "" && !fromHere(r):
			http.Error(w, "got a request of another machine; want listen-token set for that", http.StatusForbidden)
		case fromHere(r) && !isHere(host) && host != g.listens():
			http.Error(w, "got a Host that is not this machine's; want localhost or its address", http.StatusForbidden)
		case r.Method != http.MethodGet && r.Header.Get(controlHeader) == "":
			http.Error(w, "got no header "+controlHeader+"; want one, with any value", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// local restricts to requests from this machine, with or without a token; others get
// "not found". A daemon that listens to other machines has no profiles at all, because
// a proxy on this machine would pass them on.
func (g guard) local(next http.Handler) http.Handler {
	inside := g.control(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) || !isHere(g.listens()) {
			http.NotFound(w, r)
			return
		}
		inside.ServeHTTP(w, r)
	})
}

// token is the token that clients must send. One that cannot be read admits nobody.
func (g guard) token(w http.ResponseWriter) (want string, ok bool) {
	if g.Token == nil {
		return "", true
	}
	want, err := g.Token()
	if err != nil {
		http.Error(w, "the token cannot be read", http.StatusInternalServerError)
		return "", false
	}
	return want, true
}

// shows compares in constant time, and answers that a token is required.
func shows(w http.ResponseWriter, r *http.Request, want string) bool {
	got, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	if bearer && subtle.ConstantTimeCompare(a[:], b[:]) == 1 {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="statline"`)
	http.Error(w, "want Authorization: Bearer and the token of listen-token", http.StatusUnauthorized)
	return false
}

// listens is the host that the daemon listens on.
func (g guard) listens() string {
	host, _, err := net.SplitHostPort(g.Address)
	if err != nil {
		return ""
	}
	return host
}

// fromHere reports whether a request came over loopback.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && isHere(host)
}

func isHere(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
