package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/traffic"
)

// query runs SQL over the engine's HTTP port and returns the rows' columns.
func (c *campaign) query(ctx context.Context, sql string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.clickhouse+"/", strings.NewReader(sql+" FORMAT TSV"))
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", sql, answer.Status, text)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows, nil
}

// counts runs a query of names and numbers.
func (c *campaign) counts(ctx context.Context, sql string) (map[string]uint64, error) {
	rows, err := c.query(ctx, sql)
	if err != nil {
		return nil, err
	}
	m := make(map[string]uint64, len(rows))
	for _, row := range rows {
		var n uint64
		if _, err := fmt.Sscan(row[len(row)-1], &n); err != nil {
			return nil, fmt.Errorf("%s: row %q: %w", sql, row, err)
		}
		m[row[0]] += n
	}
	return m, nil
}

// rollups are the tables in which a doubled insert shows. The others keep one of two equal
// rows, and the audit checks the ledger.
func rollups() (tables []string) {
	for _, r := range aggregate.Rollups() {
		tables = append(tables, r.Name)
	}
	return tables
}

// check is one comparison of what a table holds with the truth.
type check struct {
	table, by, sql string
	want           map[string]uint64
}

func checks(t truth) []check {
	const minute = "formatDateTime(minute, '%Y-%m-%dT%H:%i:00Z')"
	sums := func(table, column string) string {
		return "SELECT " + column + " AS name, sum(requests) FROM statline." + table + " GROUP BY name"
	}
	list := []check{
		{"responses", "minute", sums("responses", minute), t.minute},
		{"responses_hour", "hour", sums("responses_hour", minute), t.hour},
		{"services", "minute", sums("services", minute), t.minute},
		{"services", "service", sums("services", "service"), t.service},
		{"services", "outcome", sums("services", "outcome"), t.outcome},
		{"services", "version", sums("services", "version"), t.versions},
		{"services_hour", "hour", sums("services_hour", minute), t.hour},
		{"services_hour", "service", sums("services_hour", "service"), t.service},
		{"services_hour", "outcome", sums("services_hour", "outcome"), t.outcome},
		{"clients", "address", sums("clients", "hex(client_ip)"), t.clients},
		{"keys", "key", sums("keys", "key_id"), t.keys},
		{"keys_hour", "key", sums("keys_hour", "key_id"), t.keys},
		{"agents", "service", sums("agents", "service"), t.told},
		{"agents_hour", "service", sums("agents_hour", "service"), t.told},
		{"key_names", "key and name",
			"SELECT concat(key_id, ' ', name) AS label, count() FROM statline.key_names FINAL GROUP BY label", t.names},
		{"ledger", "count", "SELECT 'records' AS name, sum(records) FROM statline.ledger WHERE state = 'stored'" +
			" UNION ALL SELECT 'responses', sum(responses) FROM statline.ledger WHERE state = 'stored'" +
			" UNION ALL SELECT 'rejected', sum(rejected) FROM statline.ledger WHERE state = 'stored'",
			map[string]uint64{"records": t.records, "responses": t.responses, "rejected": t.rejected}},
		{"rejects", "count",
			"SELECT 'rejects', uniqExact(epoch, partition, offset, idx) FROM (SELECT epoch, partition, offset, idx FROM statline.rejected_lines UNION ALL SELECT epoch, partition, offset, idx FROM statline.rejects)", map[string]uint64{"rejects": t.rejected}},
	}
	for _, table := range []string{"responses", "responses_hour"} {
		list = append(list,
			check{table, "code", sums(table, "toString(code)"), t.code},
			check{table, "HTTP status", sums(table, "toString(http_status)"), t.status},
			check{table, "outcome", sums(table, "outcome"), t.outcome},
			check{table, "service", sums(table, "service"), t.service})
	}
	return list
}

// compare runs every check; lost and doubled are in requests, over all checks.
func (c *campaign) compare(ctx context.Context, t truth) (passed int, err error) {
	if err := c.countExpired(ctx, &t); err != nil {
		return 0, err
	}
	for _, k := range checks(t) {
		got, err := c.counts(ctx, k.sql)
		if err != nil {
			return passed, err
		}
		lost, doubled, first := difference(got, k.want)
		if k.table == "rejects" {
			doubled -= min(doubled, t.cut)
		}
		if lost == 0 && doubled == 0 {
			passed++
			continue
		}
		c.lost += lost
		c.doubled += doubled
		c.doubledIn[k.table] += doubled
		c.fail("%s by %s: %d lost, %d doubled; %s", k.table, k.by, lost, doubled, first)
	}
	return passed, nil
}

