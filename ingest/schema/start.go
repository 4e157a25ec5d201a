package schema

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Start describes a topic when it was first read from its end.
type Start struct {
	TopicID string `json:"topic_id,omitempty"` // "" where the cluster has none
	Epoch   uint32 `json:"epoch"`
	// Ends are the ends of the partitions that existed.
	Ends map[int32]int64 `json:"ends"`
}

// startKey is the key of the table meta.
func startKey(cluster, topic string) string { return "start/" + cluster + "/" + topic }

// FirstStart returns how a topic was first read from its end. The first caller records
// what now returns; later callers get that.
func FirstStart(ctx context.Context, conn Conn, database, cluster, topic string, now func() (Start, error)) (s Start,
	err error) {
	fail := func(err error) (Start, error) {
		return Start{}, fmt.Errorf("read where topic %s was started: %w", topic, err)
	}
	key := startKey(cluster, topic)
	s, found, err := readStart(ctx, conn, database, key)
	if err != nil {
		return fail(err)
	}
	if found {
		return s, nil
	}
	if s, err = now(); err != nil {
		return fail(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fail(err)
	}
	o := Options{Database: database}
	if err := o.settle(ctx, conn); err != nil {
		return fail(err)
	}
	// Of several writers the first wins: its version is the highest.
	if err := o.writeMeta(ctx, conn, key, string(text), math.MaxUint64-uint64(time.Now().UnixNano())); err != nil {
		return fail(err)
	}
	if s, _, err = readStart(ctx, conn, database, key); err != nil {
		return fail(err)
	}
	return s, nil
}

func readStart(ctx context.Context, conn Conn, database, key string) (s Start, found bool, err error) {
	var rows []struct {
		Value string `ch:"value"`
	}
	err = conn.Select(ctx, &rows, "SELECT value FROM "+Qualified(database, Meta)+" FINAL WHERE key = ?", key)
	if err != nil || len(rows) == 0 {
		return Start{}, false, err
	}
	if err := json.Unmarshal([]byte(rows[0].Value), &s); err != nil {
		return Start{}, false, fmt.Errorf("meta.%s: %w", key, err)
	}
	return s, true, nil
}
