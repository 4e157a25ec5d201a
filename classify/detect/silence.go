package detect

import (
	"slices"
	"strings"
)

// Silence is not calm: a service that failed and sends nothing any more keeps its
// incident until it is known to be gone.
const (
	silentMinutes = 5       // without a response, where there usually are some
	goneMinutes   = day     // of silence: no page any more
	forgetMinutes = 7 * day // of silence: the incident ends
	// usualRequests in a quarter of an hour, at the same time of earlier days, are
	// as good as none: silence then says nothing.
	usualRequests = 5
)

// usuallySilent reports that the service hardly has a request at this time of day, by
// what is known of days and weeks before minute until.
func (h *History) usuallySilent(t, until Minute) bool {
	r := h.references(t, until)
	return len(r.all) > 0 && r.median() < usualRequests
}

// references are the requests of the quarter of an hour that ended at the same
// time some days and weeks ago, as far as they are known.
type references struct {
	all  []float64 // ascending
	week int       // how many of them are of the same day of the week
}

// Those that end after minute until are left out.
func (h *History) references(t, until Minute) references {
	var r references
	for _, back := range seasons {
		if t-Minute(back) > until {
			continue
		}
		last := (int32(t) - back) / blockMinutes
		var n float64
		known := true
		for i := last - 2; i <= last; i++ {
			b := h.block(i)
			if b == nil {
				known = false
				break
			}
			n += float64(b.n)
		}
		if !known {
			continue
		}
		r.all = append(r.all, n)
		if back%(7*day) == 0 {
			r.week++
		}
	}
	slices.Sort(r.all)
	return r
}

func (r references) median() float64 {
	n := len(r.all)
	return (r.all[(n-1)/2] + r.all[n/2]) / 2
}

const silentMark = "; no traffic since "

// silence records in an open incident that its service has been silent for at least
// some minutes, since when, and what follows from that; gone is set when the incident
// ends. seen is the last minute with a response.
func silence(inc *Incident, seen, t Minute, least int) (gone bool) {
	said, _, _ := strings.Cut(inc.Summary, silentMark)
	inc.Summary, inc.Evidence.SilentSince = said, ""
	if int(t-seen) < least {
		return false
	}
	since := seen + 1
	inc.Evidence.SilentSince = stamp(since)
	inc.Summary += silentMark + since.Time().Format("2006-01-02 15:04")
	if t-seen >= goneMinutes {
		inc.Severity = Ticket
		inc.Summary += ": gone"
	}
	// Of earlier times only blocks are known.
	return t-(seen-seen%blockMinutes+blockMinutes-1) >= forgetMinutes
}
