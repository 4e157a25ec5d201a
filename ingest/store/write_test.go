package store

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/classify/distinct"
	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/schema"
)

// tables that a block writes, but for the ledger, in their order.
func blockTables() (tables []schema.Table) {
	for _, r := range aggregate.Rollups() {
		tables = append(tables, schema.Table(r.Name))
	}
	return append(tables, schema.Samples, schema.KeyNames, schema.Rejects)
}

// checkSums wants every rollup to hold blocks days of blockOf, n requests each.
func checkSums(t *testing.T, s *Store, days, n uint64) {
	t.Helper()
	for _, r := range s.Rollups() {
		want := days * r.Sum.Of(aggregate.DayCount{Responses: n, Keyed: n - 1, Addressed: n - 2, Agented: n - 3})
		if got := sum(t, s, schema.Table(r.Name), schema.Requests); got != want {
			t.Errorf("%s: got %d requests; want %d", r.Name, got, want)
		}
	}
}

// A block written twice is stored once, in every table, on every day.
func TestRepeatedWriteDoublesNothing(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 200, 3, 10)
	for range 2 {
		write(t, s, id, c)
	}
	checkSums(t, s, 3, 10)
	for table, want := range map[schema.Table]uint64{schema.Samples: 3, schema.KeyNames: 1, schema.Rejects: 1,
		schema.Ledger: 2} {
		if got := count(t, s, table); got != want {
			t.Errorf("%s: got %d rows; want %d", table, got, want)
		}
	}
}

// Proof that the tokens do it: without them the same writes count twice.
func TestRepeatedWriteWithoutTokensDoubles(t *testing.T) {
	s := open(t)
	dropTokens(s)
	id, c := blockOf(100, 200, 3, 10)
	for range 2 {
		keys := c.Rows.Keys.All()
		keys[0].Bytes++ // else the server knows the same bytes again
		c.Rows.Responses[0].Bytes++
		c.Rows.Keys = aggregate.ListOf(keys)
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
	}
	if got := sum(t, s, schema.Responses, schema.Requests); got <= 30 {
		t.Errorf("responses: got %d requests; want more than 30", got)
	}
	if got := sum(t, s, schema.Keys, schema.Requests); got <= 27 {
		t.Errorf("keys: got %d requests; want more than 27", got)
	}
}

// An INSERT over several days that got only some of them stored is completed
// by its repetition: a token counts per day.
func TestHalfDoneInsertIsCompleted(t *testing.T) {
	s := open(t)
	id, whole := blockOf(100, 200, 4, 10)
	half := *whole
	half.Rows.Responses = whole.Rows.Responses[1:3]
	half.Rows.Keys = aggregate.ListOf(whole.Rows.Keys.All()[2:])
	half.Rows.Clients, half.Rows.Services = aggregate.List[aggregate.ClientRow]{}, nil
	for _, c := range []*block.Contents{&half, whole, whole} {
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
	}
	checkSums(t, s, 4, 10)
}

// More days than the server takes in one INSERT are cut, and cut alike when
// repeated.
func TestManyDays(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 1000, 110, 10)
	for range 2 {
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
	}
	if got := sum(t, s, schema.Responses, schema.Requests); got != 1100 {
		t.Errorf("got %d requests; want 1100", got)
	}
	if got := sum(t, s, schema.KeysHour, schema.Requests); got != 990 {
		t.Errorf("got %d requests; want 990", got)
	}
}

// A replay of the range of a block is stored beside it, once.
func TestReplayBesideBlock(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 101, 1, 10)
	for range 2 {
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
		if err := s.WriteRowsAs(t.Context(), id, block.KindReplay, c, free); err != nil {
			t.Fatal(err)
		}
	}
	if got := sum(t, s, schema.Responses, schema.Requests); got != 20 {
		t.Errorf("got %d requests; want 20", got)
	}
}

