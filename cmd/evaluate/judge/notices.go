package judge

import (
	"slices"

	"statline/classify/detect"
	"statline/ingest/traffic"
)

// noticeScore counts the notices in the worlds of one scene, all kinds together, as Watch and
// Notifier send them.
type noticeScore struct {
	days     float64 // service-days that count
	services int
	notices  int                 // of every sort
	began    map[detect.Kind]int // notices that something began, by kind
	outside  map[detect.Kind]int // of those, the ones that nothing planted explains
	told     tally               // planted incidents of which somebody was told
	delays   []int               // minutes of event time until those opened
	pages    int                 // most pages, reminders included, of one service
	perLabel int                 // most beginnings told of one planted incident, a rise to a page apart
	early    int                 // told as over while everything still failed
	orphans  int                 // told as over, but never that it began
}

func newNoticeScore() *noticeScore {
	return &noticeScore{began: map[detect.Kind]int{}, outside: map[detect.Kind]int{}}
}

func sum(m map[detect.Kind]int) (n int) {
	for _, k := range m {
		n += k
	}
	return n
}

// join adds another world's score.
func (n *noticeScore) join(o *noticeScore) {
	n.days, n.services, n.notices = n.days+o.days, n.services+o.services, n.notices+o.notices
	for k, c := range o.began {
		n.began[k] += c
	}
	for k, c := range o.outside {
		n.outside[k] += c
	}
	n.told.hit, n.told.all = n.told.hit+o.told.hit, n.told.all+o.told.all
	n.delays = append(n.delays, o.delays...)
	n.pages, n.perLabel = max(n.pages, o.pages), max(n.perLabel, o.perLabel)
	n.early, n.orphans = n.early+o.early, n.orphans+o.orphans
}

// noticed scores what a stage told from minute from on.
func noticed(s *stage, from int) *noticeScore {
	sc := newNoticeScore()
	opened := map[string]bool{}
	pages := make([]int, len(s.series))
	for i := range s.notices {
		n := &s.notices[i]
		if n.closes() && !opened[n.inc.ID] {
			sc.orphans++
		}
		opened[n.inc.ID] = opened[n.inc.ID] || n.opens()
		if n.at < from {
			continue
		}
		sc.notices++
		if !n.closes() && n.inc.Severity == detect.Page {
			pages[n.service]++
		}
		if n.opens() {
			sc.began[n.inc.Kind]++
			if !s.series[n.service].explains(n, s.start) {
				sc.outside[n.inc.Kind]++
			}
		}
	}
	sc.pages = slices.Max(pages)
	for i, x := range s.series {
		sc.days, sc.services = sc.days+float64(len(x.counts)-from)/1440, sc.services+1
		for _, l := range x.Labels {
			sc.addLabel(s, i, l)
		}
	}
	return sc
}

// rings reports whether a kind of incident reports a planted one.
func rings(k detect.Kind, l *traffic.Label) bool {
	if l.Kind == string(detect.TrafficDrop) {
		return k == detect.TrafficDrop
	}
	return k == detect.TimeoutSpike || k == detect.Outage || k == detect.ErrorSpike || k == detect.SLOBurn
}

// explains reports whether something planted is behind a notice that something
// began: an incident; what other services call a nuisance, where it is what is
// told; or, for a burn of the budget, the incidents of its longest window.
func (s *series) explains(n *notice, start detect.Minute) bool {
	const longest = 4320
	at := int(n.inc.OpenedAt - start)
	return slices.ContainsFunc(s.Labels, func(l traffic.Label) bool {
		reach := grace
		if n.inc.Kind == detect.SLOBurn {
			reach = longest
		}
		return at >= s.minute(l.Start) && at <= s.minute(l.End)+reach
	}) || slices.ContainsFunc(s.Nuisances, func(l traffic.Label) bool {
		its := l.Kind == "drop" && n.inc.Kind == detect.TrafficDrop || l.Kind == "surge" &&
			n.inc.Kind == detect.TrafficSurge
		return its && at >= s.minute(l.Start) && at <= s.minute(l.End)+grace
	})
}

// addLabel scores one planted incident. A notice before it of an incident that is still open
// counts as one of it too.
func (sc *noticeScore) addLabel(s *stage, service int, l traffic.Label) {
	x := s.series[service]
	from, to := x.minute(l.Start), x.minute(l.End)
	hit, delay, during := false, 0, 0
	var ringing string
	var first detect.Severity
	for i := range s.notices {
		n := &s.notices[i]
		if n.service != service || !rings(n.inc.Kind, &l) {
			continue
		}
		opened := int(n.inc.OpenedAt - s.start)
		switch {
		case n.at < from && n.opens():
			ringing = n.inc.ID
		case n.at < from && n.closes() && n.inc.ID == ringing:
			ringing = ""
		case n.at >= from && n.opens() && opened >= from-grace && opened <= to+grace && !hit:
			hit, delay = true, max(opened+1-from, 0)
		}
		if n.opens() && n.at >= from && opened >= from && opened <= to+grace {
			if during == 0 || n.inc.Severity != detect.Page || first == detect.Page {
				during++
			}
			first = n.inc.Severity
		}
		if closed := int(n.inc.ClosedAt - s.start); n.what == "closed" && closed > from && closed < to &&
			opened <= from+grace &&
			l.Note != "flapping" && n.inc.Kind != detect.SLOBurn {
			sc.early++
		}
	}
	if !l.Detectable {
		return
	}
	sc.perLabel = max(sc.perLabel, during)
	sc.told.add(hit || ringing != "")
	if hit {
		sc.delays = append(sc.delays, delay)
	}
}
