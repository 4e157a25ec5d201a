package decode

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func TestParseAddressBits(t *testing.T) {
	for _, good := range []string{"/24,/48", "/0,/0", "/32,/128"} {
		b, err := ParseAddressBits(good)
		if err != nil || b.String() != good {
			t.Errorf("%s: got %v, %v", good, b, err)
		}
	}
	if b, err := ParseAddressBits(""); b != nil || err != nil {
		t.Errorf("empty: got %v, %v; want whole addresses", b, err)
	}
	for _, bad := range []string{"/24", "24,48", "/33,/48", "/24,/129", "/-1,/48", "/24,/48,/64", "/24;/48", "no"} {
		if _, err := ParseAddressBits(bad); err == nil || !strings.Contains(err.Error(), "/24,/48") {
			t.Errorf("%s: got %v; want an error that shows how", bad, err)
		}
	}
}

func TestAnonymisedText(t *testing.T) {
	bits := &AddressBits{V4: 24, V6: 48}
	for in, want := range map[string]string{
		"client 203.0.113.7 timed out":          "client 203.0.113.0 timed out",
		"203.0.113.7:443, 198.51.100.9":         "203.0.113.0:443, 198.51.100.0",
		"peer:203.0.113.7.":                     "peer:203.0.113.0.",
		"x203.0.113.7y":                         "x203.0.113.0y",
		"a=203.0.113.7&b=1":                     "a=203.0.113.0&b=1",
		"[2001:db8:1:2:3:4:5:6]:443":            "[2001:db8:1::]:443",
		"ip=2001%3Adb8%3A1%3A2%3A%3A6&x":        "ip=2001%3Adb8%3A1%3A%3A&x",
		"ip=2001%3adb8%3a1%3a2%3a%3a6":          "ip=2001%3adb8%3a1%3a%3a",
		"addr:2001:db8:1:2::6 said":             "addr:2001:db8:1:: said",
		"code:2001:db8:1:2:3:4:5:6":             "code:2001:db8:1::",
		"fe80::1%eth0":                          "fe80::%eth0",
		"::ffff:203.0.113.7":                    "::ffff:203.0.113.0",
		"203.0.113.7:198.51.100.9":              "203.0.113.0:198.51.100.0",
		"at 2026-03-01T12:00:01.250Z":           "at 2026-03-01T12:00:01.250Z",
		"12:30:45 1.5.2 3.14 256.1.1.1 1.2.3":   "12:30:45 1.5.2 3.14 256.1.1.1 1.2.3",
		"face::book":                            "face::book",
		"0123456789abcdef:0123456789abcdef:: x": "0123456789abcdef:0123456789abcdef:: x",
		"":                                      "",
	} {
		if got := string(bits.text(nil, []byte(in))); got != want {
			t.Errorf("%q: got %q; want %q", in, got, want)
		}
	}
}

// Nothing that leaves the decoder has an address whole, wherever it stood.
func TestNoWholeAddressIsKept(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cfg := Config{KeepAddress: &AddressBits{V4: 24, V6: 48}}
	v4 := func() netip.Addr {
		return netip.AddrFrom4([4]byte{byte(1 + rng.IntN(220)), byte(rng.IntN(256)), byte(rng.IntN(256)),
			byte(1 + rng.IntN(255))})
	}
	v6 := func() netip.Addr {
		a := [16]byte{0x20, 0x01}
		for i := 2; i < 16; i++ {
			a[i] = byte(1 + rng.IntN(255))
		}
		return netip.AddrFrom16(a)
	}
	for range 300 {
		for _, a := range []netip.Addr{v4(), v6()} {
			bits := 24
			if a.Is6() {
				bits = 48
			}
			kept, err := a.Prefix(bits)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{
				`{"ts":"2026-03-01T12:00:01Z","service":"s","method":"GET","path":"/3/host/A/x?ip=A&n=1","status":503,"message":"no route to A:443","client_ip":"A","user_agent":"probe/1 (A)","request_id":"A-7"}`,
				`A - - [01/Mar/2026:12:00:01 +0000] "GET /from/A?peer=A HTTP/1.1" 404 12 "-" "check A"`,
				`2026-03-01 12:00:01 an application's line about A and [A]:80`,
				`{"level":"error","client":"A","msg":"peer A went away"}`,
			} {
				line = strings.ReplaceAll(line, "A", a.String())
				for _, g := range decodeAll(t, cfg, line) {
					if text := fmt.Sprintf("%+v", g); strings.Contains(text, a.String()) {
						t.Fatalf("%s: %s is kept: %s", line, a, text)
					}
					if g.Reason == "" && g.IP != kept.Addr().String() {
						t.Errorf("%s: got client %s; want %s", line, g.IP, kept.Addr())
					}
				}
			}
		}
	}
}

func TestAddressBitsAreInTheFingerprint(t *testing.T) {
	seen := map[string]string{}
	for _, c := range []Config{{}, {KeepAddress: &AddressBits{24, 48}}, {KeepAddress: &AddressBits{16, 48}},
		{KeepAddress: &AddressBits{24, 56}}, {ShortAgents: true}} {
		h := c.Fingerprint()
		if other, ok := seen[h]; ok {
			t.Errorf("%+v has the hash of %s", c, other)
		}
		seen[h] = fmt.Sprintf("%+v", c)
	}
}

func TestShortAgents(t *testing.T) {
	for in, want := range map[string]string{
		"okhttp/4.12.0": "okhttp/4.12.0",
		"python-requests/2.32.3 (Linux; joe's laptop)": "python-requests/2.32.3",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36":                   "Chrome/120.0.0.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91":       "Edg/120.0.2210.91",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1": "Safari/604.1",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)":                                  "GPTBot/1.2",
		"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0":                                                                  "Firefox/121.0",
		"Mozilla/5.0 (PlayStation; PlayStation 5/8.00)":                                                                                           "Mozilla/5.0",
		"curl/8.5.0": "curl/8.5.0",
		"my tool":    "my",
	} {
		g := one(t, Config{ShortAgents: true},
			fmt.Sprintf(`{"ts":"2026-03-01T12:00:01Z","service":"s","path":"/x","status":500,"user_agent":%q}`, in))
		if g.Agent != want {
			t.Errorf("%q: got %q; want %q", in, g.Agent, want)
		}
	}
}

func FuzzAnonymised(f *testing.F) {
	for _, s := range []string{"203.0.113.7", "[2001:db8::1]:80", "a%3Ab%3A%3A1", "::ffff:1.2.3.4.5",
		"1.2.3.4:5.6.7.8"} {
		f.Add([]byte(s))
	}
	bits := &AddressBits{V4: 16, V6: 32}
	f.Fuzz(func(t *testing.T, in []byte) {
		once := bits.text(nil, in)
		if len(once) > 3*len(in)+48 {
			t.Fatalf("%d bytes of %d", len(once), len(in))
		}
	})
}
