package watch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"statline/classify/detect"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// contractRows reads the pairs that break the contract, then what each is
// compared with.
func (q *SQL) contractRows(ctx context.Context, where string) ([]ContractRow, error) {
	type row struct {
		Minute  time.Time `ch:"minute"`
		Service string    `ch:"service"`
		Code    uint16    `ch:"code"`
		Status  uint16    `ch:"http_status"`
		N       uint64    `ch:"n"`
	}
	found, err := store.Select[row](ctx, q.store,
		"SELECT minute, service, code, http_status, sum(requests) AS n FROM "+q.table(schema.Responses)+
			" WHERE "+where+" AND ("+q.contract+") GROUP BY minute, service, code, http_status ORDER BY minute, service, code, http_status")
	if err != nil {
		return nil, fmt.Errorf("contracts: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	services := map[string]bool{}
	for i := range found {
		services[found[i].Service] = true
	}
	names := make([]string, 0, len(services))
	for s := range services {
		names = append(names, s)
	}
	slices.Sort(names)
	type total struct {
		Minute  time.Time `ch:"minute"`
		Service string    `ch:"service"`
		Code    uint16    `ch:"code"`
		N       uint64    `ch:"n"`
		Errors  uint64    `ch:"errors"`
		Coded   uint64    `ch:"coded"`
	}
	type group struct {
		minute  detect.Minute
		service string
		code    uint16
	}
	byCode, errors, coded := map[group]uint64{}, map[group]uint64{}, map[group]uint64{}
	for part := range parts(names) {
		err = store.Each(ctx, q.store, func(r *total) error {
			m := minuteOf(r.Minute)
			byCode[group{m, r.Service, r.Code}] += r.N
			errors[group{m, r.Service, 0}] += r.Errors
			coded[group{m, r.Service, 0}] += r.Coded
			return nil
		}, "SELECT minute, service, code, sum(requests) AS n, sumIf(requests, "+errorResponse+") AS errors,"+
			" sumIf(requests, code > 0 AND "+errorResponse+") AS coded FROM "+q.table(schema.Responses)+
			" WHERE service IN (SELECT arrayJoin(?)) AND "+where+" GROUP BY minute, service, code", part)
		if err != nil {
			return nil, fmt.Errorf("contract totals: %w", err)
		}
	}
	rows := make([]ContractRow, 0, len(found))
	for _, r := range found {
		m := minuteOf(r.Minute)
		c := ContractRow{Pair: q.pair(r.Service, r.Code, r.Status),
			ContractMinute: detect.ContractMinute{Minute: m, Count: r.N}}
		c.Total = byCode[group{m, r.Service, r.Code}]
		if c.Pair.Reason == detect.CodeMissing {
			c.Total, c.Coded = errors[group{m, r.Service, 0}], coded[group{m, r.Service, 0}]
		}
		rows = append(rows, c)
	}
	return rows, nil
}

func (q *SQL) pair(service string, code, status uint16) Pair {
	p := Pair{Service: service, Code: code, HTTPStatus: status, Reason: detect.WrongStatus}
	want, known := q.catalogue[code]
	switch {
	case code == 0:
		p.Reason = detect.CodeMissing
	case !known:
		p.Reason = detect.CodeUnknown
	default:
		p.Catalogue = want
	}
	return p
}

// PairSeen implements Evidence; it looks at the hour rows, which outlive the
// minutes.
func (q *SQL) PairSeen(ctx context.Context, p Pair, before detect.Minute) (detect.Minute, error) {
	hour := before - before%60
	if earlier, err := q.reaches(ctx, hour, 1); !earlier {
		return 0, err
	}
	rows, err := store.Select[struct {
		Last int64 `ch:"last"`
	}](ctx, q.store,
		fmt.Sprintf("SELECT toInt64(toUnixTimestamp(max(minute))) AS last FROM %s WHERE service = ? AND code = ? AND http_status = ? AND %s",
			q.table(schema.ResponsesHour), between(hour-detect.ContractMemory, hour-1)), p.Service, p.Code,
		p.HTTPStatus)
	if err != nil || len(rows) == 0 || rows[0].Last == 0 {
		return 0, err
	}
	return detect.MinuteOf(rows[0].Last), nil
}
