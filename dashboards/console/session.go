package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Access says who may use the console.
type Access struct {
	// Local says that the listener is on loopback: then the console works without a
	// token. Elsewhere it does not.
	Local bool
	// Token returns the token that users must enter once, "" for none. It is called for
	// each request; an error admits nobody. nil means no token.
	Token func() (string, error)
	// TLS says that the listener has a certificate: then the cookie is sent over TLS
	// only.
	TLS bool
	// Hosts are names of this machine that a request's Host may be, besides localhost
	// and addresses.
	Hosts []string
}

const (
	// sessionFor is how long a cookie is valid.
	sessionFor = 12 * time.Hour
	// ownHeader is required on each POST: a foreign page cannot make a browser send it
	// here without permission.
	ownHeader = "X-Statline-Console"
	// longestBody bounds the body of a POST.
	longestBody = 4 << 10
)

// token is the token that users must have; ok says whether there is a console for it.
func (k *Console) token(w http.ResponseWriter, r *http.Request) (token string, ok bool) {
	if f := k.config.Access.Token; f != nil {
		var err error
		if token, err = f(); err != nil {
			http.Error(w, "the console's token cannot be read; see the log of statline", http.StatusInternalServerError)
			return "", false
		}
	}
	if token == "" && !k.config.Access.Local {
		http.NotFound(w, r)
		return "", false
	}
	return token, true
}

// admitted reports that a request has the token, as a cookie or, in a script, as
// Authorization: Bearer; if not, it answers so.
func admitted(w http.ResponseWriter, r *http.Request, token string) bool {
	if token == "" {
		return true
	}
	if got, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); bearer && same(got, token) {
		return true
	}
	if c, err := r.Cookie(cookieName(token)); err == nil {
		until, sign, _ := strings.Cut(c.Value, ".")
		if seconds, err := strconv.ParseInt(until, 10, 64); err == nil && time.Now().Unix() < seconds &&
			same(sign, seal(token, until)) {
			return true
		}
	}
	http.Error(w, "want the console's token", http.StatusUnauthorized)
	return false
}

// seal proves that a text comes from somebody who knows the token.
func seal(token, text string) string {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("statline console " + text))
	return hex.EncodeToString(m.Sum(nil))
}

// same compares in constant time.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// cookieName differs by the token: browsers send a host's cookies to all its ports,
// and another statline may listen there.
func cookieName(token string) string { return "statline-" + seal(token, "name")[:12] }

// own reports that a request other than GET comes from a page of ours.
func (k *Console) own(w http.ResponseWriter, r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case r.Header.Get(ownHeader) == "":
		http.Error(w, "got no header "+ownHeader+"; want one, with any value", http.StatusForbidden)
	case err != nil, origin.Host != "" && !strings.EqualFold(origin.Host, r.Host), site != "" &&
		site != "same-origin" && site != "none":
		http.Error(w, "got a request of another site's page", http.StatusForbidden)
	default:
		return true
	}
	return false
}

// takeBody reads the JSON of a POST into v.
func takeBody(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestBody)).Decode(v); err != nil {
		http.Error(w, "got a body that is not the JSON wanted", http.StatusBadRequest)
		return false
	}
	return true
}

// serveSession exchanges the token for a cookie that scripts cannot read and requests
// of foreign pages do not carry. An empty token removes the cookie.
func (k *Console) serveSession(w http.ResponseWriter, r *http.Request) {
	want, ok := k.token(w, r)
	if !ok || !k.own(w, r) {
		return
	}
	var got struct{ Token string }
	if !takeBody(w, r, &got) {
		return
	}
	c := http.Cookie{Name: cookieName(want), Path: "/", HttpOnly: true, Secure: k.config.Access.TLS,
		SameSite: http.SameSiteStrictMode}
	switch {
	case want == "":
		w.WriteHeader(http.StatusNoContent)
		return
	case got.Token == "":
		c.MaxAge = -1
	case !same(strings.TrimSpace(got.Token), want):
		http.Error(w, "that is not the token; the file of console-token-file holds it", http.StatusUnauthorized)
		return
	default:
		until := strconv.FormatInt(time.Now().Add(sessionFor).Unix(), 10)
		c.Value, c.MaxAge = until+"."+seal(want, until), int(sessionFor/time.Second)
	}
	http.SetCookie(w, &c)
	w.WriteHeader(http.StatusNoContent)
}

// behind admits requests with the token.
func (k *Console) behind(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := k.token(w, r)
		switch {
		case !ok:
		case r.Header.Get("Sec-Fetch-Site") == "cross-site":
			http.Error(w, "got a request of another site's page", http.StatusForbidden)
		case admitted(w, r, token):
			next(w, r)
		}
	}
}

// open serves what reveals nothing, but only where there is a console.
func (k *Console) open(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := k.token(w, r); ok {
			next(w, r)
		}
	}
}

// ours reports that a Host is one of this machine's: localhost, an address, or a
// configured name. A foreign page whose name was pointed at this machine's address
// (DNS rebinding) is recognised by its Host, which is never an address.
func (k *Console) ours(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if Loopback(host) {
		return true
	}
	for _, name := range k.config.Access.Hosts {
		if name != "" && strings.EqualFold(host, name) {
			return true
		}
	}
	return !k.config.Access.Local && net.ParseIP(strings.Trim(host, "[]")) != nil
}

// Loopback reports that a host is this machine only.
func Loopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
