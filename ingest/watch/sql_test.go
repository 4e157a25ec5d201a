package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// However many names there are, each list fits a query and none is lost.
func TestPartsFitAQuery(t *testing.T) {
	for _, n := range []int{0, 1, 5000, 300_000} {
		var names, got []string
		for i := range n {
			names = append(names, fmt.Sprintf("%026d", i))
		}
		for part := range parts(names) {
			if text := "'" + strings.Join(part, "', '") + "'"; len(part) == 0 || len(text) > maxNamesBytes {
				t.Fatalf("%d names: a list of %d bytes", n, len(text))
			}
			got = append(got, part...)
		}
		if !slices.Equal(got, names) {
			t.Errorf("%d names: got %d", n, len(got))
		}
	}
	long := strings.Repeat("x", maxNamesBytes+1)
	if got := slices.Collect(parts([]string{"a", long, "b"})); len(got) != 3 {
		t.Errorf("a name longer than a list: got %d lists; want 3", len(got))
	}
}
