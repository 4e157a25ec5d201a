package grafanatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"statline/dashboards/grafana"
	"statline/dashboards/query"
	"statline/ingest/decode"
	"statline/ingest/file"
	"statline/ingest/fold"
	"statline/ingest/sandbox/sandboxtest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/traffic"
)

// world is the embedded engine with one database full of generated traffic and
// one with empty tables.
type world struct {
	url           string
	full, empty   *store.Store
	asks, nothing *Grafana // of full, of empty
	truth         *traffic.Truth
}

var shared world

func TestMain(m *testing.M) {
	os.Exit(sandboxtest.Run(func() int {
		code, err := run(m)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		return code
	}))
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	sb, err := sandboxtest.Start()
	if err != nil {
		return 1, err
	}
	shared.url = sb.ClickHouseURL()
	for _, db := range []struct {
		name  string
		store **store.Store
		asks  **Grafana
	}{{"full", &shared.full, &shared.asks}, {"empty", &shared.empty, &shared.nothing}} {
		if *db.store, err = openStore(ctx, db.name); err != nil {
			return 1, err
		}
		defer (*db.store).Close()
		if *db.asks, err = Open(ctx, shared.url+"/"+db.name); err != nil {
			return 1, err
		}
		defer (*db.asks).Close()
	}
	if err := seed(ctx); err != nil {
		return 1, fmt.Errorf("seed: %w", err)
	}
	return m.Run(), nil
}

func openStore(ctx context.Context, database string) (*store.Store, error) {
	c := store.DefaultConfig()
	c.URL, c.Database = shared.url, database
	s, err := store.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return s, schema.Migrate(ctx, s.Conn(), schema.Options{Database: database})
}

// seed puts four hours of mixed traffic, up to an hour ago or two, through the decoder, the
// classification and the aggregation, and adds what the watching daemon would
// have written: incidents, scores and pipeline rows.
func seed(ctx context.Context) error {
	const perSecond, hours = 8, 4
	g, err := traffic.New(traffic.Config{Seed: 7, Scenario: traffic.Mixed, Malformed: 0.003, Rate: perSecond,
		Count: perSecond * hours * 3600,
		Start: time.Now().UTC().Truncate(time.Hour).Add(-(hours + 1) * time.Hour)})
	if err != nil {
		return err
	}
	if err := loadLines(ctx, shared.full, g); err != nil {
		return err
	}
	shared.truth = g.Truth()
	return watched(ctx, shared.full)
}

