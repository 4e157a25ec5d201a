package judge

import (
	"maps"
	"slices"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest/traffic"
)

// keyRows turns a key's rows of a world into the detectors' evidence.
func keyRows(rows []traffic.KeyMinute) []detect.KeyMinute {
	var out []detect.KeyMinute
	for i := range rows {
		r := &rows[i]
		m := detect.MinuteOf(r.Minute)
		if n := len(out); n == 0 || out[n-1].Minute != m {
			out = append(out, detect.KeyMinute{Minute: m, SlotSeconds: 10})
		}
		k := &out[len(out)-1]
		k.Requests += uint32(r.Requests)
		switch o := r.Outcome; {
		case o == classify.Success.String():
			k.Success += uint32(r.Requests)
		case classify.Limited.HasName(o):
			k.RateLimited += uint32(r.Requests)
			k.Slots |= r.Slots
		case classify.DeadKey.HasName(o):
			k.Dead += uint32(r.Requests)
			k.DeadCode = r.Code
		case o == classify.InvalidKey.String():
			k.Invalid += uint32(r.Requests)
		}
	}
	return out
}

// incidentsOf runs a family's rules over the rows of one entity, to the end of the last
// row's minute plus quiet minutes.
func incidentsOf[E, R any](
	rules *detect.Family[E, R], cfg *detect.Config, x *E, rows []R, quiet detect.Minute,
) (list []detect.Incident) {
	if len(rows) == 0 {
		return nil
	}
	const most = 6000 // rows: far more than the rules look back on
	var state detect.States
	i := 0
	for t := rules.Minute(&rows[0]); t <= rules.Minute(&rows[len(rows)-1])+quiet; t++ {
		if state.Idle() {
			if i >= len(rows) {
				break
			}
			t = rules.Minute(&rows[i])
		}
		for i < len(rows) && rules.Minute(&rows[i]) <= t {
			i++
		}
		list = rules.Step(cfg, x, &state, rows[max(0, i-most):i], t, list)
	}
	return state.Open(list)
}

func keyIncidents(cfg *detect.Config, id string, rows []detect.KeyMinute, quiet detect.Minute) []detect.Incident {
	return incidentsOf(detect.Keys(), cfg, &detect.Key{ID: id}, rows, quiet)
}

// keyRule flags a key at minutes of its life.
type keyRule struct {
	name string
	flag func(rows []detect.KeyMinute, i int) bool // at rows[i]
}

// keyRivals are rules that people use for a key's refusals.
func keyRivals() []keyRule {
	within := func(rows []detect.KeyMinute, i, w int) (refused uint64, minutes int) {
		for j := i; j >= 0 && rows[j].Minute > rows[i].Minute-detect.Minute(w); j-- {
			refused += uint64(rows[j].RateLimited)
			if rows[j].RateLimited >= 3 {
				minutes++
			}
		}
		return refused, minutes
	}
	return []keyRule{
		{"5 refusals in 10 min (fail2ban), by key", func(rows []detect.KeyMinute, i int) bool {
			n, _ := within(rows, i, 10)
			return n >= 5
		}},
		{"leaky bucket of 40, 2 a second (CrowdSec), by key", func(rows []detect.KeyMinute, i int) bool {
			level := 0.0
			for j := max(0, i-5); j <= i; j++ {
				if j > 0 {
					level = max(0, level-120*float64(rows[j].Minute-rows[j-1].Minute))
				}
				level += float64(rows[j].RateLimited)
			}
			return level > 40
		}},
		{"50 refusals in 5 min, by key", func(rows []detect.KeyMinute, i int) bool {
			n, _ := within(rows, i, 5)
			return n >= 50
		}},
		{"100 refusals in 1 h, by key", func(rows []detect.KeyMinute, i int) bool {
			n, _ := within(rows, i, 60)
			return n >= 100
		}},
		{"4 of 5 minutes with 3 refusals, by key", func(rows []detect.KeyMinute, i int) bool {
			_, m := within(rows, i, 5)
			return m >= 4
		}},
	}
}

// keyScore is what one rule did with the rate-limit world's keys.
type keyScore struct {
	name            string
	clean, cleanHit int            // clean keys, and those falsely flagged
	harmless        int            // of the flagged: normal, near-limit, polite, page-load
	falseByClass    map[string]int // flagged clean keys
	recall          tally
	delays          []int
}

func (s *keyScore) precision(withBackoff bool) tally {
	wrong := s.cleanHit
	if !withBackoff {
		wrong -= s.falseByClass[traffic.KeyBackoff]
	}
	return tally{s.recall.hit, s.recall.hit + wrong}
}

