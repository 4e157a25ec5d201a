package traffic

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The evidence rows of a World, shaped as the detectors read them from the store. Minute is
// the start of an event minute in Unix seconds (a multiple of 60); a Label's bounds are
// Unix seconds too.
type (
	// ServiceMinute counts the responses of a service in a minute: N in all, of
	// which the failures of the service itself are named.
	ServiceMinute struct {
		Minute                                   int64
		Service                                  string
		N, Timeout, Offline, Internal, ServerErr uint64
	}
	// KeyMinute counts the responses to a key with one outcome and code. Key is
	// the key in clear (a test hashes it). Slots has bit i set when a response
	// with outcome rate_limited fell into the i-th ten seconds of the minute.
	// ClientIPs and UserAgents are sorted sets.
	KeyMinute struct {
		Minute     int64
		Key        string
		Service    string
		Outcome    string
		Code       uint16
		Requests   uint64
		Slots      uint64
		ClientIPs  []string
		UserAgents []string
	}
	// ClientMinute counts the responses to a client address with one outcome
	// and code. Keys is the sorted set of the keys it used, in clear.
	ClientMinute struct {
		Minute   int64
		IP       string
		Outcome  string
		Code     uint16
		Requests uint64
		Keys     []string
	}
	// ContractMinute counts the responses of a service that carried Code with
	// HTTPStatus.
	ContractMinute struct {
		Minute     int64
		Service    string
		Code       uint16
		HTTPStatus int
		Requests   uint64
	}
	// Label is one event that the world planted, from Start to End (Unix
	// seconds, End exclusive). Kind is an incident kind, or the name of a
	// nuisance; Entity is a service, a clear key, an ip, or
	// service/code/status. Detectable is false for events too small for anyone
	// to see (for spikes: fewer than 10 excess failures expected).
	Label struct {
		Kind       string
		Entity     string
		Start, End int64
		Detectable bool
		Note       string
	}
)

// WorldConfig says which world to make.
type WorldConfig struct {
	Kind     string // Clean, Default and so on
	Seed     uint64 // same seed, same world
	Services int    // 0: 32
	Days     int    // 0: 28
	WarmUp   int    // days without incidents at the beginning; negative: none, 0: 8
	Keys     int    // 0: 7390
	Clients  int    // 0: 340
	// Means are the services' mean requests per minute, in turn; nil: those of the
	// kind, mostly 6, 60, 600 and 6000. A run of every single response wants lower ones.
	Means []float64
	// Errors makes services fail with errors instead of timeouts.
	Errors bool
	Start  time.Time // truncated to the day, UTC; zero: Monday 2026-06-01
}

// World is labelled traffic as aggregate rows. Every service, key and client has its own
// random stream, so its rows depend neither on the number of others nor on the order of
// the calls. It is safe for concurrent use.
type World struct {
	cfg   WorldConfig
	start int64 // Unix seconds
	gaps  []Label
	pairs []pairedIncident
	kind  worldKind
}

// NewWorld checks c and fills its defaults.
func NewWorld(c WorldConfig) (*World, error) {
	kind, others := kindOf(c.Kind)
	if others != nil {
		return nil, fmt.Errorf("world: got kind %q; want %s", c.Kind, strings.Join(others, ", "))
	}
	if c.Services == 0 {
		c.Services = 32
	}
	if c.Days == 0 {
		c.Days = 28
	}
	if c.Keys == 0 {
		c.Keys = 7390
	}
	if c.Clients == 0 {
		c.Clients = 340
	}
	switch {
	case c.WarmUp == 0:
		c.WarmUp = 8
	case c.WarmUp < 0:
		c.WarmUp = 0
	}
	if len(c.Means) == 0 {
		if c.Means = kind.means; kind.means == nil {
			c.Means = []float64{6, 60, 600, 6000}
		}
	}
	if kind.bases == nil {
		kind.bases = []float64{0, 0.0003, 0.002, 0.01}
	}
	if c.Services < 1 || c.Days < 1 || c.Keys < 1 || c.Clients < 1 || c.WarmUp >= c.Days {
		return nil,
			fmt.Errorf("world: got %d services, %d days of which %d warm-up, %d keys, %d clients; want at least one of each and a day after the warm-up",
				c.Services, c.Days, c.WarmUp, c.Keys, c.Clients)
	}
	if c.Start.IsZero() {
		c.Start = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	}
	c.Start = c.Start.UTC().Truncate(24 * time.Hour)
	w := &World{cfg: c, start: c.Start.Unix(), kind: kind}
	w.planGaps()
	w.planPairs()
	return w, nil
}

