// Package receipt says what became of one customer's requests in a span, for a
// dispute or a credit, and signs it. Its guarantee: two receipts of the same
// stored responses are the same bytes, and what a receipt says is of its key alone.
// It proves nothing by itself: the audit of the span comes from package store.
package receipt

import (
	"fmt"
	"strings"
	"time"

	"statline/classify"
)

// Version is the format of a receipt; it changes when a field changes its meaning.
const Version = 1

// Receipt is what became of one key's requests in [From, To).
type Receipt struct {
	Version  int       `json:"receipt"`
	KeyID    string    `json:"key_id"`
	Customer string    `json:"customer,omitempty"` // what the key is called
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`

	Totals
	Bytes    uint64         `json:"bytes"`
	Groups   []GroupCount   `json:"failures_by_group"`
	Codes    []CodeCount    `json:"failures_by_code"`
	Services []ServiceCount `json:"services"`
	Days     []DayCount     `json:"days"`

	Incidents []CustomerIncident `json:"incidents"`
	Proof     Proof              `json:"proof"`
}

// Totals count responses.
type Totals struct {
	Requests   uint64 `json:"requests"`
	Failures   uint64 `json:"failures"`
	ServerSide uint64 `json:"failures_on_the_servers_side"`
	// Available is the share of the requests that did not fail on the server's side,
	// in percent, rounded down to four parts; empty without requests.
	Available string `json:"availability_percent"`
}

// GroupCount counts the failures of a group of outcomes.
type GroupCount struct {
	Group    string `json:"group"`
	Requests uint64 `json:"requests"`
}

// CodeCount counts the failures with one outcome and code of the API; code 0 is none.
type CodeCount struct {
	Outcome  string `json:"outcome"`
	Code     uint16 `json:"code"`
	Group    string `json:"group"`
	Requests uint64 `json:"requests"`
}

// ServiceCount counts one service's responses to the key.
type ServiceCount struct {
	Service string `json:"service"`
	Totals
}

// DayCount counts the responses of one day, UTC, within the time range.
type DayCount struct {
	Day string `json:"day"`
	Totals
}

// CustomerIncident is an incident that affected the key: its own, or one of a service
// that it used. The latter has no figures, because they include other customers.
type CustomerIncident struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Of      string    `json:"of"` // key or service
	Service string    `json:"service,omitempty"`
	Opened  time.Time `json:"opened"`
	// Closed is nil when it was still open at the end of the span.
	Closed   *time.Time `json:"closed"`
	Requests uint64     `json:"requests,omitempty"`
	Affected uint64     `json:"affected,omitempty"`
	Summary  string     `json:"summary,omitempty"`
}

// Proof says where the figures come from.
type Proof struct {
	// Verdict is the audit's, a sentence.
	Verdict string `json:"audit"`
	// Ledger are the offsets of the log with responses in the time range.
	Ledger []Range `json:"ledger"`
	// Unreadable is the number of lines of those offsets from which no key could be
	// read.
	Unreadable uint64 `json:"unreadable_lines"`
}

// Range is offsets [First, End) of one partition, stored under one configuration.
type Range struct {
	Cluster    string `json:"cluster"`
	Topic      string `json:"topic"`
	Epoch      uint32 `json:"epoch"`
	Partition  int32  `json:"partition"`
	First      int64  `json:"first"`
	End        int64  `json:"end"`
	Kind       string `json:"kind"` // block, or replay of lines that could not be read at first
	ConfigHash string `json:"config_hash"`
}

// Clean is the verdict of an audit that found nothing wrong; only such time ranges
// have receipts.
const Clean = "every response of these offsets is counted exactly once"

// Refused is why there is no receipt.
type Refused struct{ Missing []string }

func (r *Refused) Error() string {
	return "no receipt: what is stored of the span is not whole:\n  " + strings.Join(r.Missing, "\n  ") +
		"\nstatline audit says what differs and what mends it; a receipt of another span may be whole"
}

// group is a name for outcomes that customers see as one thing.
type group struct {
	name string
	of   classify.Group
}

// groups are disjoint; the last has all other failures.
func groups() []group {
	list := []group{
		{"on the server's side", classify.ServerSide},
		{"over the rate limit", classify.Limited},
		{"suspended key or disabled account", classify.DeadKey},
		{"unknown key or unverified account", classify.UnusableKey},
		{"login or access refused", classify.LoginFailed | classify.GroupOf(classify.AccessDenied)},
	}
	rest := classify.Failed
	for _, g := range list {
		rest &^= g.of
	}
	return append(list, group{"the request itself", rest})
}

// groupOf is the group of a stored outcome, "" if it is no failure.
func groupOf(outcome string) string {
	for _, g := range groups() {
		if g.of.HasName(outcome) {
			return g.name
		}
	}
	return ""
}

func (t *Totals) add(outcome string, n uint64) {
	t.Requests += n
	if classify.Failed.HasName(outcome) {
		t.Failures += n
	}
	if classify.ServerSide.HasName(outcome) {
		t.ServerSide += n
	}
	t.Available = share(t.Requests-t.ServerSide, t.Requests)
}

// share is part of whole in percent, rounded down, so that only the whole is 100 %.
func share(part, whole uint64) string {
	if whole == 0 {
		return ""
	}
	const parts = 1_000_000 // of which one is 0.0001 %
	// part*parts may be beyond 64 bits: the integer part first.
	millionths := part/whole*parts + part%whole*parts/whole
	return fmt.Sprintf("%d.%04d", millionths/10_000, millionths%10_000)
}
