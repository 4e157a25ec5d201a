package decode

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// from draws n characters of an alphabet.
func from(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	lowers  = "abcdefghijklmnopqrstuvwxyz"
	uppers  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	base62  = digits + uppers + lowers
	safe    = "bcdfghjklmnpqrstvwxz2456789" // of Kubernetes
	base32  = "0123456789bcdefghjkmnpqrstuvwxyz"
	url64   = base62 + "-_"
	hexes   = digits + "abcdef"
	upper36 = digits + uppers
)

// styles are the ways in which APIs write ids, and the share of ids that has to
// fall into one template.
var styles = []struct {
	name  string
	share float64
	id    func(r *rand.Rand) string
}{
	{"nanoid", 0.98, func(r *rand.Rand) string { return from(r, url64, 21) }},
	{"video", 0.98, func(r *rand.Rand) string { return from(r, url64, 11) }},
	{"base62 of 8", 0.90, func(r *rand.Rand) string { return from(r, base62, 8) }},
	{"base62 of 7", 0.90, func(r *rand.Rand) string { return from(r, base62, 7) }},
	{"base62 of 10", 0.98, func(r *rand.Rand) string { return from(r, base62, 10) }},
	{"base62 of 12", 0.98, func(r *rand.Rand) string { return from(r, base62, 12) }},
	{"base62 of 16", 0.98, func(r *rand.Rand) string { return from(r, base62, 16) }},
	{"base62 of 22", 0.98, func(r *rand.Rand) string { return from(r, base62, 22) }},
	{"order", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("ORD-%06d", r.IntN(1e6)) }},
	{"user", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("user%d", 1+r.IntN(9999)) }},
	{"small user", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("user%d", 1+r.IntN(99)) }},
	{"OData", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("Products(%d)", r.IntN(1e5)) }},
	{"chat channel", 0.98, func(r *rand.Rand) string { return "C0" + from(r, upper36, 9) }},
	{"short chat channel", 0.98, func(r *rand.Rand) string { return "U" + from(r, upper36, 8) }},
	{"shop item", 0.98, func(r *rand.Rand) string { return "B0" + from(r, upper36, 8) }},
	{"IPv6", 0.98, func(r *rand.Rand) string {
		var a [16]byte
		for i := range a {
			a[i] = byte(r.IntN(256))
		}
		a[0], a[1] = 0x20, 0x01
		return netip.AddrFrom16(a).String()
	}},
	{"pod", 0.98, func(r *rand.Rand) string {
		return "movie-search-" + from(r, safe, 9+r.IntN(2)) + "-" + from(r, safe, 5)
	}},
	{"image tag", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("%d.%d.%d-alpine", r.IntN(20), r.IntN(40), r.IntN(20)) }},
	{"version", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("v%d.%d.%d", r.IntN(20), r.IntN(40), r.IntN(20)) }},
	{"issue", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("PROJ-%d", 1+r.IntN(9999)) }},
	{"geohash", 0.90, func(r *rand.Rand) string { return from(r, base32, 8+r.IntN(4)) }},
	{"geohash of 7", 0.90, func(r *rand.Rand) string { return from(r, base32, 7) }},
	{"7 hex", 0.98, func(r *rand.Rand) string { return from(r, hexes, 7) }},
	{"8 hex", 0.98, func(r *rand.Rand) string { return from(r, hexes, 8) }},
	{"40 hex", 0.98, func(r *rand.Rand) string { return from(r, hexes, 40) }},
	{"customer of 14", 0.98, func(r *rand.Rand) string { return "cus_" + from(r, base62, 14) }},
	{"14", 0.98, func(r *rand.Rand) string { return from(r, base62, 14) }},
	{"flight", 0.98, func(r *rand.Rand) string { return from(r, uppers, 2) + fmt.Sprint(100+r.IntN(9900)) }},
	{"security", 0.98, func(r *rand.Rand) string {
		return []string{"US", "DE", "FR", "GB"}[r.IntN(4)] + from(r, upper36, 9) + from(r, digits, 1)
	}},
	{"term", 0.98, func(r *rand.Rand) string {
		word := make([]rune, 2+r.IntN(5))
		for i := range word {
			word[i] = rune(0x4e00 + r.IntN(5000))
		}
		return string(word)
	}},
	{"number", 0.98, func(r *rand.Rand) string { return fmt.Sprint(1000 + r.IntN(1e9)) }},
	{"movie", 0.98, func(r *rand.Rand) string { return fmt.Sprintf("tt%07d", r.IntN(1e7)) }},
}

