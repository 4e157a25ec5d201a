package aggregate

import (
	"reflect"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// listed is Rows with what its lists have.
type listed struct {
	Rows           Rows
	Keys, KeysHour []KeyRow
	Clients        []ClientRow
}

func listedOf(r Rows) listed {
	p := listed{r, r.Keys.All(), r.KeysHour.All(), r.Clients.All()}
	p.Rows.Keys, p.Rows.KeysHour, p.Rows.Clients = List[KeyRow]{}, List[KeyRow]{}, List[ClientRow]{}
	return p
}

// withoutEmpty makes empty slices nil, for DeepEqual: cmp.Diff takes seconds
// for what it takes milliseconds.
func withoutEmpty(r listed) listed {
	v := reflect.ValueOf(&r.Rows).Elem()
	for i := range v.NumField() {
		emptyToNil(v.Field(i))
	}
	v = reflect.ValueOf(&r).Elem()
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
	if reflect.DeepEqual(withoutEmpty(listedOf(got)), withoutEmpty(listedOf(want))) {
		return
	}
	diff := gocmp.Diff(listedOf(want), listedOf(got), cmpopts.EquateEmpty(),
		cmpopts.IgnoreTypes(List[KeyRow]{}, List[ClientRow]{}))
	if len(diff) > 4000 {
		diff = diff[:4000] + "..."
	}
	t.Fatalf("%s: rows differ (-want +got):\n%s", what, diff)
}
