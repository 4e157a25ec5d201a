package watch

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"statline/classify/detect"
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

// A need that is too long for one query is asked for in parts: each name once, fresh ones
// since their first minute, and the whole ones among them.
func TestNeedParts(t *testing.T) {
	list := func(prefix string, n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf("%s-%06d-of-a-long-name", prefix, i))
		}
		return names
	}
	small := Need{Names: list("known", 3), Minutes: []detect.Minute{8}, Fresh: list("fresh", 2), First: 5}
	if got := small.parts(); len(got) != 1 || !reflect.DeepEqual(got[0], small) {
		t.Errorf("got parts %v; want the need itself", got)
	}
	if got := (&Need{Minutes: []detect.Minute{8}}).parts(); got != nil {
		t.Errorf("got parts %v of no names; want none", got)
	}
	n := Need{Names: list("known", 9000), Minutes: []detect.Minute{8}, Fresh: list("fresh", 7000), First: 5}
	var names, fresh, whole []string
	for _, part := range n.parts() {
		if len(part.Names) > 0 && len(part.Fresh) > 0 || len(part.Fresh) > 0 && part.First != 5 {
			t.Errorf("got a part of %d names and %d fresh ones since %d", len(part.Names), len(part.Fresh), part.First)
		}
		where, args := part.where("key_id", "arrayJoin(?)")
		if strings.Count(where, "?") != len(args) {
			t.Errorf("got %d arguments of %s", len(args), where)
		}
		names, fresh = append(names, part.Names...), append(fresh, part.Fresh...)
		whole = append(whole, among(part.Names, n.Names[4000:5000])...)
	}
	if !slices.Equal(names, n.Names) || !slices.Equal(fresh, n.Fresh) || !slices.Equal(whole, n.Names[4000:5000]) {
		t.Errorf("got %d names, %d fresh and %d whole ones; want 9000, 7000 and 1000", len(names), len(fresh), len(whole))
	}
}