// Promise: of 500 random ids of a style nearly all are one route, whatever the
// seed.
func TestIDsAreOneRoute(t *testing.T) {
	for _, s := range styles {
		for seed := range uint64(3) {
			r := rand.New(rand.NewPCG(seed, 16))
			count := map[string]int{}
			other := map[string]string{}
			for range 500 {
				path := "/v1/things/" + s.id(r) + "/parts"
				route := templateOf(t, nil, path)
				count[route]++
				other[route] = path
			}
			top := ""
			for route, n := range count {
				if n > count[top] {
					top = route
				}
			}
			if n := count[top]; float64(n) < s.share*500 || !strings.Contains(top, "{") ||
				strings.Contains(top, "{...}") {
				delete(other, top)
				t.Errorf("%s, seed %d: got %d of 500 as %s; want %.0f %%; others such as %.300v", s.name, seed, n, top,
					100*s.share, other)
			}
		}
	}
}

// Promise: words that people name paths with stay, all of them.
func TestWordsStay(t *testing.T) {
	text, err := os.ReadFile("testdata/pathwords.txt")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(text))
	if len(words) < 1000 {
		t.Fatalf("got %d words; want 1,000", len(words))
	}
	for _, w := range words {
		if got := templateOf(t, nil, "/x/"+w+"/y"); got != "/x/"+w+"/y" {
			t.Errorf("%s: got %s", w, got)
		}
	}
}

// The rest of a style of short ids is proposed as a rule.
func TestSuggestFoldsShortIDs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var paths []string
	for range 500 {
		paths = append(paths, "/geo/"+from(r, base32, 6))
	}
	if rules := Suggest(paths); len(rules) > 1 || len(rules) == 1 && !strings.HasPrefix(rules[0].Pattern, "/geo/{") {
		t.Errorf("got %v; want at most one rule for /geo/", rules)
	}
}

// What looks like one kind and is another.
func TestRouteLookalikes(t *testing.T) {
	for path, want := range map[string]string{
		"/img/1343@2x.png":                      "/img/{id}",
		"/2010-04-01/Accounts":                  "/2010-04-01/Accounts",
		"/api/2010-04-01/Accounts":              "/api/2010-04-01/Accounts",
		"/reports/2010-04-01/rows":              "/reports/{date}/rows",
		"/2010-04-01":                           "/{date}",
		"/odata/Products(29236)":                "/odata/Products({id})",
		"/odata/Customers('ALFKI')/Orders":      "/odata/Customers({id})/Orders",
		"/odata/Top()":                          "/odata/Top()",
		"/v1beta1/users":                        "/v1beta1/users",
		"/hosts/2001:db8::1":                    "/hosts/{ip}",
		"/search/%E6%9D%B1%E4%BA%AC":            "/search/{text}",
		"/café/menu":                            "/café/menu",
		"/getUserById/7":                        "/getUserById/{id}",
		"/images/logstash-monitorama-2013":      "/images/logstash-monitorama-2013",
		"/user/jo@example.com":                  "/user/{email}",
		"/posts/summer-2024":                    "/posts/summer-2024",
		"/orders/order-12345":                   "/orders/{id}",
		"/k8s/web-5d4f8c9b7-x2x4z/log":          "/k8s/{pod}/log",
		"/docs/getting-started-with-management": "/docs/getting-started-with-management",
	} {
		if got := templateOf(t, nil, path); got != want {
			t.Errorf("%s: got %s; want %s", path, got, want)
		}
	}
}
