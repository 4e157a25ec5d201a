package source

import (
	"reflect"
	"testing"
)

// Every counter of Stats is shown, once.
func TestEveryCounterIsShown(t *testing.T) {
	var s Stats
	fields := reflect.ValueOf(&s).Elem()
	left := map[int64]string{}
	for i := range fields.NumField() {
		fields.Field(i).SetInt(int64(i + 1))
		left[int64(i+1)] = fields.Type().Field(i).Name
	}
	for i := range metrics {
		v := metrics[i].value(&s)
		if left[v] == "" {
			t.Errorf("%s: shown twice", metrics[i].desc)
		}
		delete(left, v)
	}
	if len(left) > 0 {
		t.Errorf("not shown: %v", left)
	}
}
