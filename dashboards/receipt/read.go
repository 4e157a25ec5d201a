package receipt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"statline/classify"
	"statline/dashboards/query"
	"statline/dashboards/report"
)

// Hours reports that the receipt of a time range is read from hour rows, which are
// kept for longer: when it begins and ends at an hour. It depends on the range alone,
// so that the receipt is the same next month.
func Hours(from, to time.Time) bool {
	return from.Equal(from.Truncate(time.Hour)) && to.Equal(to.Truncate(time.Hour))
}

// CheckSpan refuses a time range that cannot have a receipt.
func CheckSpan(from, to time.Time) error {
	switch {
	case !from.Equal(from.Truncate(time.Minute)), !to.Equal(to.Truncate(time.Minute)):
		return fmt.Errorf("from and to: got %s and %s; want whole minutes, the figures are kept by the minute",
			from.Format(time.RFC3339), to.Format(time.RFC3339))
	case !from.Before(to):
		return fmt.Errorf("from and to: got %s and %s; want a span that ends after it begins",
			from.Format(time.RFC3339), to.Format(time.RFC3339))
	case to.Sub(from) > 400*24*time.Hour:
		return fmt.Errorf("from and to: got %d days; want 400 at most", int(to.Sub(from).Hours()/24))
	}
	return nil
}

// Read reads the receipt of a key, given by its whole id and its name, for a time
// range whose proof is clean.
func Read(ctx context.Context, s report.Store, key, customer string, from, to time.Time, proof Proof) (*Receipt,
	error) {
	r := &Receipt{Version: Version, KeyID: key, Customer: customer, From: from.UTC(), To: to.UTC(), Proof: proof}
	p := query.Params{From: from, To: to, Keys: []string{key}}
	hours := Hours(from, to)
	others, err := report.Collect(ctx, s, "the keys beyond the budget", query.ReceiptOthers(hours), p,
		func(scan report.Scan) (n uint64, err error) {
			err = scan(&n)
			return n, err
		})
	if err != nil {
		return nil, err
	}
	if len(others) == 1 && others[0] > 0 {
		return nil,
			&Refused{Missing: []string{fmt.Sprintf("%d responses of the span are of keys that were not told apart,"+
				" because there were more keys than a block's budget: some may be of this one", others[0])}}
	}
	rows, err := report.Collect(ctx, s, "the key's responses", query.ReceiptRows(hours), p, scanRow)
	if err != nil {
		return nil, err
	}
	r.count(rows)
	for _, x := range r.Services {
		p.Services = append(p.Services, x.Service)
	}
	r.Incidents, err = report.Collect(ctx, s, "the incidents of the key and its services", query.ReceiptIncidents(), p,
		func(scan report.Scan) (CustomerIncident, error) { return scanIncident(scan, r.To) })
	return r, err
}

type row struct {
	day, service, outcome string
	code                  uint16
	requests, bytes       uint64
}

func scanRow(scan report.Scan) (r row, err error) {
	err = scan(&r.day, &r.service, &r.outcome, &r.code, &r.requests, &r.bytes)
	return r, err
}

// scanIncident ends an incident at the end of the time range: what happened later does
// not change a receipt.
func scanIncident(scan report.Scan, to time.Time) (i CustomerIncident, err error) {
	var own uint8
	var closed time.Time
	if err = scan(&own, &i.Kind, &i.Service, &i.Opened, &closed, &i.Requests, &i.Affected, &i.Summary,
		&i.ID); err != nil {
		return i, err
	}
	i.Of, i.Opened = "key", i.Opened.UTC()
	over := closed.Unix() > 0 && closed.Before(to)
	if over {
		closed = closed.UTC()
		i.Closed = &closed
	}
	if own == 0 {
		i.Of = "service"
	}
	if own == 0 || !over {
		i.Requests, i.Affected, i.Summary = 0, 0, ""
	}
	return i, nil
}

// count adds up the rows in every way that a receipt shows.
func (r *Receipt) count(rows []row) {
	inGroup, inCode := map[string]uint64{}, map[CodeCount]uint64{}
	services, days := map[string]*ServiceCount{}, map[string]*DayCount{}
	r.Groups, r.Codes, r.Services, r.Days = []GroupCount{}, []CodeCount{}, []ServiceCount{}, []DayCount{}
	for _, x := range rows {
		r.Totals.add(x.outcome, x.requests)
		r.Bytes += x.bytes
		if services[x.service] == nil {
			services[x.service] = &ServiceCount{Service: x.service}
		}
		services[x.service].Totals.add(x.outcome, x.requests)
		if days[x.day] == nil {
			days[x.day] = &DayCount{Day: x.day}
		}
		days[x.day].Totals.add(x.outcome, x.requests)
		if classify.Failed.HasName(x.outcome) {
			g := groupOf(x.outcome)
			inGroup[g] += x.requests
			inCode[CodeCount{Outcome: x.outcome, Code: x.code, Group: g}] += x.requests
		}
	}
	for _, g := range groups() {
		if n := inGroup[g.name]; n > 0 {
			r.Groups = append(r.Groups, GroupCount{g.name, n})
		}
	}
	for c, n := range inCode {
		c.Requests = n
		r.Codes = append(r.Codes, c)
	}
	slices.SortFunc(r.Codes, func(a, b CodeCount) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Outcome, b.Outcome),
			cmp.Compare(a.Code, b.Code))
	})
	for _, x := range services {
		r.Services = append(r.Services, *x)
	}
	slices.SortFunc(r.Services, func(a, b ServiceCount) int { return cmp.Compare(a.Service, b.Service) })
	for day := r.From.Truncate(24 * time.Hour); day.Before(r.To); day = day.AddDate(0, 0, 1) {
		name := day.Format(time.DateOnly)
		if days[name] == nil {
			days[name] = &DayCount{Day: name}
		}
		r.Days = append(r.Days, *days[name])
	}
}
