package detect

import "statline/classify"

// Deploy is a change of a service's version, as its requests tell.
type Deploy struct {
	Service, Version string
	// At is when the version came, Known the first minute in which it was certain that
	// it stays.
	At, Known Minute
	// First marks the version that a service was first seen with: no deployment is
	// known, and nobody is told.
	First bool
}

// SeenDeploy is the author of a deploy that requests tell: OpenTelemetry's name of the
// attribute.
const SeenDeploy = "service.version"

// VersionMinute is how many requests of a service told a version in a minute.
type VersionMinute struct {
	Minute   Minute
	Version  string // or classify.Other, for those beyond the budget
	Requests uint64
}

// When a version has taken over: it has deployShare of the requests that tell a version in
// each of the last deployStay minutes that have any, of the last hour, and at least
// deployLeast requests then. One that was there before must stay for deployReturn minutes
// when the deploy is younger than returnsWithin, so that instances of two versions that
// take turns are one deploy; a rollback stays.
const (
	deployShare   = 0.8
	deployStay    = 5
	deployReturn  = 15
	deployLeast   = 20
	deployRun     = 60
	returnsWithin = 120
)

// DeployLookback is how many minutes of rows Versions looks back on.
const DeployLookback = 2 * deployRun

// Versions follows which version of a service is deployed, minute by minute. The zero
// value knows none.
type Versions struct {
	now, before string
	since       Minute // when now came
}

// Took sets the deployed version to that of the newest known deploy. Deploys are given
// in their order.
func (v *Versions) Took(d *Deploy) { v.now, v.before, v.since = d.Version, v.now, d.At }

// Step processes minute t, the last of rows, which are sorted by minute and have at
// least the DeployLookback before it. It reports that another version has taken over.
// Minutes are given once each, in their order; those without a row may be left out.
func (v *Versions) Step(service string, rows []VersionMinute, t Minute) (d Deploy, ok bool) {
	version, _, i := lastMinute(rows)
	if len(rows) == 0 || rows[len(rows)-1].Minute != t || version == "" || version == v.now {
		return d, false
	}
	minutes, requests, start := 0, uint64(0), t
	for len(rows) > 0 && rows[len(rows)-1].Minute > t-deployRun {
		other, n, first := lastMinute(rows)
		if other != version {
			break
		}
		start, i = rows[first].Minute, first
		minutes, requests, rows = minutes+1, requests+n, rows[:first]
	}
	stay := deployStay
	if version == v.before && start < v.since+returnsWithin {
		stay = deployReturn
	}
	if minutes < stay || requests < deployLeast {
		return d, false
	}
	d = Deploy{Service: service, Version: version, At: came(rows[:i], version, start), Known: t, First: v.now == ""}
	v.Took(&d)
	return d, true
}

// came is the first minute of those before start, up to the last of which rows are, in
// which a version was there without a gap: the beginning of a rollout. A version that
// has been there for an hour, as a canary, came when it took over.
func came(rows []VersionMinute, version string, start Minute) Minute {
	at := start
	for len(rows) > 0 {
		_, _, first := lastMinute(rows)
		there := false
		for _, r := range rows[first:] {
			there = there || r.Version == version
		}
		switch {
		case !there:
			return at
		case rows[first].Minute <= start-deployRun:
			return start
		}
		at, rows = rows[first].Minute, rows[:first]
	}
	return at
}

// lastMinute is the version that has deployShare of the last minute of rows, "" for
// none, how many requests of that minute told one, and where its rows begin.
func lastMinute(rows []VersionMinute) (version string, requests uint64, first int) {
	most := uint64(0)
	for first = len(rows); first > 0 && rows[first-1].Minute == rows[len(rows)-1].Minute; first-- {
		r := &rows[first-1]
		requests += r.Requests
		if r.Requests > most && r.Version != classify.Other {
			most, version = r.Requests, r.Version
		}
	}
	if float64(most) < deployShare*float64(requests) {
		version = ""
	}
	return version, requests, first
}
