//go:build !chaos

package store

import "github.com/ClickHouse/clickhouse-go/v2"

// spoilSettings is for builds with the tag chaos only.
func spoilSettings(clickhouse.Settings) {}
