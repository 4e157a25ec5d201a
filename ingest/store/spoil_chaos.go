//go:build chaos

package store

import (
	"os"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// spoilSettings switches deduplication off when STATLINE_CHAOS_NO_TOKENS is
// set, so that a test of exactly once can prove that it would find doubled
// rows.
func spoilSettings(settings clickhouse.Settings) {
	if os.Getenv("STATLINE_CHAOS_NO_TOKENS") != "" {
		settings["deduplicate_insert"] = "disable" // wins over insert_deduplicate
		delete(settings, "insert_deduplication_token")
	}
}
