package report

import (
	"context"
	"slices"
	"time"

	"statline/dashboards/query"
)

// Key is everything about one key in a time range.
type Key struct {
	ID       string    `json:"key_id"`
	Name     string    `json:"name"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Requests uint64    `json:"requests"`
	Failed   uint64    `json:"failed"`
	Refused  uint64    `json:"refused"` // for its rate
	// CountMax and LimitMax are the highest request count and limit that messages
	// told, 0 when none did.
	CountMax  uint32      `json:"count_max"`
	LimitMax  uint32      `json:"limit_max"`
	Quota     *Quota      `json:"quota"` // what headers told
	OverTime  []KeyTime   `json:"over_time"`
	Uses      []KeyUse    `json:"uses"`
	Addresses []KeySource `json:"addresses"`
	Agents    []KeySource `json:"agents"`
	Incidents []Incident  `json:"incidents"`
	Samples   []Sample    `json:"samples"`
}

// KeyTime is a part of the time range.
type KeyTime struct {
	Time     time.Time `json:"time"`
	Requests uint64    `json:"requests"`
	Failed   uint64    `json:"failed"`
	Refused  uint64    `json:"refused"`
	CountMax uint32    `json:"count_max"`
	LimitMax uint32    `json:"limit_max"`
}

// KeyUse is what came of a key's requests to a service.
type KeyUse struct {
	Service   string    `json:"service"`
	Outcome   string    `json:"outcome"`
	Code      uint16    `json:"code"`
	Requests  uint64    `json:"requests"`
	Bytes     uint64    `json:"bytes"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// KeySource is an address or a user agent.
type KeySource struct {
	Name      string    `json:"name"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// keyPieces is the largest number of parts of a key's time range.
const keyPieces = 24

// ReadKey reads everything about the key of a whole id.
func ReadKey(ctx context.Context, s Store, w TimeRange, id string) (*Key, error) {
	p := query.Params{From: w.From, To: w.To.Add(-time.Minute), Keys: []string{id}, Step: pieceOf(w.To.Sub(w.From)),
		Now: w.To}
	k := &Key{ID: id, From: w.From.UTC(), To: w.To.UTC()}
	var err error
	if k.OverTime, err = Collect(ctx, s, "the key over time", query.KeyOverTime(), p,
		func(scan Scan) (t KeyTime, err error) {
			err = scan(&t.Time, &t.Requests, &t.Failed, &t.Refused, &t.CountMax, &t.LimitMax)
			return t, err
		}); err != nil {
		return nil, err
	}
	if k.Uses, err = Collect(ctx, s, "what the key did", query.KeyUses(), p, func(scan Scan) (u KeyUse, err error) {
		err = scan(&u.Service, &u.Outcome, &u.Code, &u.Requests, &u.Bytes, &u.FirstSeen, &u.LastSeen)
		return u, err
	}); err != nil {
		return nil, err
	}
	scanSource := func(scan Scan) (u KeySource, err error) {
		err = scan(&u.Name, &u.FirstSeen, &u.LastSeen)
		return u, err
	}
	if k.Addresses, err = Collect(ctx, s, "the key's addresses", query.KeyAddresses(), p, scanSource); err != nil {
		return nil, err
	}
	if k.Agents, err = Collect(ctx, s, "the key's user agents", query.KeyAgents(), p, scanSource); err != nil {
		return nil, err
	}
	k.add()
	return k, k.readRest(ctx, s, w)
}

// add sums the pieces.
func (k *Key) add() {
	for _, t := range k.OverTime {
		k.Requests, k.Failed, k.Refused = k.Requests+t.Requests, k.Failed+t.Failed, k.Refused+t.Refused
		k.CountMax, k.LimitMax = max(k.CountMax, t.CountMax), max(k.LimitMax, t.LimitMax)
	}
}

// readRest reads what other tables have of the key.
func (k *Key) readRest(ctx context.Context, s Store, w TimeRange) error {
	f := Filter{Key: k.ID}
	quotas, err := Collect(ctx, s, "the limits that headers tell", query.NewReport(true).Quotas, params(w, f),
		scanQuota)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(quotas, func(q Quota) bool { return q.Key == k.ID }); i >= 0 {
		k.Quota = &quotas[i]
	}
	if k.Incidents, err = Incidents(ctx, s, w, f, false); err != nil {
		return err
	}
	if k.Samples, err = Samples(ctx, s, w, SampleFilter{Filter: f, Limit: 10}); err != nil {
		return err
	}
	k.Name, err = NameOf(ctx, s, k.ID)
	return err
}

// pieceOf is a round length for the parts of a time range.
func pieceOf(span time.Duration) time.Duration {
	for _, d := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour,
		6 * time.Hour} {
		if span <= keyPieces*d {
			return d
		}
	}
	days := (span + keyPieces*24*time.Hour - 1) / (keyPieces * 24 * time.Hour)
	return days * 24 * time.Hour
}