// Config is the configuration with its defaults filled in.
func (w *World) Config() WorldConfig { return w.cfg }

// minutes is the length of the world.
func (w *World) minutes() int { return w.cfg.Days * 1440 }

// at is the Unix time of a minute counted from the world's start.
func (w *World) at(minute int) int64 { return w.start + int64(minute)*60 }

// ServiceSeries is what one service does: one row a minute (none in an ingest gap), the
// labels of what is planted, and the nuisances, during which an alarm is a false one.
type ServiceSeries struct {
	Service       string
	MeanPerMinute float64
	BaseShare     float64 // of timeouts
	Rows          []ServiceMinute
	Labels        []Label
	Nuisances     []Label
}

// Services is the number of services of the world.
func (w *World) Services() int { return w.cfg.Services }

// ServiceName is the name of service i.
func (w *World) ServiceName(i int) string { return fmt.Sprintf("svc-%03d", i) }

// Service makes the series of service i. The combinations of volumes and base
// shares (where the kind says nothing else, of four and four: 0, 0.03 %, 0.2 %, 1 %)
// repeat with i.
func (w *World) Service(i int) ServiceSeries {
	r := stream(w.cfg.Seed, "service/"+w.cfg.Kind, i)
	s := ServiceSeries{
		Service:       w.ServiceName(i),
		MeanPerMinute: w.cfg.Means[i%len(w.cfg.Means)],
		BaseShare:     w.kind.bases[i/len(w.cfg.Means)%len(w.kind.bases)],
		Rows:          make([]ServiceMinute, 0, w.minutes()),
	}
	plan := w.planService(r, i)
	m := w.newServiceModel(r, &s)
	for t := range w.minutes() {
		load, share, wentGap := m.step(r, t), m.share(r), w.inGap(t)
		row := plan.draw(r, t, load, share)
		if wentGap {
			continue
		}
		if w.cfg.Errors || w.kind.mixed && i%2 == 1 {
			row.Internal, row.Timeout = row.Internal+row.Timeout, 0
		}
		row.Minute, row.Service = w.at(t), s.Service
		s.Rows = append(s.Rows, row)
	}
	plan.label(&s)
	return s
}

// serviceModel is the undisturbed behaviour of one service.
type serviceModel struct {
	kind       *worldKind
	mean, base float64
	phase      float64 // hours
	weekday    int
	load, err  wander // nil for none
	loadFactor float64
}

// amplitude is how far the load rises and falls in a day.
const amplitude = 0.7

func (w *World) newServiceModel(r *rand.Rand, s *ServiceSeries) *serviceModel {
	m := &serviceModel{
		kind: &w.kind, mean: s.MeanPerMinute, base: s.BaseShare,
		phase: between(r, -2, 2), weekday: int(w.cfg.Start.Weekday()),
	}
	if w.kind.load != nil {
		m.load = w.kind.load(r)
	}
	if w.kind.err != nil {
		m.err = w.kind.err(r)
	}
	return m
}

// step returns the expected responses of minute t.
func (m *serviceModel) step(r *rand.Rand, t int) float64 {
	hour := float64(t%1440)/60 + m.phase
	weekday := (m.weekday + t/1440) % 7
	switch {
	case m.kind.office == nil:
		m.loadFactor = 1 + amplitude*math.Sin(2*math.Pi*(hour-9)/24)
		if weekday == 0 || weekday == 6 {
			m.loadFactor *= 0.6
		}
	case m.kind.office(weekday, t/1440) && hour >= 8 && hour < 18:
		m.loadFactor = 1
	default:
		m.loadFactor = 0.05
	}
	if m.load != nil {
		m.loadFactor *= m.load.next(r)
	}
	return m.mean * m.loadFactor
}

// share returns the expected share of timeouts at the load of the last step.
func (m *serviceModel) share(r *rand.Rand) float64 {
	share := m.base * math.Pow(m.loadFactor, m.kind.coupling)
	if m.err != nil {
		share *= m.err.next(r)
	}
	return math.Min(share, 0.5)
}

func sortLabels(l []Label) {
	slices.SortStableFunc(l, func(a, b Label) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Entity, b.Entity))
	})
}
