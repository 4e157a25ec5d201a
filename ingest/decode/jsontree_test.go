package decode

import "testing"

// Promise: a guessed key is taken for the one that stands there only when they are
// the same, byte for byte, whatever their length and however few bits differ.
func TestGuessedKeyIsThatKey(t *testing.T) {
	const text = "abcdefghijklmnopqrstuvwxyz0123456789"
	for n := 1; n <= 24; n++ {
		tree := newTree()
		guess := tree.at(text[:n])
		s := newScanner(tree, nil)
		x := &tree.nodes[guess].shape
		for _, rest := range []string{"", `1}`, `"a text that is long enough"}`} {
			line := []byte(text[:n] + `":` + rest)
			matches := func() bool {
				if x.len > maxShape || len(line) <= maxShape {
					return s.spelled(guess, line, 0) > 0
				}
				return x.fits((*[maxShape + 1]byte)(line))
			}
			if !matches() {
				t.Errorf("%q is not found in %q", text[:n], line)
			}
			for i := range n + 2 {
				for bit := range 8 {
					line[i] ^= 1 << bit
					if matches() {
						t.Errorf("%q is found in %q", text[:n], line)
					}
					line[i] ^= 1 << bit
				}
			}
		}
	}
}