func (s *keyScore) add(k *traffic.KeySeries, flagged bool, delay int) {
	if k.Offends() {
		s.recall.add(flagged)
		if flagged {
			s.delays = append(s.delays, delay)
		}
		return
	}
	s.clean++
	if !flagged {
		return
	}
	s.cleanHit++
	s.falseByClass[k.Class]++
	switch k.Class {
	case traffic.KeyNormal, traffic.KeyNearLimit, traffic.KeyPolite, traffic.KeyPageLoad:
		s.harmless++
	}
}

// rateLimits judges throttled and offender, and the rivals.
func rateLimits(o Options) ([]*keyScore, error) {
	cfg := presetConfig("default")
	kinds := []detect.Kind{detect.Throttled, detect.Offender}
	var scores []*keyScore
	for _, k := range kinds {
		scores = append(scores, &keyScore{name: "statline `" + string(k) + "`", falseByClass: map[string]int{}})
	}
	rules := keyRivals()
	for _, r := range rules {
		scores = append(scores, &keyScore{name: r.name, falseByClass: map[string]int{}})
	}
	for _, seed := range o.Seeds {
		w, err := traffic.NewWorld(traffic.WorldConfig{Kind: traffic.Default, Seed: seed, Keys: o.Keys})
		if err != nil {
			return nil, err
		}
		for i := range w.Keys() {
			k := w.Key(i)
			rows := keyRows(k.Rows)
			start := detect.Minute(0)
			if len(k.Labels) > 0 {
				start = detect.MinuteOf(k.Labels[0].Start)
			}
			reached := reachedAt(keyIncidents(&cfg, k.Key, rows, 20))
			for j, kind := range kinds {
				at, ok := reached[kind]
				scores[j].add(&k, ok, int(at-start)+1)
			}
			for j, r := range rules {
				at := -1
				for n := range rows {
					if rows[n].RateLimited > 0 && r.flag(rows, n) {
						at = n
						break
					}
				}
				delay := 0
				if at >= 0 {
					delay = int(rows[at].Minute-start) + 1
				}
				scores[len(kinds)+j].add(&k, at >= 0, delay)
			}
		}
	}
	for _, s := range scores {
		slices.Sort(s.delays)
	}
	return scores, nil
}

// reachedAt says when a key's incidents first reached each kind; whoever is an
// offender was throttled too.
func reachedAt(list []detect.Incident) map[detect.Kind]detect.Minute {
	at := map[detect.Kind]detect.Minute{}
	note := func(k detect.Kind, m detect.Minute) {
		if old, ok := at[k]; !ok || m < old {
			at[k] = m
		}
	}
	for _, inc := range list {
		for _, st := range inc.Evidence.Escalated {
			note(st.Kind, minuteOfStamp(st.At))
			if st.Kind == detect.Flood {
				note(detect.Offender, minuteOfStamp(st.At))
			}
		}
	}
	return at
}

// deadScore is what the rules for dead and invalid keys did.
type deadScore struct {
	recall, precision tally
	uses              []int // refusals until the incident opened
	reinstated        int   // reinstated keys
	stillOpen         int   // of those, with an incident after their return
}

// deadKeys judges dead_key, on the keys that of makes.
func deadKeys(o Options, of func(w *traffic.World, i int) traffic.KeySeries) (*deadScore, error) {
	cfg := presetConfig("default")
	sc := &deadScore{}
	for _, seed := range o.Seeds {
		w, err := traffic.NewWorld(traffic.WorldConfig{Kind: traffic.Default, Seed: seed})
		if err != nil {
			return nil, err
		}
		for i := range w.DeadKeys() {
			k := of(w, i)
			rows := keyRows(k.Rows)
			list := keyIncidents(&cfg, k.Key, rows, 0)
			sc.precision.hit += min(len(list), len(k.Labels))
			sc.precision.all += len(list)
			if len(k.Labels) == 0 {
				continue
			}
			l := k.Labels[0]
			if l.Detectable {
				sc.recall.add(len(list) > 0)
			}
			if len(list) > 0 {
				sc.uses = append(sc.uses, usesBefore(k.Uses, rows, list[0].OpenedAt))
			}
			if back := detect.MinuteOf(l.End); len(rows) > 0 && rows[len(rows)-1].Minute > back &&
				rows[len(rows)-1].Success > 0 {
				sc.reinstated++
				for _, inc := range list {
					if inc.OpenedAt > back || inc.State == detect.Open {
						sc.stillOpen++
					}
				}
			}
		}
	}
	slices.Sort(sc.uses)
	return sc, nil
}

