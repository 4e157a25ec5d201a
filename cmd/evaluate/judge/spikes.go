package judge

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"statline/classify/detect"
	"statline/ingest/traffic"
)

// alarm is one alert of any detector: minutes from start to end, counted from
// the world's first minute.
type alarm struct{ start, end int }

// series is one service of a world as a dense array of minutes.
type series struct {
	traffic.ServiceSeries
	start  int64 // Unix seconds of minute 0
	warmUp int   // minutes
	counts []detect.Counts
	alive  []bool // false in an ingest gap
	errors bool   // what fails are errors, not timeouts
}

// failed are the failures that are planted and usual in minute t.
func (s *series) failed(t int) uint64 {
	if s.errors {
		return s.counts[t].Bad - s.counts[t].Timeout
	}
	return s.counts[t].Timeout + s.counts[t].Offline
}

// detector turns a series into alarms, sorted by start.
type detector struct {
	name string
	run  func(s *series) []alarm
}

// kind is the kind of the incidents that are judged, beside outages.
func (s *series) kind() detect.Kind {
	if s.errors {
		return detect.ErrorSpike
	}
	return detect.TimeoutSpike
}

func dense(w *traffic.World, i int) *series {
	c := w.Config()
	s := &series{ServiceSeries: w.Service(i), start: c.Start.Unix(), warmUp: c.WarmUp * 1440, errors: c.Errors}
	s.counts = make([]detect.Counts, c.Days*1440)
	s.alive = make([]bool, len(s.counts))
	for i := range s.alive {
		s.alive[i] = true
	}
	for _, g := range w.Gaps() {
		for t := g.Start; t < g.End; t += 60 {
			s.alive[(t-s.start)/60] = false
		}
	}
	for _, r := range s.Rows {
		s.counts[(r.Minute-s.start)/60] = detect.Counts{
			N: r.N, Timeout: r.Timeout, Offline: r.Offline, Bad: r.Timeout + r.Offline + r.Internal + r.ServerErr,
		}
	}
	return s
}

// incidents runs the service detectors over a series.
func incidents(s *series, cfg *detect.Config) []detect.Incident {
	d := detect.NewService(s.Service, cfg)
	base := detect.MinuteOf(s.start)
	var list []detect.Incident
	for i, c := range s.counts {
		t := base + detect.Minute(i)
		d.History.Set(t, c)
		list = d.Settle(t, s.alive[i], list)
	}
	return d.Settled.Open(list)
}

// ours is this project's spike detector as a preset configures it.
func ours(preset string) detector {
	return detector{"statline, " + preset, func(s *series) []alarm {
		cfg := presetConfig(preset)
		var out []alarm
		base := detect.MinuteOf(s.start)
		for _, inc := range incidents(s, &cfg) {
			if inc.Kind != detect.Outage && inc.Kind != s.kind() {
				continue
			}
			end := int(inc.ClosedAt - base)
			if inc.ClosedAt == 0 {
				end = len(s.counts)
			}
			out = append(out, alarm{int(inc.OpenedAt - base), end})
		}
		slices.SortFunc(out, func(a, b alarm) int { return a.start - b.start })
		return out
	}}
}

func presetConfig(name string) detect.Config {
	c, err := detect.Preset(name)
	if err != nil {
		panic(err) // the names are constants of this package
	}
	return c
}

// merge joins alarms less than ten minutes apart.
func merge(in []alarm) []alarm {
	var out []alarm
	for _, a := range in {
		if n := len(out); n > 0 && a.start < out[n-1].end+10 {
			out[n-1].end = max(out[n-1].end, a.end)
			continue
		}
		out = append(out, a)
	}
	return out
}

// spikeScore is what one detector did in one kind of world.
type spikeScore struct {
	name           string
	days           float64 // service-days after the warm-up
	falseAlarms    int
	alarmsTrue     int // alarms that belong to an incident
	shifts         int // deploy shifts after the warm-up
	shiftAlarms    int // false alarms in the first day of one
	shiftLate      int // of those, later than three hours
	precision      tally
	recall, large  tally
	tiny           tally
	found          int // incidents found, tiny ones included
	delays         []int
	outsideMinutes int
	byNote         map[string]*tally
	byVolume       map[float64]*tally
	byShare        map[float64]*tally
}

func newSpikeScore(name string) *spikeScore {
	return &spikeScore{name: name, byNote: map[string]*tally{}, byVolume: map[float64]*tally{},
		byShare: map[float64]*tally{}}
}

func cell[K comparable](m map[K]*tally, k K) *tally {
	if m[k] == nil {
		m[k] = &tally{}
	}
	return m[k]
}

// grace is how many minutes after a truth's end still belong to it.
const grace = 15

func (s *series) minute(unix int64) int { return int((unix - s.start) / 60) }