// loadLines puts generated lines through what analyze puts a file through.
func loadLines(ctx context.Context, s *store.Store, lines traffic.Source) error {
	dir, err := os.MkdirTemp("", "grafanatest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "access.log")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(traffic.WriteTo(ctx, lines, f), f.Close()); err != nil {
		return err
	}
	in, err := file.Open(path, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	folding := fold.DefaultConfig()
	folding.AnyTime, folding.Decode = true, decode.Config{Format: "auto",
		Secret: []byte("a secret of the tests, 32 bytes!")}
	pool, err := fold.NewPool(folding, 64<<20)
	if err != nil {
		return err
	}
	cfg := file.DefaultConfig(2)
	cfg.BlockBytes, cfg.ConfigHash = 4<<20, pool.Hash()
	_, err = file.NewLoader(cfg, s, pool.For(0)).Load(ctx, in, &file.Progress{})
	return err
}

// datedRejects spreads rejects over time: those of a file are stored at once.
const datedRejects = `INSERT INTO {db}.rejected_lines SELECT * REPLACE (now() - rowNumberInAllBlocks() * 60 AS stored_at, offset + 1000000000 AS offset) FROM {db}.rejected_lines`

// toldQuotas tells some keys their rate limit, in responses that are counted, and that
// these were retries.
func toldQuotas(table string) string {
	return "INSERT INTO {db}." + table +
		" (minute, key_id, service, outcome, code, requests, quota_limit, quota_low, quota_window, retry_after, retries) " +
		"SELECT minute, key_id, service, outcome, code, 0, 100, 4294967295 - cityHash64(key_id, minute) % 100, 60, 0, 1 FROM {db}." + table + " WHERE outcome = 'success' LIMIT 1000"
}

// watched writes what ingest/watch writes: one incident of each kind, baselines
// and pipeline rows.
func watched(ctx context.Context, s *store.Store) error {
	for _, text := range []string{
		datedRejects,
		toldQuotas("keys"), toldQuotas("keys_hour"),
		`INSERT INTO {db}.incidents (id, kind, entity, entity_type, service, parent, severity, state, closed_as, opened_at, closed_at, observed, expected, score, requests, affected, summary, evidence, rule, rule_version, version) SELECT concat('incident-', toString(number)), k, if(k IN ('offender', 'flood', 'dead_key', 'throttled', 'invalid_key', 'near_limit'), (SELECT max(key_id) FROM {db}.keys), if(k IN ('key_scanning', 'credential_stuffing', 'path_scan', 'client_flood'), '203.0.113.7', 'movie')),
  multiIf(k IN ('offender', 'flood', 'dead_key', 'throttled', 'invalid_key', 'near_limit'), 'key', k IN ('key_scanning', 'credential_stuffing', 'path_scan', 'client_flood'), 'client', k = 'late_data', 'source', 'service'), (SELECT toString(argMax(service, requests)) FROM {db}.services), if(number = 4, 'incident-1', ''),
  ['page', 'ticket', 'ticket', 'info'][1 + number % 4], if(number % 3 = 0, 'closed', 'open'), if(number % 3 = 0, 'calm', ''),
  toDateTime(toStartOfMinute(now()) - 1800 - 1500 * number), if(number % 3 = 0, toDateTime(toStartOfMinute(now()) - 900), toDateTime(0)),
  120 + number, 4.5, 12.25, 9000, 120 + number, concat(k, ': 120 of 9000 responses in 5 min, 4.5 expected'), '{"route": "/a"}', k, 1, 1
FROM (SELECT number, ['timeout_spike', 'outage', 'throttled', 'offender', 'flood', 'dead_key', 'invalid_key', 'key_scanning', 'credential_stuffing', 'slo_burn', 'contract_drift', 'unknown_code', 'traffic_drop', 'error_spike', 'traffic_surge', 'late_data', 'latency_shift', 'path_scan', 'client_flood', 'new_error', 'near_limit'][number + 1] AS k FROM numbers(21))`,
		`INSERT INTO {db}.deploys (at, service, version, author) SELECT now64(3) - 1800, (SELECT toString(argMax(service, requests)) FROM {db}.services), '2.4.1', 'an author'`,
		`INSERT INTO {db}.scores (minute, service, series, n, k, expected, z, version) SELECT minute, service, series, n, k, expected, (k - expected) / sqrt(expected), 1 FROM (
  SELECT minute, service, series, sum(requests) AS n, sumIf(requests, outcome = series) AS k, 0.2 + n * 0.002 AS expected
  FROM {db}.services ARRAY JOIN ['timeout', 'offline'] AS series GROUP BY minute, service, series)`,
		`INSERT INTO {db}.pipeline (minute, instance, topic, partition, lag_records, lag_seconds, freshness_seconds, blocks, records, rejected, audit_differences, stalled, version) SELECT toStartOfMinute(now()) - 60 * intDiv(number, 4), 'a', 'access', number % 4, 50 + cityHash64(number) % 900, 0.5 + cityHash64(number, 1) % 30 / 10, 4 + cityHash64(number, 2) % 50 / 10,
  12, 480 + cityHash64(number, 3) % 60, cityHash64(number) % 3, if(number % 40 = 0, 0, -1), 0, 1 FROM numbers(960)`,
	} {
		if err := s.Exec(ctx, in(s, text)); err != nil {
			return err
		}
	}
	return nil
}

// boards are the dashboards for a store's database.
func boards(t testing.TB, s *store.Store) ([]grafana.Board, grafana.RuleFile) {
	t.Helper()
	o := grafana.DefaultOptions()
	o.Database = s.Database()
	list, err := grafana.Boards(o)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := grafana.Rules(o, list)
	if err != nil {
		t.Fatal(err)
	}
	return list, rules
}

func in(s *store.Store, text string) string {
	return query.Text(text).Grafana(query.Target{Database: s.Database()})
}
