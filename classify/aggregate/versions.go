package aggregate

import (
	"cmp"
	"slices"

	"statline/classify"
)

// versions counts the responses that tell the version of their service: few rows,
// because a service has one or two versions a minute.
type versions struct {
	index
	rows []versionRow
	last uint32 // the row of the last response; a guess
}

type versionRow struct {
	group    uint32 // of samples: minute, service and outcome
	version  uint32 // its number in names
	requests uint64
}

func (v *versions) reset() {
	v.index.reset()
	v.rows, v.last = append(v.rows[:0], versionRow{}), 0 // row 0 is none
}

// add counts one response.
func (v *versions) add(group, version uint32) {
	row := &v.rows[v.last]
	if v.last == 0 || row.group != group || row.version != version {
		v.last = v.find(group, version)
		row = &v.rows[v.last]
	}
	row.requests++
}

func (v *versions) find(group, version uint32) uint32 {
	h := uint32(mixWords(uint64(version), uint64(group)))
	n, i := v.probe(h, h)
	for ; n != 0; n, i = v.probe(h, i+1) {
		if row := &v.rows[n]; row.group == group && row.version == version {
			return n
		}
	}
	v.rows = append(v.rows, versionRow{group: group, version: version})
	return v.insert(h, i)
}

// bytes counts a row with its slots and its two output rows.
func (v *versions) bytes() int { return (len(v.rows) - 1) * (16 + 16 + 2*56) }

// versionRows are the rows of services with versions, sorted. Over the budget for a
// minute of a service the version is __other__.
func (t *Table) versionRows(other *Others) []ServiceRow {
	o := &t.out
	rows := o.versions[:0]
	for i := 1; i < len(t.versions.rows); i++ {
		row := &t.versions.rows[i]
		group := t.samples.groups.keys[row.group]
		rows = append(rows, ServiceRow{
			Minute:  minuteIn(group[0]) * 60,
			Service: o.resolved.serviceNames[o.resolved.serviceRank[numberIn(group[0])]],
			Outcome: classify.Outcome(group[1]), Version: t.versionNames.list[row.version], Requests: row.requests,
		})
	}
	slices.SortFunc(rows, func(a, b ServiceRow) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.Version, b.Version))
	})
	for i := 0; i < len(rows); {
		j := i + 1
		for j < len(rows) && rows[j].Minute == rows[i].Minute && rows[j].Service == rows[i].Service {
			j++
		}
		other[OfVersions] += mergeVersions(rows[i:j], t.config.Budget.Versions)
		i = j
	}
	slices.SortFunc(rows, func(a, b ServiceRow) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Version, b.Version))
	})
	o.versions = rows
	return rows
}

// mergeVersions renames all but the budget versions with the most requests in rows,
// which are of one service and minute and sorted by version. It returns the requests
// that they had.
func mergeVersions(rows []ServiceRow, budget int) (other uint64) {
	var starts []int
	var weights []weight
	for i := range rows {
		if i == 0 || rows[i].Version != rows[i-1].Version {
			starts, weights = append(starts, i), append(weights, weight{})
		}
		weights[len(weights)-1].requests += rows[i].Requests
	}
	beyond := overBudget(weights, budget)
	starts = append(starts, len(rows))
	for _, n := range beyond {
		for i := starts[n]; i < starts[n+1]; i++ {
			rows[i].Version = classify.Other
			other += rows[i].Requests
		}
	}
	return other
}

// splitVersions appends the rows of a minute, a service and an outcome that have n
// requests: first those that tell no version, then those of the first of told.
// It returns what is left of told.
func (o *output) splitVersions(row ServiceRow, told []ServiceRow) []ServiceRow {
	i := 0
	for ; i < len(told) && told[i].Minute == row.Minute && told[i].Service == row.Service &&
		told[i].Outcome == row.Outcome; i++ {
		row.Requests -= told[i].Requests
	}
	if row.Requests > 0 {
		o.services = append(o.services, row)
	}
	for j := range told[:i] {
		if j > 0 && told[j].Version == told[j-1].Version { // two that a budget made equal
			o.services[len(o.services)-1].Requests += told[j].Requests
			continue
		}
		o.services = append(o.services, told[j])
	}
	return told[i:]
}