// countExpired subtracts from the truth what retention deleted unread. The ledger has it as
// gaps, and as holes in a block that was declared before, of which some rejects may be
// stored already. Only malformed lines expire. The same holds for what was lost with a
// recreated topic, which the ledger does not have at all; some rejects of an unfinished block
// may be stored.
func (c *campaign) countExpired(ctx context.Context, t *truth) error {
	got, err := c.counts(ctx,
		"SELECT if(kind = 'gap', 'gaps', 'blocks') AS name, sum(holes) FROM statline.ledger WHERE state = 'stored' GROUP BY name"+
			" UNION ALL SELECT 'records', sum(records) FROM statline.ledger WHERE state = 'stored'")
	if err != nil {
		return err
	}
	holes := got["gaps"] + got["blocks"]
	if holes < t.hidden {
		c.fail("gaps and holes have %d records; %d offsets have none that may be read", holes, t.hidden)
	}
	c.skipped, t.cut = holes-min(holes, t.hidden), min(got["blocks"], t.doomed)
	if c.skipped > t.doomed {
		c.fail("gaps and holes have %d records; at most %d were deleted unread", c.skipped, t.doomed)
	}
	unread := min(c.skipped, t.doomed)
	if missing := t.records - unread; missing > got["records"] {
		gone := min(missing-got["records"], t.gone)
		unread, t.cut = unread+gone, t.cut+gone
	}
	t.records, t.rejected = t.records-unread, t.rejected-unread
	return nil
}

// difference sums what is missing and what is too much, with one example.
func difference(got, want map[string]uint64) (lost, doubled uint64, example string) {
	note := func(name string) {
		if example == "" {
			example = fmt.Sprintf("such as %s: got %d, want %d", name, got[name], want[name])
		}
	}
	for name, n := range want {
		if got[name] < n {
			lost += n - got[name]
			note(name)
		}
	}
	for name, n := range got {
		if n > want[name] {
			doubled += n - want[name]
			note(name)
		}
	}
	return lost, doubled, example
}

// audit is what statline audit --json prints, as far as it matters here.
type audit struct {
	OK          bool `json:"ok"`
	Pending     uint64
	Differences []struct {
		Kind string `json:"kind"`
	} `json:"differences"`
	Partitions []struct {
		Partition int32 `json:"partition"`
		End       int64 `json:"end"`
	} `json:"partitions"`
	Group map[int32]struct {
		Committed int64 `json:"committed"`
		Lag       int64 `json:"lag_records"`
	} `json:"group"`
	text string
}

// command is a subcommand of the binary about this run, past the proxy.
func (c *campaign) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, c.cfg.binary, append(args, "--clickhouse", "http://"+c.clickhouse,
		"--brokers", c.brokers(), "--topic", topic, "--group", group)...)
}

// runAudit runs the binary's own audit, past the proxy.
func (c *campaign) runAudit(ctx context.Context) (audit, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := c.command(ctx, "audit", "--json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var a audit
	if err := json.Unmarshal(stdout.Bytes(), &a); err != nil {
		return a, fmt.Errorf("statline audit: %w: %s", runErr, stderr.String())
	}
	a.text = stdout.String()
	return a, nil
}

// repair runs the binary's own repair.
func (c *campaign) repair(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := c.command(ctx, "repair")
	cmd.Env = append(os.Environ(), "STATLINE_HMAC_SECRET="+secret)
	out, err := cmd.CombinedOutput()
	fmt.Printf("%s", out)
	if err != nil {
		return fmt.Errorf("statline repair: %w: %s", err, out)
	}
	return nil
}

// awaitCaughtUp waits until the group has committed everything, according to both Kafka and
// the audit.
func (c *campaign) awaitCaughtUp(ctx context.Context) error {
	const limit = 3 * time.Minute
	deadline := time.Now().Add(limit)
	for {
		left, lag := int64(0), int64(0)
		offsets, err := traffic.ReadOffsets(ctx, c.kafka.addresses(), topic, group)
		for _, o := range offsets {
			left += o.End - o.Committed
		}
		whole := len(offsets) == int(c.feed.partitions.Load())
		if err == nil && whole && left == 0 {
			var a audit
			a, err = c.runAudit(ctx)
			for _, g := range a.Group {
				lag += g.Lag
			}
			if err == nil && len(a.Group) == len(offsets) && lag == 0 {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not caught up after %v: %d of %d partitions answer, %d records to go, lag %d: %w", limit,
				len(offsets), c.feed.partitions.Load(), left, lag, err)
		}
		if !sleep(ctx, 500*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}