// firstBad is the first minute of a truth that has a failure: at six requests a
// minute many have none, and detection cannot begin before.
func (s *series) firstBad(from, to int) int {
	for t := from; t < to && t < len(s.counts); t++ {
		if s.failed(t) > 0 {
			return t
		}
	}
	return from
}

func (sc *spikeScore) add(s *series, alarms []alarm) {
	alarms = merge(alarms)
	sc.days += float64(len(s.counts)-s.warmUp) / 1440
	for _, l := range s.Labels {
		sc.addLabel(s, l, alarms)
	}
	for _, l := range s.Nuisances {
		if l.Kind == "deploy_shift" && s.minute(l.Start) >= s.warmUp {
			sc.shifts++
		}
	}
	for _, a := range alarms {
		if a.start >= s.warmUp {
			sc.addAlarm(s, a)
		}
	}
}

func (sc *spikeScore) addLabel(s *series, l traffic.Label, alarms []alarm) {
	from, to := s.minute(l.Start), s.minute(l.End)
	hit, delay := false, 0
	for _, a := range alarms {
		if a.start <= to+grace && (a.start >= from || a.end > s.firstBad(from, to)) { // or it rings already
			hit, delay = true, max(a.start+1-s.firstBad(from, to), 0)
			break
		}
	}
	if hit {
		sc.found++
	}
	if !l.Detectable {
		sc.tiny.add(hit)
		return
	}
	sc.recall.add(hit)
	note, _, _ := strings.Cut(l.Note, ",")
	note, _, _ = strings.Cut(note, " (")
	cell(sc.byNote, note).add(hit)
	cell(sc.byVolume, s.MeanPerMinute).add(hit)
	cell(sc.byShare, s.BaseShare).add(hit)
	if large(l) {
		sc.large.add(hit)
	}
	if hit {
		sc.delays = append(sc.delays, delay)
	}
}

func (sc *spikeScore) addAlarm(s *series, a alarm) {
	end, hit := 0, false
	for _, l := range s.Labels {
		if a.start >= s.minute(l.Start) && a.start <= s.minute(l.End)+grace {
			hit, end = true, s.minute(l.End)
		}
	}
	sc.precision.add(hit)
	if hit {
		sc.alarmsTrue++
		sc.outsideMinutes += max(0, a.end-end)
		return
	}
	sc.outsideMinutes += a.end - a.start
	sc.falseAlarms++
	for _, l := range s.Nuisances {
		if from := s.minute(l.Start); l.Kind == "deploy_shift" && a.start >= from && a.start < from+1440 {
			sc.shiftAlarms++
			if a.start > from+180 {
				sc.shiftLate++
			}
			return
		}
	}
}

// large reports whether a label is one that must be found: an outage, or a
// sudden rise by at least 20 % of all requests.
func large(l traffic.Label) bool {
	if strings.HasPrefix(l.Note, "outage") {
		return true
	}
	var rise, part float64
	if _, err := fmt.Sscanf(l.Note, "sudden +%g %%", &rise); err != nil {
		return false
	}
	if _, after, ok := strings.Cut(l.Note, "on one route ("); ok {
		if _, err := fmt.Sscanf(after, "%g", &part); err == nil {
			rise *= part / 100
		}
	}
	return rise >= 20
}

// worldsOf runs f on every service of the worlds that differ from c by their seed, in parallel; f's
// result is folded in by add, one at a time and in no particular order.
func worldsOf[R any](c traffic.WorldConfig, o Options, f func(s *series) R, add func(s *series, r R)) error {
	var mu sync.Mutex
	for _, c.Seed = range o.Seeds {
		w, err := traffic.NewWorld(c)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		next := make(chan int)
		for range o.Parallel {
			wg.Go(func() {
				for i := range next {
					s := dense(w, i)
					r := f(s)
					mu.Lock()
					add(s, r)
					mu.Unlock()
				}
			})
		}
		for i := range w.Services() {
			next <- i
		}
		close(next)
		wg.Wait()
	}
	return nil
}

// spikes runs the detectors over the worlds of a kind.
func spikes(c traffic.WorldConfig, o Options, detectors []detector) ([]*spikeScore, error) {
	scores := make([]*spikeScore, len(detectors))
	for i, d := range detectors {
		scores[i] = newSpikeScore(d.name)
	}
	err := worldsOf(c, o, func(s *series) [][]alarm {
		got := make([][]alarm, len(detectors))
		for j, d := range detectors {
			got[j] = d.run(s)
		}
		return got
	}, func(s *series, got [][]alarm) {
		for j := range scores {
			scores[j].add(s, got[j])
		}
	})
	for _, s := range scores {
		slices.Sort(s.delays)
	}
	return scores, err
}