// usesBefore counts how often a dead key was used until a minute, in separate
// minutes of use. One in which it also worked is none: it died in it.
func usesBefore(uses []int64, rows []detect.KeyMinute, until detect.Minute) int {
	minutes := map[detect.Minute]bool{}
	for _, at := range uses {
		m := detect.MinuteOf(at)
		worked := slices.ContainsFunc(rows, func(r detect.KeyMinute) bool { return r.Minute == m && r.Success > 0 })
		if m <= until && !worked {
			minutes[m] = true
		}
	}
	return len(minutes)
}

// invalidKeys judges invalid_key: misconfigured clients against typing errors.
func invalidKeys(o Options) (recall, precision tally, err error) {
	cfg := presetConfig("default")
	for _, seed := range o.Seeds {
		w, err := traffic.NewWorld(traffic.WorldConfig{Kind: traffic.Default, Seed: seed})
		if err != nil {
			return recall, precision, err
		}
		for i := range w.InvalidKeys() {
			k := w.InvalidKey(i)
			list := keyIncidents(&cfg, k.Key, keyRows(k.Rows), 0)
			if len(k.Labels) > 0 {
				recall.add(len(list) > 0)
			}
			for range list {
				precision.add(len(k.Labels) > 0)
			}
		}
	}
	return recall, precision, nil
}

// clientScore is what the client rules did in one kind of attack.
type clientScore struct {
	fast, slow  tally // recall
	precision   tally
	fastDelays  []int
	slowDelays  []int
	natDays     int // days of addresses of many
	natIncident int
}

// clients judges key_scanning and credential_stuffing.
func clients(o Options) (map[detect.Kind]*clientScore, error) {
	cfg := presetConfig("default")
	scores := map[detect.Kind]*clientScore{detect.KeyScanning: {}, detect.CredentialStuffing: {}}
	for _, seed := range o.Seeds {
		w, err := traffic.NewWorld(traffic.WorldConfig{Kind: traffic.Default, Seed: seed})
		if err != nil {
			return nil, err
		}
		for i := range w.Clients() {
			c := w.Client(i)
			list := clientIncidents(&cfg, &c)
			for kind, sc := range scores {
				sc.add(kind, &c, list)
			}
		}
	}
	for _, sc := range scores {
		slices.Sort(sc.fastDelays)
		slices.Sort(sc.slowDelays)
	}
	return scores, nil
}

func (sc *clientScore) add(kind detect.Kind, c *traffic.ClientSeries, list []detect.Incident) {
	mine := slices.DeleteFunc(slices.Clone(list), func(i detect.Incident) bool { return i.Kind != kind })
	truth := slices.IndexFunc(c.Labels, func(l traffic.Label) bool { return l.Kind == string(kind) })
	for range mine {
		sc.precision.add(truth >= 0)
	}
	if c.Class == traffic.ClientNAT || c.Class == traffic.ClientBackend {
		sc.natDays++
		if len(mine) > 0 {
			sc.natIncident++
		}
	}
	if truth < 0 {
		return
	}
	found, delay := len(mine) > 0, 0
	if found {
		delay = int(mine[0].OpenedAt-detect.MinuteOf(c.Labels[truth].Start)) + 1
	}
	recall, delays := &sc.fast, &sc.fastDelays
	if c.Class == traffic.ClientSlowScan || c.Class == traffic.ClientStuffingBot {
		recall, delays = &sc.slow, &sc.slowDelays
	}
	recall.add(found)
	if found {
		*delays = append(*delays, delay)
	}
}

func clientIncidents(cfg *detect.Config, c *traffic.ClientSeries) []detect.Incident {
	byMinute := map[detect.Minute]*detect.ClientMinute{}
	ids := map[string]uint64{}
	for i := range c.Rows {
		r := &c.Rows[i]
		m := detect.MinuteOf(r.Minute)
		row := byMinute[m]
		if row == nil {
			row = &detect.ClientMinute{Minute: m}
			byMinute[m] = row
		}
		row.Requests += r.Requests
		switch {
		case r.Outcome == classify.Success.String():
			row.Success += r.Requests
		case r.Outcome == classify.InvalidKey.String():
			row.Invalid += r.Requests
			for j, k := range r.Keys {
				if j >= storedKeys {
					break // the store keeps so many of a minute
				}
				if ids[k] == 0 {
					ids[k] = uint64(len(ids) + 1)
				}
				row.InvalidKeys = append(row.InvalidKeys, ids[k])
			}
		case classify.LoginFailed.HasName(r.Outcome):
			row.AuthFailed += r.Requests
		}
	}
	var rows []detect.ClientMinute
	for _, m := range slices.Sorted(maps.Keys(byMinute)) {
		rows = append(rows, *byMinute[m])
	}
	return incidentsOf(detect.Clients(), cfg, &detect.Client{IP: c.IP}, rows, 0)
}

// storedKeys is the least size of the bounded set of keys that the store keeps
// of a client's minute.
const storedKeys = 10
