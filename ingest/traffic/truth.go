package traffic

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Truth counts the lines that a generator gave out, as it meant them: no line was read for
// it.
type Truth struct {
	Records      uint64            `json:"records"`   // lines
	Responses    uint64            `json:"responses"` // lines that are a response
	Rejected     uint64            `json:"rejected"`  // malformed lines
	ByCode       map[string]uint64 `json:"by_code"`   // "0": no code
	ByHTTPStatus map[string]uint64 `json:"by_http_status"`
	ByOutcome    map[string]uint64 `json:"by_outcome"`
	ByService    map[string]uint64 `json:"by_service"`
	ByMinute     map[string]uint64 `json:"by_minute"` // RFC 3339, UTC, responses only
	// responses to requests that declared not to be the first try
	Retries uint64    `json:"retries,omitempty"`
	Planted []Planted `json:"planted"`
	First   time.Time `json:"first"` // event time of the earliest response
	Last    time.Time `json:"last"`
}

// Planted is one event of the scenario that has begun.
type Planted struct {
	Kind       string    `json:"kind"`        // an incident kind
	EntityType string    `json:"entity_type"` // service, key, client, contract
	Entity     string    `json:"entity"`      // service, key in clear, ip, or service/code/status
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`     // planned end, or the last event time when that is earlier
	Due        time.Time `json:"due"`     // event time by which it can be recognised
	Records    uint64    `json:"records"` // lines of it so far
	Note       string    `json:"note"`
}

// WriteTo writes the truth as one indented JSON object, keys sorted.
func (t *Truth) WriteTo(w io.Writer) (int64, error) {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return 0, fmt.Errorf("encode truth: %w", err)
	}
	n, err := w.Write(append(text, '\n'))
	if err != nil {
		return int64(n), fmt.Errorf("write truth: %w", err)
	}
	return int64(n), nil
}

// maxCode bounds the codes that a scenario may use.
const maxCode = 64

// tally counts the truth in arrays, so that a line costs a few increments.
type tally struct {
	records, rejected uint64
	retries           uint64
	code              [maxCode]uint64
	status            [600]uint64
	outcome           [outcomes]uint64
	service           []uint64
	firstMinute       int64 // Unix minutes
	minute            []uint64
	first, last       int64 // milliseconds
}

func newTally(services int, start int64) tally {
	return tally{service: make([]uint64, services), firstMinute: start / 60_000}
}

// count counts one response.
func (c *tally) count(at int64, service int, status int16, code uint16, o outcome) {
	c.records++
	c.code[code]++
	c.status[status]++
	c.outcome[o]++
	c.service[service]++
	m := int(at/60_000 - c.firstMinute)
	for m >= len(c.minute) {
		c.minute = append(c.minute, 0)
	}
	c.minute[m]++
	if at < c.first || c.first == 0 {
		c.first = at
	}
	c.last = max(c.last, at)
}

// truth gives the counts their names.
func (c *tally) truth(services []service) *Truth {
	t := &Truth{
		Records: c.records, Rejected: c.rejected, Responses: c.records - c.rejected,
		ByCode: map[string]uint64{}, ByHTTPStatus: map[string]uint64{}, ByOutcome: map[string]uint64{},
		ByService: map[string]uint64{}, ByMinute: map[string]uint64{},
		Planted: []Planted{}, Retries: c.retries,
	}
	if t.Responses > 0 {
		t.First, t.Last = time.UnixMilli(c.first).UTC(), time.UnixMilli(c.last).UTC()
	}
	put := func(m map[string]uint64, name string, n uint64) {
		if n > 0 {
			m[name] = n
		}
	}
	for i, n := range c.code {
		put(t.ByCode, strconv.Itoa(i), n)
	}
	for i, n := range c.status {
		put(t.ByHTTPStatus, strconv.Itoa(i), n)
	}
	for i, n := range c.outcome {
		put(t.ByOutcome, outcomeNames[i], n)
	}
	for i, n := range c.service {
		put(t.ByService, services[i].name, n)
	}
	for i, n := range c.minute {
		put(t.ByMinute, time.Unix((c.firstMinute+int64(i))*60, 0).UTC().Format(time.RFC3339), n)
	}
	return t
}
