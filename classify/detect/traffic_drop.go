package detect

import (
	"fmt"
	"slices"
)

const (
	ruleDrop    = "traffic_drop"
	dropVersion = 1
)

// DropConfig configures traffic_drop: far fewer requests than at the same time
// of the last days and weeks. It is judged every five minutes.
type DropConfig struct {
	MaxShare    float64 `koanf:"max_share" help:"at most this share of the expected requests in fifteen minutes"`
	MinExpected float64 `koanf:"min_expected" help:"least number of expected requests in fifteen minutes"`
	MinSeasons  int     `koanf:"min_seasons" help:"of the six reference times, how many must be known"`
	EndShare    float64 `koanf:"end_share" help:"share of the expected requests that closes"`
}

type dropState struct {
	Episode
	calm int
}

// expected is the median of the requests of the quarter of an hour that ended
// at the same time one, two and three days and weeks ago.
func (c *DropConfig) expected(h *History, t Minute) (median float64, known bool) {
	seen := make([]uint64, 0, len(seasons))
	for _, back := range seasons {
		last := (int32(t) - back) / blockMinutes
		var n uint64
		ok := true
		for i := last - 2; i <= last; i++ {
			b := h.block(i)
			if b == nil {
				ok = false
				break
			}
			n += uint64(b.n)
		}
		if ok {
			seen = append(seen, n)
		}
	}
	if len(seen) < c.MinSeasons {
		return 0, false
	}
	slices.Sort(seen)
	mid := len(seen) / 2
	if len(seen)%2 == 1 {
		return float64(seen[mid]), true
	}
	return float64(seen[mid-1]+seen[mid]) / 2, true
}

// over reports whether a drop has ended.
func (c *DropConfig) over(got, want float64) bool {
	return got >= c.EndShare*want || want < c.MinExpected
}

// recall counts for how long an open incident has been calm as of minute at.
func (c *DropConfig) recall(h *History, s *dropState, at Minute, alive func(Minute) bool) {
	s.calm = 0
	if !s.IsOpen() {
		return
	}
	for t := max(at-recallMinutes, s.inc.OpenedAt) + 1; t <= at; t++ {
		if (t+1)%blockMinutes != 0 || !alive(t) {
			continue
		}
		want, known := c.expected(h, t)
		if !known {
			continue
		}
		n, _, _, _ := h.window(seriesTimeout, t, 15, 0)
		if c.over(float64(n), want) {
			s.calm++
		} else {
			s.calm = 0
		}
	}
}

// step judges at the end of each block of five minutes. alive says whether
// every minute of the quarter had traffic of any service.
func (c *DropConfig) step(h *History, s *dropState, service string, t Minute, alive bool, closed []Incident) []Incident {
	if s.IsOpen() {
		s.edit().Requests += uint64(h.at(t).N)
	}
	if (t+1)%blockMinutes != 0 || !alive {
		return closed
	}
	want, known := c.expected(h, t)
	if !known {
		return closed
	}
	n, _, _, _ := h.window(seriesTimeout, t, 15, 0)
	got := float64(n)
	if s.IsOpen() {
		s.calm++
		if !c.over(got, want) {
			s.calm = 0
		} else if s.calm >= 2 {
			s.calm = 0
			return append(closed, s.end(t, ClosedCalm))
		} else {
			return closed
		}
	} else {
		if want < c.MinExpected || got >= c.MaxShare*want {
			return closed
		}
		s.Begin(Incident{
			Kind: TrafficDrop, Entity: service, EntityType: ServiceEntity, Service: service, Severity: Ticket,
			Requests: n, Rule: ruleDrop, RuleVersion: dropVersion,
		}, t)
	}
	if score := want / max(got, 1); score > s.inc.Score {
		inc := s.edit()
		inc.Observed, inc.Expected, inc.Score = got, want, score
		inc.Evidence.WindowMinutes, inc.Evidence.WindowRequests = 15, n
		inc.Evidence.Share = got / want
		inc.Summary = fmt.Sprintf("%s: %d requests in 15 min, %s are usual at this time (%s)", service, n, number(want), percent(got/want))
	}
	return closed
}
