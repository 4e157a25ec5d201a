package aggregate

import (
	"reflect"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// withoutEmpty makes empty slices nil, for DeepEqual: cmp.Diff takes seconds
// for what it takes milliseconds.
func withoutEmpty(r Rows) Rows {
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		emptyToNil(v.Field(i))
	}
	return r
}

func emptyToNil(v reflect.Value) {
	if v.Kind() != reflect.Slice {
		return
	}
	if v.Len() == 0 {
		v.SetZero()
		return
	}
	for i := range v.Len() {
		eachSlice(v.Index(i), func(s reflect.Value) {
			if s.Len() == 0 && !s.IsNil() {
				s.SetZero()
			}
		})
	}
}

// eachSlice calls f with the slices in a row and in what it points to.
func eachSlice(row reflect.Value, f func(s reflect.Value)) {
	if row.Kind() != reflect.Struct {
		return
	}
	for i := range row.NumField() {
		switch field := row.Field(i); field.Kind() {
		case reflect.Slice:
			f(field)
		case reflect.Pointer:
			eachSlice(field.Elem(), f)
		}
	}
}

func wantRows(t *testing.T, what string, got, want Rows) {
	t.Helper()
	if reflect.DeepEqual(withoutEmpty(got), withoutEmpty(want)) {
		return
	}
	diff := gocmp.Diff(want, got, cmpopts.EquateEmpty())
	if len(diff) > 4000 {
		diff = diff[:4000] + "..."
	}
	t.Fatalf("%s: rows differ (-want +got):\n%s", what, diff)
}
