package report

import (
	"context"
	"time"

	"statline/dashboards/query"
)

// Storage is what the database takes on the server's disks.
type Storage struct {
	Database string `json:"database"`
	Rows     uint64 `json:"rows"`
	Bytes    uint64 `json:"bytes"`
	// Freed bytes are those of parts whose rows have all expired: a merge removes them
	// within hours.
	FreedBytes uint64         `json:"freed_now_bytes"`
	Tables     []StorageTable `json:"tables"`
	Days       []StorageDay   `json:"days"`
}

// StorageTable is how much space a table takes.
type StorageTable struct {
	Table     string     `json:"table"`
	Rows      uint64     `json:"rows"`
	Bytes     uint64     `json:"bytes"`
	Unpacked  uint64     `json:"uncompressed_bytes"`
	Parts     uint64     `json:"parts"`
	OldestDay *time.Time `json:"oldest_day"` // null: the table has no days
	NewestDay *time.Time `json:"newest_day"`
	// What retention frees: parts that have expired, or will within so many days.
	FreedNow     uint64 `json:"freed_now_bytes"`
	FreedDay     uint64 `json:"freed_1d_bytes"`
	FreedWeek    uint64 `json:"freed_7d_bytes"`
	FreedInMonth uint64 `json:"freed_30d_bytes"`
}

// StorageDay is how much space the rows of a day take.
type StorageDay struct {
	Day      time.Time `json:"day"`
	Rows     uint64    `json:"rows"`
	Bytes    uint64    `json:"bytes"`
	Tables   uint64    `json:"tables"`
	FreedDay uint64    `json:"freed_1d_bytes"`
}

// ReadStorage reads it from one server; in a cluster the sum over all replicas would
// count each row more than once.
func ReadStorage(ctx context.Context, s Store) (*Storage, error) {
	st := &Storage{Database: s.Database()}
	var err error
	st.Tables, err = Collect(ctx, s, "what tables take", query.StorageTables(), query.Params{},
		func(scan Scan) (t StorageTable, err error) {
			var oldest, newest time.Time
			err = scan(&t.Table, &t.Rows, &t.Bytes, &t.Unpacked, &t.Parts, &oldest, &newest, &t.FreedNow, &t.FreedDay,
				&t.FreedWeek,
				&t.FreedInMonth)
			if newest.Unix() > 0 {
				t.OldestDay, t.NewestDay = &oldest, &newest
			}
			return t, err
		})
	if err != nil {
		return nil, err
	}
	for _, t := range st.Tables {
		st.Rows, st.Bytes, st.FreedBytes = st.Rows+t.Rows, st.Bytes+t.Bytes, st.FreedBytes+t.FreedNow
	}
	st.Days, err = Collect(ctx, s, "what days take", query.StorageDays(), query.Params{},
		func(scan Scan) (d StorageDay, err error) {
			err = scan(&d.Day, &d.Rows, &d.Bytes, &d.Tables, &d.FreedDay)
			return d, err
		})
	return st, err
}