// The fence is asked before each INSERT; when it fails nothing more is sent.
func TestFence(t *testing.T) {
	s := open(t, func(c *Config) { c.Parallel = 1 })
	id, c := blockOf(100, 200, 1, 10)
	var asked atomic.Int64
	err := s.WriteRows(t.Context(), id, c, func() error {
		if asked.Add(1) > 2 {
			return block.ErrFenced
		}
		return nil
	})
	if !errors.Is(err, block.ErrFenced) || !strings.Contains(err.Error(), "services") {
		t.Fatalf("got %v; want ErrFenced at the third table", err)
	}
	if asked.Load() != 3 {
		t.Errorf("got %d questions; want 3", asked.Load())
	}
	for i, table := range blockTables() {
		if got := count(t, s, table) > 0; got != (i < 2) {
			t.Errorf("%s: stored %v", table, got)
		}
	}
	asked.Store(0)
	if err := s.WriteRows(t.Context(), id, c, func() error { asked.Add(1); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := int64(len(blockTables())); asked.Load() != want {
		t.Errorf("got %d questions; want %d", asked.Load(), want)
	}
	if err := s.WriteLedger(t.Context(), stored(id, c), func() error { return block.ErrFenced }); !errors.Is(err,
		block.ErrFenced) {
		t.Errorf("got %v; want ErrFenced", err)
	}
}

// Names and types of the columns are those of the tables.
func TestColumnsMatchTables(t *testing.T) {
	s := open(t)
	check := func(table schema.Table, names, wire []string) {
		rows, err := Select[struct {
			Name string `ch:"name"`
			Type string `ch:"type"`
		}](t.Context(), s,
			"SELECT name, type FROM system.columns WHERE database = ? AND table = ? AND default_kind = '' ORDER BY position", s.Database(), string(table))
		if err != nil {
			t.Fatal(err)
		}
		var gotNames, gotTypes []string
		for _, r := range rows {
			gotNames = append(gotNames, r.Name)
			gotTypes = append(gotTypes, valueType(r.Type))
		}
		if diff := cmp.Diff(gotNames, names); diff != "" {
			t.Errorf("%s: names (-table +ours)\n%s", table, diff)
		}
		if diff := cmp.Diff(gotTypes, wire); diff != "" {
			t.Errorf("%s: types (-table +ours)\n%s", table, diff)
		}
	}
	all := map[schema.Table][]insertColumn{
		schema.Samples: sampleColumns(nil), schema.KeyNames: keyNameColumns(nil),
		schema.KeyLabels: keyLabelColumns(nil),
		schema.Rejects:   rejectColumns(block.ID{}, time.Time{}, nil), schema.Ledger: ledgerColumns(nil),
		schema.Pipeline: pipelineColumns(nil),
	}
	for _, r := range s.Rollups() {
		all[schema.Table(r.Name)] = rollupColumns(r, r.Of(&aggregate.Rows{}))
	}
	for table, columns := range all {
		var names, wire []string
		for _, c := range columns {
			names, wire = append(names, string(c.name)), append(wire, c.wire)
		}
		check(table, names, wire)
	}
}

// valueType is a column's type without how it is merged and encoded.
func valueType(t string) string {
	if rest, ok := strings.CutPrefix(t, "SimpleAggregateFunction("); ok {
		_, rest, _ = strings.Cut(rest, ", ")
		t = strings.TrimSuffix(rest, ")")
	}
	if t == "LowCardinality(String)" {
		return "String"
	}
	return t
}

// Without compression the same rows arrive; a setting of the address goes with
// every INSERT, and so a wrong one is told.
func TestPlainWithSettings(t *testing.T) {
	s := open(t, func(c *Config) { c.Plain = true })
	id, c := blockOf(100, 200, 2, 10)
	s.pool.Load().settings["no_such_setting"] = 1
	if err := s.WriteRows(t.Context(), id, c, free); retry.ClassOf(err) != retry.Permanent ||
		!strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("got class %s, %v; want the setting refused", retry.ClassOf(err), err)
	}
	clear(s.pool.Load().settings)
	s.pool.Load().settings["insert_deduplication_token"] = "every block's" // ours wins
	for range 2 {
		if err := s.WriteRows(t.Context(), id, c, free); err != nil {
			t.Fatal(err)
		}
		id.First, id.End = id.End, id.End+100
	}
	checkSums(t, s, 4, 10)
}

// Every column of every table comes back as it was given.
// Long because it is one row of each table.
func TestRoundTrip(t *testing.T) {
	s := open(t)
	m := minuteOf(0, 61)
	ip := netip.MustParseAddr("2001:db8::1").As16()
	ip4 := netip.MustParseAddr("192.0.2.1").As16()
	id := block.ID{Cluster: "kafka-1", Topic: "access", Epoch: 7, Partition: 3, First: 5, End: 9}
	response := aggregate.ResponseRow{Minute: m, Service: "movies", Route: "/3/movie/{id}", Method: "GET",
		HTTPStatus: 504, Code: 24,
		Outcome: classify.Timeout, DecidedBy: classify.ByGateway, Blame: classify.BlameUpstream, ErrorType: "late",
		Requests: 300, Bytes: 1 << 40, Drift: 2,
		LatencyBuckets: []uint16{1, 65535}, LatencyCounts: []uint64{299, 1}, LatencyMicros: 1 << 41,
		UpstreamRequests: 4, UpstreamMicros: 5, UpstreamBuckets: []uint16{0, 2}, UpstreamCounts: []uint64{3, 1},
		Retries: 17, Truncated: true}
	k := aggregate.KeyRow{Minute: m, Key: key(9), Service: "movies", Outcome: classify.RateLimited, Code: 25,
		Requests: 3, Bytes: 4, Truncated: true,
		KeyFailure: &aggregate.KeyFailure{ErrorType: "quota", CountMax: 41, LimitMax: 40, Slots: 1 << 63,
			SlotSeconds: 10, FirstSeen: m + 1, LastSeen: m + 59,
			ClientIPs: [][16]byte{ip, ip4}, UserAgents: []string{"a\n'\x00", "é"}},
		KeyTold: &aggregate.KeyTold{Quota: classify.Quota{Limit: 100, Window: 60, RetryAfter: 7,
			Low: math.MaxUint32 - 9}, Retries: 2}}
	agent := aggregate.AgentRow{Minute: m, Service: "movies", Class: "ai", Agent: "GPTBot",
		Outcome: classify.RateLimited, Requests: 1 << 40, Truncated: true, Keys: distinct.Bitmap{1, 2, 3, 1 << 63}}
	const agentSelect = "concat(toUnixTimestamp(minute), ',', service, ',', class, ',', agent, ',', outcome, ',', requests, ',', truncated, ',', key_bits_0, ',', key_bits_1, ',', key_bits_2, ',', key_bits_3)"
	const agentText = ",movies,ai,GPTBot,rate_limited,1099511627776,1,1,2,3,9223372036854775808"
	c := &block.Contents{Rows: aggregate.Rows{
		Responses:     []aggregate.ResponseRow{response},
		ResponsesHour: []aggregate.ResponseRow{response},
		Services: []aggregate.ServiceRow{{Minute: m, Service: "tv", Outcome: classify.Unknown,
			Version: "4.2.0+b", Requests: 1 << 50}},
		ServicesHour: []aggregate.ServiceHourRow{{Minute: m, Service: "tv", Outcome: classify.Timeout, Requests: 300,
			LatencyBuckets: []uint16{1, 65535}, LatencyCounts: []uint64{299, 1}, UpstreamBuckets: []uint16{7},
			UpstreamCounts: []uint64{300}}},
		Keys:     aggregate.ListOf([]aggregate.KeyRow{k}),
		KeysHour: aggregate.ListOf([]aggregate.KeyRow{k}),
		Clients: aggregate.ListOf([]aggregate.ClientRow{{Minute: m, ClientIP: ip, Outcome: classify.InvalidKey,
			Code: 7, Requests: 8,
			Truncated: true,
			ClientFailure: &aggregate.ClientFailure{Slots: 9, Keys: []classify.KeyID{key(1), classify.OtherKey},
				Paths: distinct.Bitmap{1, 2, 3, 1 << 63}}}}),
		Agents:     []aggregate.AgentRow{agent},
		AgentsHour: []aggregate.AgentRow{agent},
		Samples: []aggregate.SampleRow{{Minute: m, Service: "movies", Outcome: classify.Timeout, Slot: 2,
			UnixMilli: int64(m)*1000 + 7, Route: "/r", Method: "PUT",
			Path: "/3/x?y=\n\n", HTTPStatus: 504, Code: 24, Message: "late", Key: key(2), ClientIP: ip,
			LatencyMicros: -1, UpstreamStatus: -1,
			RequestID: "req", UserAgent: "curl", Partition: 3, Offset: 1 << 50}},
		KeyNames: []aggregate.KeyNameRow{{Key: key(9), Name: "acme"}},
	}, Rejects: []block.RejectRow{{Partition: 3, Offset: 6, Index: 2, RecordUnixMilli: int64(m)*1000 + 9,
		Reason: "syntax", Detail: "at 4", Format: "json",
		DecoderVersion: 1, Raw: strings.Repeat("\n\x00\xff", 9)}}}
	if err := s.WriteRows(t.Context(), id, c, free); err != nil {
		t.Fatal(err)
	}
	k9, k1, k2 := key(9).String(), key(1).String(), key(2).String()
	const responseText = "movies,/3/movie/{id},GET,504,24,timeout,gateway,upstream,late,300,1099511627776,2,([1,65535],[299,1]),2199023255552,4,5,([0,2],[3,1]),1,17"
	at := fmt.Sprint(m)
	keyRow := at + "," + k9 + ",movies,rate_limited,25,quota,3,4,41,40,9223372036854775808,10," + fmt.Sprint(m+1) +
		"," + fmt.Sprint(m+59) +
		",['192.0.2.1','2001:db8::1'],['a\\n\\'\\0','é'],1,100,9,60,7,2"
	const keySelect = "concat(toUnixTimestamp(minute), ',', key_id, ',', service, ',', outcome, ',', code, ',', error_type, ',', requests, ',', bytes, ',', count_max, ',', limit_max, ','," +
		"slots, ',', slot_seconds, ',', toUnixTimestamp(first_seen), ',', toUnixTimestamp(last_seen), ','," +
		"toString(arraySort(arrayMap(x -> replaceOne(toString(x), '::ffff:', ''), client_ips))), ',', toString(arraySort(user_agents)), ',', truncated, ',', quota_limit, ',', quota_left, ',', quota_window, ',', retry_after, ',', retries)"
	const responseSelect = "concat(toUnixTimestamp(minute), ',', service, ',', route, ',', method, ',', http_status, ',', code, ',', outcome, ',', decided_by, ',', blame, ',', error_type, ','," +
		"requests, ',', bytes, ',', drift, ',', toString(latency), ',', latency_us, ',', upstream_requests, ',', upstream_us, ',', toString(upstream), ',', truncated, ',', retries)"
	for _, test := range []struct {
		table         schema.Table
		columns, want string
	}{
		{schema.Responses, responseSelect, at + "," + responseText},
		{schema.ResponsesHour, responseSelect, at + "," + responseText},
		{schema.Services, "concat(toUnixTimestamp(minute), ',', service, ',', outcome, ',', version, ',', requests)",
			at + ",tv,unknown,4.2.0+b,1125899906842624"},
		{schema.ServicesHour,
			"concat(toUnixTimestamp(minute), ',', service, ',', outcome, ',', requests, ',', toString(latency), ',', toString(upstream))", at + ",tv,timeout,300,([1,65535],[299,1]),([7],[300])"},
		{schema.Keys, keySelect, keyRow},
		{schema.KeysHour, keySelect, keyRow},
		{schema.Clients,
			"concat(toUnixTimestamp(minute), ',', toString(client_ip), ',', outcome, ',', code, ',', requests, ',', slots, ',', toString(arraySort(key_ids)), ',', truncated," +
				"',', path_bits_0, ',', path_bits_1, ',', path_bits_2, ',', path_bits_3)",
			at + ",2001:db8::1,invalid_key,7,8,9,['__other__','" + k1 + "'],1,1,2,3,9223372036854775808"},
		{schema.Samples,
			"concat(toUnixTimestamp(minute), ',', service, ',', outcome, ',', slot, ',', toUnixTimestamp64Milli(ts), ',', route, ',', method, ',', path, ',', http_status, ','," +
				"code, ',', message, ',', key_id, ',', toString(client_ip), ',', latency_us, ',', upstream_status, ',', request_id, ',', user_agent, ',', partition, ',', offset)",
			at + ",movies,timeout,2," + at + "007,/r,PUT,/3/x?y=\n\n,504,24,late," + k2 +
				",2001:db8::1,-1,-1,req,curl,3,1125899906842624"},
		{schema.Agents, agentSelect, at + agentText},
		{schema.AgentsHour, agentSelect, at + agentText},
		{schema.KeyNames, "concat(key_id, ',', name)", k9 + ",acme"},
	} {
		rows, err := Select[struct {
			Text string `ch:"text"`
		}](t.Context(), s, "SELECT "+test.columns+" AS text FROM "+s.Table(test.table))
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 1 || rows[0].Text != test.want {
			t.Errorf("%s: got %q; want %q", test.table, rows, test.want)
		}
	}
	rejects, err := s.Rejects(t.Context(), RejectFilter{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Reject{{Cluster: "kafka-1", Topic: "access", Epoch: 7, RejectRow: c.Rejects[0]}}
	if diff := cmp.Diff(want, rejects); diff != "" {
		t.Error(diff)
	}
}

// Chunks depend on the rows alone and keep the server's limits.
func TestChunks(t *testing.T) {
	type row struct {
		day  int64
		size int
	}
	cut := func(rows []row) (sizes []int) {
		s := sheet{rows: len(rows), partition: func(i int) int64 { return rows[i].day },
			size: func(i int) int { return rows[i].size }}
		end := 0
		for n, j := range s.jobs(schema.Samples, nil) {
			if j.from != end || j.chunk != n {
				t.Errorf("chunk %d: got number %d from %d; want it from %d", n, j.chunk, j.from, end)
			}
			end = j.to
			sizes = append(sizes, j.to-j.from)
		}
		if end != len(rows) {
			t.Errorf("got chunks of %d rows; want all %d", end, len(rows))
		}
		return sizes
	}
	days := func(n int) (rows []row) {
		for d := range n {
			rows = append(rows, row{day: int64(d)}, row{day: int64(d)})
		}
		return rows
	}
	back := append(days(maxPartitions), row{day: 0}, row{day: 500})
	for _, test := range []struct {
		name string
		rows []row
		want []int
	}{
		{"nothing", nil, nil},
		{"one", make([]row, 1), []int{1}},
		{"as many rows as fit", make([]row, maxRows), []int{maxRows}},
		{"one row more", make([]row, maxRows+1), []int{maxRows, 1}},
		{"as many days as fit", days(maxPartitions), []int{2 * maxPartitions}},
		{"more days", days(2*maxPartitions + 1), []int{2 * maxPartitions, 2 * maxPartitions, 2}},
		{"back to a day that is in, then a new one", back, []int{2*maxPartitions + 1, 1}},
		{"text", []row{{size: maxText - 1}, {size: 1}, {size: 1}, {size: 2 * maxText}, {size: 1}}, []int{2, 1, 1, 1}},
	} {
		if got := cut(test.rows); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %d; want %d", test.name, got, test.want)
		}
	}
}

// Hour tables are cut by the week that the server partitions them by.
func TestPartitionOf(t *testing.T) {
	s := open(t)
	for d := range 15 {
		m := minuteOf(d, 5)
		monday := number(t, s, "toUInt16(toMonday(toDateTime(?, 'UTC')))", int64(m))
		if got := partitionOf(aggregate.Hour, m); uint64(got*7-3) != monday {
			t.Errorf("%s: got week %d; want %d", time.Unix(int64(m), 0).UTC(), got*7-3, monday)
		}
		if got := partitionOf(aggregate.Minute, m); got != int64(day0+d) {
			t.Errorf("got day %d; want %d", got, day0+d)
		}
	}
}

// A minute's row of the pipeline table is replaced by its later versions.
func TestWritePipeline(t *testing.T) {
	s := open(t)
	for version := range uint64(3) {
		row := PipelineRow{Minute: 1_780_000_020, Instance: "i", Topic: "access", Partition: 2, LagSeconds: 1.5,
			Records: 10 * version, AuditDifferences: -1, Version: version}
		if err := s.WritePipeline(t.Context(), []PipelineRow{row}); err != nil {
			t.Fatal(err)
		}
	}
	if got := number(t, s, "(SELECT sum(records) FROM "+s.Table(schema.Pipeline)+" FINAL)"); got != 20 {
		t.Errorf("got %d records; want 20", got)
	}
}
