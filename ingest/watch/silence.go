package watch

import (
	"slices"
	"strings"
	"time"

	"statline/classify/detect"
)

// hush decides whether anybody is told of an incident. The decision is stored with the
// incident, so that the notifier and alert rules in the store agree. The zero value
// silences only incidents with an open cause.
type hush struct {
	muted func(*detect.Incident, detect.Minute) bool
	notes map[string][]Note // by incident, oldest first
	// oldest is the opening before which an incident that nobody has seen is too old to
	// tell: a replay of last month pages nobody.
	oldest detect.Minute
}

const tooOld = "too old to tell"

// why is the reason to be silent about inc at minute t, "" for none. before is what
// was stored of it, nil when it is new; related are the incidents that can be its
// causes or consequences.
func (h *hush) why(inc, before *detect.Incident, related []*detect.Incident, t detect.Minute) string {
	if before == nil && inc.OpenedAt < h.oldest || before != nil && before.Silent == tooOld {
		return tooOld
	}
	if h.muted != nil && h.muted(inc, t) {
		return "muted by the configuration"
	}
	if why := h.noted(inc, t); why != "" {
		return why
	}
	if inc.Evidence.Known() {
		return "known: " + inc.Evidence.Recurs
	}
	if inc.State != detect.Open && before != nil {
		return before.Silent // as it was when it ended
	}
	if detect.Related(inc.Kind) {
		i := slices.IndexFunc(related,
			func(p *detect.Incident) bool { return p.Silent != tooOld && detect.Covers(p, inc) })
		if i >= 0 {
			return "covered by " + related[i].ID
		}
	}
	return ""
}

// noted is what people said: the newest note counts.
func (h *hush) noted(inc *detect.Incident, t detect.Minute) string {
	for _, n := range slices.Backward(h.notes[inc.ID]) {
		switch {
		case n.Action == Reopen:
			return ""
		case n.Action == Mute && t.Time().Before(n.Until):
			return by("muted until "+n.Until.UTC().Format(time.RFC3339), n.Author)
		case n.Action == Ack && inc.Severity.Rank() <= n.Severity.Rank():
			return by("acknowledged", n.Author)
		}
	}
	return ""
}

func by(what, author string) string {
	if author == "" {
		return what
	}
	return what + " by " + author
}

// say takes over people's notes.
func (h *hush) say(notes []Note) {
	h.notes = map[string][]Note{}
	for _, n := range notes {
		h.notes[n.Incident] = append(h.notes[n.Incident], n)
	}
}

// decide sets, in every incident that is not settled, whether anybody is told.
func (p *Publisher) decide(res *Result, changed map[string]*published) {
	var related []*detect.Incident
	for _, k := range p.known {
		if detect.Related(k.Kind) {
			related = append(related, &k.Incident)
		}
	}
	slices.SortFunc(related, func(a, b *detect.Incident) int {
		if a.OpenedAt != b.OpenedAt {
			return int(a.OpenedAt - b.OpenedAt)
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, k := range p.known {
		if k.State == detect.Withdrawn || k.final && changed[k.ID] == nil {
			continue
		}
		before := &k.Incident
		if k.fresh {
			before, k.fresh = nil, false
			p.opened++
		}
		if why := p.hush.why(&k.Incident, before, related, res.To); why != k.Silent {
			k.Silent = why
			changed[k.ID] = k
		}
	}
}
