package judge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"statline/classify/detect"
	"statline/ingest/traffic"
	"statline/ingest/watch"
)

// stage is a store in memory that holds the services of one world, as much of
// them as has come by the time of the last round, and what watch writes. It
// serves one Watch and its Notifier, which never restart, and keeps what the
// latter tells.
type stage struct {
	series    []*series
	late      func(service int, minute int) int // minutes that a row comes late
	start     detect.Minute
	now       int // minutes since then
	incidents map[string]watch.Stored
	told      map[string]watch.Told
	notices   []notice
}

// notice is one thing that somebody is told.
type notice struct {
	at      int // minute of the world
	service int
	what    string // as watch says it: open/page, open/page/4h, closed and so on
	inc     detect.Incident
}

// opens reports whether a notice is the first of something bad: that it began,
// became worse, or was.
func (n *notice) opens() bool {
	return strings.HasPrefix(n.what, "open/") && strings.Count(n.what, "/") == 1 || n.what == "over"
}

func (n *notice) closes() bool { return n.what == "closed" || n.what == "withdrawn" }

// live runs a world through Watch and Notifier, a round each step minutes, and
// returns what was told.
func live(c traffic.WorldConfig, step int, late func(service, minute int) int) (*stage, error) {
	w, err := traffic.NewWorld(c)
	if err != nil {
		return nil, err
	}
	s := &stage{late: late, incidents: map[string]watch.Stored{}, told: map[string]watch.Told{}}
	for i := range w.Services() {
		s.series = append(s.series, dense(w, i))
	}
	start := w.Config().Start
	s.start = detect.MinuteOf(start.Unix())
	cfg := watch.DefaultConfig()
	cfg.Logger, cfg.Instance = nil, "evaluate"
	cfg.Now = func() time.Time { return start.Add(time.Duration(s.now+1) * time.Minute) }
	loop := watch.New(cfg, s, s)
	notifier := loop.NewNotifier(s)
	const rare = 360 // minutes from round to round before the first incident
	warm := w.Config().WarmUp * 1440
	for s.now = step; s.now < len(s.series[0].counts); {
		if err := errors.Join(loop.Round(context.Background()), notifier.Round(context.Background())); err != nil {
			return nil, fmt.Errorf("%s world, minute %d: %w", c.Kind, s.now, err)
		}
		if s.now+rare < warm {
			s.now += rare
		} else {
			s.now += step
		}
	}
	return s, nil
}

// Rows implements watch.Evidence.
func (s *stage) Rows(_ context.Context, minutes []detect.Minute) (*watch.Rows, error) {
	b := &watch.Rows{Minutes: minutes}
	for _, m := range minutes {
		t := int(m - s.start)
		for i, x := range s.series {
			if t >= 0 && t <= s.now && x.counts[t].N > 0 && (s.late == nil || t+s.late(i, t) <= s.now) {
				b.Services = append(b.Services, watch.ServiceRow{Minute: m, Service: x.Service, Counts: x.counts[t]})
			}
		}
	}
	return b, nil
}

// Errors implements watch.Evidence: a world has none that are new.
func (s *stage) Errors(context.Context, []detect.Minute, []detect.Deploy) ([]watch.ErrorRow, error) {
	return nil, nil
}

// Seen implements watch.Tables: a world has one version.
func (s *stage) Seen(context.Context, []detect.Deploy) error { return nil }

// Progress implements watch.Tables.
func (s *stage) Progress(context.Context) (watch.Progress, error) {
	return watch.Progress{Watermark: (s.start + detect.Minute(s.now+1)).Time(), First: s.start}, nil
}

// Incidents implements watch.Tables and watch.Outbox.
func (s *stage) Incidents(_ context.Context, since detect.Minute) (rows []watch.Stored, err error) {
	for _, r := range s.incidents {
		if r.State == detect.Open || r.OpenedAt >= since || r.ClosedAt >= since {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b watch.Stored) int {
		return cmp.Or(cmp.Compare(a.OpenedAt, b.OpenedAt), cmp.Compare(a.ID, b.ID))
	})
	return rows, nil
}

// Write implements watch.Tables. What closed days ago is dropped: nobody asks.
func (s *stage) Write(_ context.Context, rows []watch.Stored, _ []watch.ScoreRow, _ uint64) error {
	const kept = 2 * 1440
	for id, r := range s.incidents {
		if r.State != detect.Open && r.ClosedAt < s.start+detect.Minute(s.now-kept) {
			delete(s.incidents, id)
		}
	}
	for _, r := range rows {
		s.incidents[r.ID] = r
	}
	return nil
}

// Lease implements watch.Outbox.
func (s *stage) Lease(context.Context, string, time.Time, time.Time) (bool, error) { return true, nil }

// Told implements watch.Outbox.
func (s *stage) Told(context.Context) (map[string]watch.Told, error) { return s.told, nil }

// Tell implements watch.Outbox.
func (s *stage) Tell(_ context.Context, id string, t watch.Told) error {
	s.told[id] = t
	inc := s.incidents[id].Incident
	service := slices.IndexFunc(s.series, func(x *series) bool { return x.Service == inc.Service })
	if service < 0 {
		return fmt.Errorf("told of %s %s, which is no service of the world", inc.Kind, inc.Entity)
	}
	s.notices = append(s.notices, notice{s.now, service, t.What, inc})
	return nil
}

// Notes implements watch.Tables and watch.Outbox: nobody says anything.
func (s *stage) Notes(context.Context, time.Time) ([]watch.Note, error) { return nil, nil }

// Sources implements watch.Tables.
func (s *stage) Sources(context.Context, map[string][]detect.Minute, detect.Minute, watch.EachSource) error {
	return nil
}

// Retried implements watch.Tables: no request declares a try.
func (s *stage) Retried(context.Context, string, detect.Minute, detect.Minute) (*watch.Retried, error) {
	return &watch.Retried{}, nil
}

// The worlds of services have no keys, clients, floods and pairs.

// Candidates implements watch.Evidence.
func (s *stage) Candidates(context.Context, []detect.Minute, detect.Minute, detect.Candidate) ([]string, error) {
	return nil, nil
}

// Keys implements watch.Evidence.
func (s *stage) Keys(context.Context, watch.KeyNeed, func(*watch.KeyRow)) error { return nil }

// ClientCandidates implements watch.Evidence.
func (s *stage) ClientCandidates(context.Context, []detect.Minute, detect.Minute, detect.ClientCandidate) ([]string,
	error) {
	return nil, nil
}

// Clients implements watch.Evidence.
func (s *stage) Clients(context.Context, watch.Need, func(*watch.ClientRow)) error {
	return nil
}

// FloodCandidates implements watch.Evidence.
func (s *stage) FloodCandidates(context.Context, detect.EntityType, []detect.Minute, uint64) ([]string, error) {
	return nil, nil
}

// Floods implements watch.Evidence.
func (s *stage) Floods(context.Context, detect.EntityType, []string, []detect.Minute, func(*watch.FloodRow)) error {
	return nil
}

// PairSeen implements watch.Evidence.
func (s *stage) PairSeen(context.Context, watch.Pair, detect.Minute) (detect.Minute, error) {
	return 0, nil
}

// Past implements watch.Evidence: nothing is restored.
func (s *stage) Past(context.Context, detect.Minute, []string, []string) (*watch.Past, error) {
	return nil, errors.New("a stage keeps no past")
}
