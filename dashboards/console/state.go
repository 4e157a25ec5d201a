package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"statline/dashboards/query"
)

// state is the state of the store.
type state struct {
	First  int64 `json:"first"`  // first second stored, 0 when nothing is
	Newest int64 `json:"newest"` // the end of the newest stored minute
	Now    int64 `json:"now"`    // the moment from which spans count back
	Wall   int64 `json:"wall"`   // the server's clock
	// Old says that nothing is newer than an hour: time ranges and ages count from the
	// end of what is stored instead of the clock, so that old logs show.
	Old bool `json:"old"`
	// Page, Ticket and Info count the open incidents; Worst is the summary of the most
	// urgent one.
	Page   uint64 `json:"page"`
	Ticket uint64 `json:"ticket"`
	Info   uint64 `json:"info"`
	Worst  string `json:"worst"`
	// Stored and Incidents change whenever there are newer responses or other
	// incidents.
	Stored    string `json:"stored"`
	Incidents string `json:"incidents"`
	// Proved is the time up to which every response is proved to be stored once: the
	// last audit without a difference, 0 for never.
	Proved int64 `json:"proved"`

	wall time.Time
}

// oldAfter is the age of the newest minute from which on time ranges count back from
// it.
const oldAfter = time.Hour

// clock is the moment that counts as now.
func (s *state) clock() time.Time { return time.Unix(s.Now, 0).UTC() }

func (k *Console) state(ctx context.Context) (*state, error) {
	a, err := k.ask(ctx, query.State(), query.Params{})
	if err != nil {
		return nil, err
	}
	s := &state{wall: time.Now().UTC()}
	s.Wall = s.wall.Unix()
	if a.Rows != 1 {
		return nil, fmt.Errorf("the state: got %d rows; want 1", a.Rows)
	}
	row := map[string]any{} // its columns have the names of the fields
	for _, c := range a.Columns {
		row[c.Name] = c.Values[0]
	}
	text, err := json.Marshal(row)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil {
		return nil, fmt.Errorf("the state: %w", err)
	}
	s.Now = s.Wall
	if s.Newest > 0 {
		s.Newest += 60
		if s.Wall-s.Newest > int64(oldAfter/time.Second) {
			s.Old, s.Now = true, s.Newest
		}
	}
	return s, nil
}

// serveState sends the state.
func (k *Console) serveState(w http.ResponseWriter, r *http.Request) {
	s, err := k.state(r.Context())
	if err != nil {
		refuse(w, err)
		return
	}
	send(w, s)
}

// kindOf sorts ClickHouse's types into those that the page knows.
func kindOf(name string) string {
	if strings.HasPrefix(name, "SimpleAggregateFunction(") {
		name = name[strings.LastIndex(name, ", ")+2:]
	}
	for _, around := range []string{"LowCardinality(", "Nullable("} {
		name = strings.TrimPrefix(name, around)
	}
	switch {
	case strings.HasPrefix(name, "Date"):
		return "time"
	case strings.HasPrefix(name, "UInt"), strings.HasPrefix(name, "Int"), strings.HasPrefix(name, "Float"),
		strings.HasPrefix(name, "Decimal"):
		return "number"
	}
	return "text"
}
