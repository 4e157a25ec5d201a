package judge

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"statline/classify/detect"
	"statline/ingest/traffic"
)

// scene is a kind of world that Watch and Notifier run through, with the targets for their
// notices.
type scene struct {
	name     string
	kind     string
	services int
	days     int
	warmUp   int // days, as in traffic.WorldConfig
	from     int // first minute that counts; 0 for the end of the warm-up
	step     int // minutes from round to round
	late     func(service, minute int) int
	asks     func(r *report, name string, s *noticeScore)
}

const anyMinute = 1440

func scenes() []scene {
	outside := func(s *noticeScore, kinds ...detect.Kind) (n int) {
		for _, k := range kinds {
			n += s.outside[k]
		}
		return n
	}
	drops := func(s *noticeScore) float64 { return float64(outside(s, detect.TrafficDrop)) }
	return []scene{
		{name: "default", kind: traffic.Default, services: 16, days: 22, step: 2,
			asks: func(r *report, name string, s *noticeScore) {
				r.least(name+"incidents told", s.told.rate(), 0.90)
				r.most(name+"ends without a beginning", float64(s.orphans), 0)
			}},
		{name: "rough", kind: traffic.Rough, services: 16, days: 22, step: 2,
			asks: func(r *report, name string, s *noticeScore) {
				r.least(name+"incidents told", s.told.rate(), 0.90)
			}},
		{name: "default, a quarter of the services up to 16 min late", kind: traffic.Default, services: 16, days: 22,
			step: 1, late: lateness,
			asks: func(r *report, name string, s *noticeScore) {
				r.least(name+"incidents told", s.told.rate(), 0.90)
				r.most(name+"ends without a beginning", float64(s.orphans), 0)
				r.most(name+"false drops of traffic", drops(s), 0)
			}},
		{name: "failures of 0.05 to 0.2 %", kind: traffic.Objective, services: 18, days: 28, step: 5,
			asks: func(r *report, name string, s *noticeScore) {
				r.most(name+"notices of all kinds per service-day", float64(s.notices)/s.days, 0.05)
			}},
		{name: traffic.Hourly, kind: traffic.Hourly, services: 12, days: 14, warmUp: -1, from: 4 * anyMinute, step: 1,
			asks: func(r *report, name string, s *noticeScore) {
				r.most(name+"beginnings told per service-day after its third day", float64(sum(s.began))/s.days, 0.10)
			}},
		{name: traffic.Nightly, kind: traffic.Nightly, services: 12, days: 28, warmUp: -1, step: 5,
			asks: func(r *report, name string, s *noticeScore) {
				r.most(name+"most pages of a service in 28 nights", float64(s.pages), 3)
			}},
		{name: traffic.Office, kind: traffic.Office, services: 12, days: 28, step: 5,
			asks: func(r *report, name string, s *noticeScore) {
				r.most(name+"drops of traffic", float64(s.began[detect.TrafficDrop]), 0)
			}},
		{name: traffic.Holidays, kind: traffic.Holidays, services: 12, days: 28, step: 5,
			asks: func(r *report, name string, s *noticeScore) {
				r.most(name+"drops of traffic a service, two holidays",
					float64(s.began[detect.TrafficDrop])/float64(s.services), 1)
			}},
		{name: traffic.Bursts, kind: traffic.Bursts, services: 16, days: 22, step: 5,
			asks: func(r *report, name string, s *noticeScore) {
				r.most(name+"drops of traffic per service-day", float64(s.began[detect.TrafficDrop])/s.days, 0.10)
			}},
		{name: traffic.Silence, kind: traffic.Silence, services: 16, days: 28, step: 1,
			asks: func(r *report, name string, s *noticeScore) {
				r.least(name+"silences told", s.told.rate(), 0.99)
				r.most(name+"delay of the latest, min of event time", quantile(s.delays, 1), 3)
				r.most(name+"told as over while silent", float64(s.early), 0)
				r.most(name+"false drops of traffic", drops(s), 0)
			}},
		{name: traffic.Flapping, kind: traffic.Flapping, services: 12, days: 22, step: 1,
			asks: func(r *report, name string, s *noticeScore) {
				r.least(name+"spells told", s.told.rate(), 0.99)
				r.most(name+"most beginnings told of a spell, rises to a page apart", float64(s.perLabel), 2)
			}},
		{name: traffic.Outages, kind: traffic.Outages, services: 12, days: 28, step: 2,
			asks: func(r *report, name string, s *noticeScore) {
				r.least(name+"outages and what follows told", s.told.rate(), 1)
				r.most(name+"told as over while failing", float64(s.early), 0)
			}},
	}
}

// lateness is how many minutes late a row comes: up to 16, of every fourth service.
func lateness(service, minute int) int {
	if service%4 != 0 {
		return 0
	}
	x := uint64(service*1_000_003+minute) * 0x9e3779b97f4a7c15
	return int((x ^ x>>29) >> 20 % 17)
}

// sceneSeeds is how many seeds are used: enough, because these worlds have few services.
const sceneSeeds = 2

// sceneReport runs every scene with the first seeds, several at a time.
func sceneReport(r *report, o Options) error {
	o.Seeds = o.Seeds[:min(len(o.Seeds), sceneSeeds)]
	list := slices.DeleteFunc(scenes(), func(s scene) bool { return !wanted(s.name, o.World) })
	type job struct{ scene, seed int }
	scores := make([][]*noticeScore, len(list))
	jobs := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range max(o.Parallel, 1) {
		wg.Go(func() {
			for j := range jobs {
				score, err := list[j.scene].play(o, o.Seeds[j.seed])
				mu.Lock()
				if scores[j.scene][j.seed] = score; err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for i := range list {
		scores[i] = make([]*noticeScore, len(o.Seeds))
		for seed := range o.Seeds {
			jobs <- job{i, seed}
		}
	}
	close(jobs)
	if wg.Wait(); failed != nil {
		return failed
	}
	r.f("\n### What people are told\n\nWatch and Notifier live through the worlds, as a daemon does; every notice counts, of every kind, ends and reminders included. Seeds %v.\n\n", o.Seeds)
	r.f("| World | Service-days | Notices per service-day | Beginnings told per service-day | of them unexplained | by kind | Incidents told | Delay p50 / max, min |\n|---|---|---|---|---|---|---|---|\n")
	for i, sc := range list {
		all := newNoticeScore()
		for _, s := range scores[i] {
			all.join(s)
		}
		slices.Sort(all.delays)
		delays := "-"
		if len(all.delays) > 0 {
			delays = fmt.Sprintf("%.0f / %.0f", quantile(all.delays, 0.5), quantile(all.delays, 1))
		}
		r.f("| %s | %.0f | %s | %s | %s | %s | %s | %s |\n", sc.name, all.days, perDay(all.notices, all.days),
			perDay(sum(all.began), all.days),
			perDay(sum(all.outside), all.days), kindsOf(all.outside), all.told, delays)
		sc.asks(r, "notices, "+sc.name+": ", all)
	}
	return nil
}

func (sc *scene) play(o Options, seed uint64) (*noticeScore, error) {
	c := traffic.WorldConfig{Kind: sc.kind, Seed: seed, Services: min(sc.services, o.Services), Days: sc.days,
		WarmUp: sc.warmUp}
	s, err := live(c, sc.step, sc.late)
	if err != nil {
		return newNoticeScore(), err
	}
	return noticed(s, max(sc.from, s.series[0].warmUp)), nil
}

func kindsOf(m map[detect.Kind]int) string {
	var parts []string
	for _, k := range sortedKeys(m) {
		if m[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
		}
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ", ")
}
