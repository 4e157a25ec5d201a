package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// DayBlocks lists the ledger's stored blocks and replays, of every topic, that
// have responses on one of the Unix days, by partition and offset.
func (s *Store) DayBlocks(ctx context.Context, days []int64) ([]block.LedgerRow, error) {
	rows, err := s.ledgerRows(ctx,
		"state = 'stored' AND kind IN ('block', 'replay') AND hasAny(arrayMap(d -> toInt64(toUInt16(d)), days.day), ?)"+
			" ORDER BY cluster, topic, epoch, partition, first", days)
	if err != nil {
		return nil, fmt.Errorf("list the blocks of %d days: %w", len(days), err)
	}
	return rows, nil
}

// EachRow calls f with the requests of each row of a block's rows of r, by its
// minute and a name made of its dimensions.
func EachRow(r aggregate.Rollup, rows aggregate.View, f func(minute uint32, name string, requests uint64)) {
	var parts []func(dst []byte, i int) []byte
	for _, n := range r.Dimensions() {
		parts = append(parts, namer(rows.Values[n]))
	}
	var name []byte
	for i := range rows.Len {
		name = name[:0]
		for _, part := range parts {
			name = part(append(name, ' '), i)
		}
		f(rows.Minute(i), string(name), rows.Requests(i))
	}
}

// EachStored calls f as EachRow does, with what the table holds of a Unix day.
func (s *Store) EachStored(ctx context.Context, r aggregate.Rollup, day int64,
	f func(minute uint32, name string, requests uint64)) error {
	none, names := r.Of(&aggregate.Rows{}), "''"
	for _, n := range r.Dimensions() {
		names += ", ' ', " + nameSQL(r.Columns[n].Name, none.Values[n])
	}
	err := Each(ctx, s, func(row *struct {
		Minute   uint32 `ch:"m"`
		Name     string `ch:"name"`
		Requests uint64 `ch:"n"`
	}) error {
		f(row.Minute, row.Name, row.Requests)
		return nil
	}, "SELECT toUnixTimestamp(minute) AS m, concat("+names+") AS name, sum(requests) AS n"+
		" FROM "+s.Table(schema.Table(r.Name))+" WHERE toInt64(toUInt16(toDate(minute))) = ? GROUP BY m, name", day)
	if err != nil {
		return fmt.Errorf("sum %s of day %d: %w", r.Name, day, err)
	}
	return nil
}

// namer appends the value of row i of a dimension; nameSQL does the same in the
// engine.
func namer(v aggregate.Values) func(dst []byte, i int) []byte {
	switch read := v.(type) {
	case aggregate.Read[uint16]:
		return nameOf(read, func(dst []byte, v uint16) []byte { return strconv.AppendUint(dst, uint64(v), 10) })
	case aggregate.Read[string]:
		return nameOf(read, func(dst []byte, v string) []byte { return append(dst, v...) })
	case aggregate.Read[classify.KeyID]:
		return nameOf(read, func(dst []byte, v classify.KeyID) []byte { return v.Append(dst) })
	case aggregate.Read[[16]byte]:
		return nameOf(read, func(dst []byte, v [16]byte) []byte { return hex.AppendEncode(dst, v[:]) })
	default:
		panic(fmt.Sprintf("no name for a dimension that is a %T", v)) // aggregate.Name has a type that is not here
	}
}

func nameOf[V any](read aggregate.Read[V], appendTo func([]byte, V) []byte) func([]byte, int) []byte {
	one := make([]V, 0, 1)
	return func(dst []byte, i int) []byte {
		one = read(one[:0], i, i+1)
		return appendTo(dst, one[0])
	}
}

func nameSQL(column string, v aggregate.Values) string {
	if _, ip := v.(aggregate.Read[[16]byte]); ip {
		return "lower(hex(" + column + "))"
	}
	return "toString(" + column + ")"
}
