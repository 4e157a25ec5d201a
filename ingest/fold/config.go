package fold

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/decode"
)

// Config is everything that a block's contents depend on besides its
// records. Start from DefaultConfig.
type Config struct {
	Decode    decode.Config
	Catalogue *classify.Catalogue
	Aggregate aggregate.Config
	// MaxAge and MaxAhead bound a response's own time: it lies within
	// [Kafka's timestamp - MaxAge, Kafka's timestamp + MaxAhead], or the line is
	// a reject (too_old, bad_time). Where Kafka's timestamp is none, it is at most
	// MaxAhead after the declaration of its block. AnyTime accepts every time.
	MaxAge, MaxAhead time.Duration
	AnyTime          bool
	// RecordLimit is that of the reader of the records, in bytes: a larger one is a
	// reject (too_large).
	RecordLimit int
}

// DefaultConfig is the built-in catalogue, any format, 30 days back and
// 10 minutes ahead.
func DefaultConfig() Config {
	return Config{
		Catalogue: classify.Builtin(),
		Aggregate: aggregate.DefaultConfig(),
		MaxAge:    30 * 24 * time.Hour,
		MaxAhead:  10 * time.Minute,

		RecordLimit: block.DefaultRecordLimit,
	}
}

// Hash is the config_hash: two builders with the same hash make the same contents
// of the same records. It covers what this binary makes of a configuration too,
// so a Config that was read again (Under) stands for the blocks of its old hash
// only if it still has that hash.
func (c Config) Hash() string {
	rows := c.Aggregate
	rows.Seed = 0 // where rows lie in memory
	h := sha256.New()
	fmt.Fprintf(h, "%d|%d|%s|%s|%+v|%d|%d|%t", decode.Version, aggregate.Version, c.Decode.Fingerprint(),
		c.Catalogue.Hash(), rows, c.MaxAge, c.MaxAhead, c.AnyTime)
	if c.RecordLimit != block.DefaultRecordLimit { // hashes from before it was an option stay
		fmt.Fprintf(h, "|%d", c.RecordLimit)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
