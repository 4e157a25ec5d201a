package store

import (
	"context"
	"fmt"

	"statline/ingest/block"
	"statline/ingest/schema"
)

// DayBlocks lists the ledger's stored blocks and replays, of every topic, that
// have responses on one of the Unix days, by partition and offset.
func (s *Store) DayBlocks(ctx context.Context, days []int64) ([]block.LedgerRow, error) {
	scans, err := Select[ledgerScan](ctx, s, "SELECT "+ledgerSelect+" FROM "+s.Table(schema.Ledger)+
		" WHERE state = 'stored' AND kind IN ('block', 'replay') AND hasAny(arrayMap(d -> toInt64(toUInt16(d)), days.day), ?)"+
		" ORDER BY cluster, topic, epoch, partition, first", days)
	if err != nil {
		return nil, fmt.Errorf("list the blocks of %d days: %w", len(days), err)
	}
	rows := make([]block.LedgerRow, len(scans))
	for i := range scans {
		rows[i] = scans[i].row()
	}
	return rows, nil
}

// rowNames name a rollup's rows, finely enough to tell whose they are.
var rowNames = map[schema.Table]string{
	schema.Responses:     "concat(service, ' ', toString(outcome), ' ', route)",
	schema.ResponsesHour: "concat(service, ' ', toString(outcome), ' ', route)",
	schema.Services:      "concat(service, ' ', toString(outcome))",
	schema.Keys:          "concat(service, ' ', toString(outcome), ' ', key_id)",
	schema.KeysHour:      "concat(service, ' ', toString(outcome), ' ', key_id)",
	schema.Clients:       "concat(toString(outcome), ' ', hex(client_ip))",
}

// EachRequest calls f with the requests that a rollup holds of a Unix day, by
// minute and a name: service, outcome and route; service and outcome; service,
// outcome and key; or outcome and address in hexadecimal.
func (s *Store) EachRequest(ctx context.Context, table schema.Table, day int64, f func(minute uint32, name string, requests uint64)) error {
	err := Each(ctx, s, func(row *struct {
		Minute   uint32 `ch:"m"`
		Name     string `ch:"name"`
		Requests uint64 `ch:"n"`
	}) error {
		f(row.Minute, row.Name, row.Requests)
		return nil
	}, "SELECT toUnixTimestamp(minute) AS m, "+rowNames[table]+" AS name, sum(requests) AS n FROM "+s.Table(table)+
		" WHERE toInt64(toUInt16(toDate(minute))) = ? GROUP BY m, name", day)
	if err != nil {
		return fmt.Errorf("sum %s of day %d: %w", table, day, err)
	}
	return nil
}
