package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"statline/ingest/store/storetest"
)

// A reader that knows no columns gets names, types and values, NULL among them,
// and can change nothing.
func TestAnswer(t *testing.T) {
	s := storetest.Open(t)
	var got []string
	head := func(names, types []string) error { got = append(got, fmt.Sprint(names, types)); return nil }
	row := func(values []any) error { got = append(got, fmt.Sprint(values)); return nil }
	err := s.Answer(t.Context(), `SELECT toDateTime(60, 'UTC') AS at, {name:String} AS name, if(number = 0, NULL, number) AS n, 0.5 AS share
FROM numbers(2) ORDER BY number`, map[string]any{"name": `x' OR 1=1 --\`}, head, row)
	at := time.Unix(60, 0).UTC()
	want := []string{"[at name n share] [DateTime String Nullable(UInt64) Float64]",
		fmt.Sprint([]any{at, `x' OR 1=1 --\`, nil, 0.5}), fmt.Sprint([]any{at, `x' OR 1=1 --\`, 1, 0.5})}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	err = s.Answer(t.Context(), "TRUNCATE TABLE "+s.Database()+".services", nil, head, row)
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), "readonly") {
		t.Errorf("a statement that changes something: got %v; want it refused", err)
	}
}
