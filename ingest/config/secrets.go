package config

import (
	"cmp"
	"net/url"
	"os"
	"slices"
	"strings"
)

// leastSecret is the shortest text that Secrets lists: a shorter one stands in
// words and numbers too.
const leastSecret = 4

// Secrets lists what no output may hold, the longest first: the values that are
// masked, what the masks of addresses hide, the secret that keys are hashed with,
// and what the files hold that are named for secrets. Texts of fewer than four
// bytes are left out, and files that cannot be read.
func (c *Config) Secrets() []string {
	found := map[string]bool{}
	add := func(s string) {
		if s = strings.TrimSpace(s); len(s) >= leastSecret {
			found[s] = true
		}
	}
	for _, o := range c.options() {
		if o.value == nil {
			continue
		}
		value := o.value.String()
		if base, ok := strings.CutSuffix(o.Name, "-file"); ok && value != "" {
			if of, known := find(base); known && of.Mask != nil {
				if b, err := os.ReadFile(value); err == nil {
					add(string(b))
				}
			}
		}
		if o.Mask == nil || value == "" {
			continue
		}
		shown := o.Mask(value)
		if shown == masked {
			add(value)
		}
		plain, err := url.PathUnescape(value)
		if err != nil {
			plain = value
		}
		for _, piece := range slices.Concat(pieces(value), pieces(plain)) {
			if !strings.Contains(shown, piece) {
				add(piece)
			}
		}
	}
	if secret, _, err := c.FindHMAC(); err == nil {
		add(string(secret))
	}
	all := make([]string, 0, len(found))
	for s := range found {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return all
}

// pieces are the words of an address.
func pieces(address string) []string {
	return strings.FieldsFunc(address, func(r rune) bool { return strings.ContainsRune("/:@?&=#,", r) })
}
