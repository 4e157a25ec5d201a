package store

import (
	"fmt"

	"statline/ingest/schema"
)

// An INSERT takes at most this many rows, table partitions and bytes of text.
// The second comes from the server: a block of rows with more than 100
// partitions is refused for ever (code 252). The numbers are part of the
// tokens' meaning: a block that was stored by half would be cut differently
// under others, and count twice when it is completed. See ChunkVersion.
const (
	maxRows       = 200_000
	maxPartitions = 90
	maxText       = 32 << 20
)

// ChunkVersion changes whenever the same rows are cut into other chunks. It
// belongs into config_hash.
const ChunkVersion = 1

// ConfigHash adds to a fold's hash how rows are cut into inserts, which
// decides what a token stands for.
func ConfigHash(fold string) string { return fmt.Sprintf("%s.%d", fold, ChunkVersion) }

// chunks cuts rows into the INSERTs of a table: a function of the rows alone.
// day is the table partition of a row, size its weight in bytes of text.
func chunks[R any](rows []R, day func(*R) int64, size func(*R) int) [][]R {
	if len(rows) == 0 {
		return nil
	}
	var cut [][]R
	start, bytes := 0, 0
	days := make(map[int64]struct{}, 4)
	last := day(&rows[0]) - 1
	for i := range rows {
		d := day(&rows[i])
		n := 0
		if size != nil {
			n = size(&rows[i])
		}
		fresh := false
		if d != last {
			_, known := days[d]
			fresh = !known
		}
		if i > start && (i-start == maxRows || fresh && len(days) == maxPartitions || bytes+n > maxText) {
			cut = append(cut, rows[start:i])
			start, bytes = i, 0
			clear(days)
			fresh = true
		}
		if fresh {
			days[d] = struct{}{}
		}
		last = d
		bytes += n
	}
	return append(cut, rows[start:])
}

const (
	daySeconds = 86_400
	dayMillis  = 86_400_000
)

// partitionOf numbers the table partition of a minute: its day, or its week
// from Monday in the hour tables (1970 began on a Thursday).
func partitionOf(t schema.Table, minute uint32) int64 {
	day := int64(minute) / daySeconds
	switch t {
	case schema.ResponsesHour, schema.ServicesHour, schema.KeysHour:
		return (day + 3) / 7
	default:
		return day
	}
}
