package store

import (
	"fmt"

	"statline/classify/aggregate"
	"statline/ingest/schema"
)

// An INSERT takes at most this many rows, table partitions and bytes of text.
// The second comes from the server: a block of rows with more than 100
// partitions is refused forever (code 252). The numbers are part of the
// tokens' meaning: a block that was stored by half would be cut differently
// under others, and count twice when it is completed. See ChunkVersion.
const (
	maxRows       = 200_000
	maxPartitions = 90
	maxText       = 32 << 20
)

// ChunkVersion changes whenever the same rows are split into other chunks. It is part
// of config_hash.
const ChunkVersion = 2

// ConfigHash adds to a fold's hash how rows are split into INSERTs, which decides what
// a token stands for.
func ConfigHash(fold string) string { return fmt.Sprintf("%s.%d", fold, ChunkVersion) }

// sheet is what the rows of one table are cut by: the table partition of each,
// and its weight in bytes of text, nil for none.
type sheet struct {
	rows      int
	partition func(i int) int64
	size      func(i int) int
}

// jobs are the INSERTs of the rows: how they are cut is a function of the rows
// alone.
func (s sheet) jobs(table schema.Table, columns []insertColumn) (list []job) {
	start, bytes := 0, 0
	days := make(map[int64]struct{}, 4)
	last := int64(0)
	cut := func(end int) {
		list = append(list, job{table: table, chunk: len(list), columns: columns, from: start, to: end})
	}
	for i := range s.rows {
		d := s.partition(i)
		n := 0
		if s.size != nil {
			n = s.size(i)
		}
		fresh := false
		if d != last || i == 0 {
			_, known := days[d]
			fresh = !known
		}
		if i > start && (i-start == maxRows || fresh && len(days) == maxPartitions || bytes+n > maxText) {
			cut(i)
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
	if s.rows > 0 {
		cut(s.rows)
	}
	return list
}

const daySeconds = 86_400

// partitionOf numbers the table partition of a minute: its day, or in hour tables its
// week from Monday (1970 began on a Thursday).
func partitionOf(level aggregate.Level, minute uint32) int64 {
	day := int64(minute) / daySeconds
	if level == aggregate.Hour {
		return (day + 3) / 7
	}
	return day
}

// onePartition is for tables that are not partitioned.
func onePartition(int) int64 { return 0 }
