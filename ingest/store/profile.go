package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/ingest/retry"
)

// The settings of a user's profile that decide whether an INSERT is exact. How
// rows are cut into INSERTs is part of the tokens' meaning, so a server must take
// each as it is cut, whatever its profile says.
const (
	deduplicateInsert = "deduplicate_insert"
	partitionsInsert  = "max_partitions_per_insert_block"

	// partitionsSent is the server's own default.
	partitionsSent = 100
)

// profileSetting is a setting in the user's profile: its value, and its bounds.
type profileSetting struct {
	Name     string  `ch:"name"`
	Value    string  `ch:"value"`
	ReadOnly uint8   `ch:"readonly"`
	Min      *string `ch:"min"`
	Max      *string `ch:"max"`
}

// checkProfile refuses a profile that would make the tokens useless or an INSERT
// impossible, and finds out which settings to send.
func (s *Store) checkProfile(ctx context.Context) error {
	rows, err := Select[profileSetting](ctx, s,
		"SELECT name, value, readonly, min, max FROM system.settings WHERE name IN (?, ?)",
		deduplicateInsert, partitionsInsert)
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch {
		case r.Name == deduplicateInsert && r.Value == "disable":
			return fmt.Errorf("%w: the user's profile sets deduplicate_insert = 'disable', so a repeated insert would count twice; remove it", retry.ErrPermanent)
		case r.Name == partitionsInsert:
			if s.profile, err = r.partitions(); err != nil {
				return err
			}
		}
	}
	return nil
}

// partitions is the setting to send so that an INSERT may have as many table
// partitions as chunks have.
func (p profileSetting) partitions() (clickhouse.Settings, error) {
	if p.ReadOnly == 0 && within(partitionsSent, p.Min, p.Max) {
		return clickhouse.Settings{partitionsInsert: partitionsSent}, nil
	}
	if n, err := strconv.ParseUint(p.Value, 10, 64); err == nil && (n == 0 || n >= maxPartitions) {
		return nil, nil
	}
	return nil, fmt.Errorf("%w: the user's profile fixes %s at %s; an INSERT has up to %d: %s",
		retry.ErrPermanent, partitionsInsert, p.Value, maxPartitions, partitionsAdvice)
}

const partitionsAdvice = "set max_partitions_per_insert_block to 100 or more in the user's profile, or take its constraint away"

// within reports whether n lies between two bounds of a constraint.
func within(n uint64, least, most *string) bool {
	if least != nil {
		if m, err := strconv.ParseUint(*least, 10, 64); err != nil || n < m {
			return false
		}
	}
	if most != nil {
		if m, err := strconv.ParseUint(*most, 10, 64); err != nil || n > m {
			return false
		}
	}
	return true
}
