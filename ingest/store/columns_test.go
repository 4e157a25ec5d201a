package store

import (
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// columnsFor makes empty columns as a server's header would.
func columnsFor(tb testing.TB, columns []insertColumn) []column.Interface {
	tb.Helper()
	to := make([]column.Interface, len(columns))
	for i, c := range columns {
		wire := c.wire
		if wire == "String" && c.name != "key_id" {
			wire = "LowCardinality(String)"
		}
		var err error
		if to[i], err = column.Type(wire).Column(string(c.name), &column.ServerContext{Timezone: time.UTC}); err != nil {
			tb.Fatal(err)
		}
	}
	return to
}

// cpu is the process's CPU time, user and system.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
