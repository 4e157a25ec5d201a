package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"statline/classify/aggregate"
)

// upgradeFrom makes the fixture of a release's schema; those of earlier ones stay:
//
//	go test ./cmd/e2e -run TestUpgradeInMidBlock -upgrade-from PATH
var upgradeFrom = flag.String("upgrade-from", "",
	"`path` of an older statline, which is killed in mid-block to make a fixture in testdata/upgrade")

const upgradeFixtures = "testdata/upgrade"

// midBlock is what a statline leaves in Kafka and ClickHouse when it is killed
// after some tables of a block. Its day, its cluster's id and its topic's are
// replaced when it is used, so that it does not grow old.
type midBlock struct {
	Version  string            `json:"version"`
	Day      string            `json:"day"` // of every event
	Cluster  string            `json:"cluster"`
	Lines    string            `json:"lines"` // of one partition
	Truth    truth             `json:"truth"`
	Commit   string            `json:"commit"`   // the group's metadata at offset 0
	Declared int64             `json:"declared"` // Unix seconds in it
	Create   map[string]string `json:"create"`   // statement by table
	Inserts  []midInsert       `json:"inserts"`
	Missing  []string          `json:"missing"` // tables whose INSERT never came
}

// midInsert is what one INSERT stored.
type midInsert struct {
	Table string `json:"table"`
	Token string `json:"token"`
	Rows  string `json:"rows"` // JSONEachRow
}

// upgradeDay is the day that events are of: before now, within every life and
// within the token window.
func upgradeDay() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2) }

// Promise: a block that an earlier release left half inserted, of whichever
// schema, is finished by this one, from its declaration, over its schema and under
// its tokens: what was stored counts once, what was not is added, and the audit
// finds nothing.
func TestUpgradeInMidBlock(t *testing.T) {
	if *upgradeFrom != "" {
		recordMidBlock(t, *upgradeFrom)
	}
	files, err := filepath.Glob(filepath.Join(upgradeFixtures, "*.json.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %v, %v; want a fixture of each earlier schema", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json.gz"),
			func(t *testing.T) { upgradeMidBlock(t, readMidBlock(t, file)) })
	}
}

func upgradeMidBlock(t *testing.T, old midBlock) {
	t.Logf("left by statline %s: %d inserts, not %v", old.Version, len(old.Inserts), old.Missing)
	kafka, clickhouse := upgradeSandbox(t)
	client := produceLines(t, kafka, "", upgradeDay())
	cluster := clusterID(t, client)
	client = produceLines(t, kafka, strings.ReplaceAll(old.Lines, old.Day, upgradeDay().Format(time.DateOnly)),
		upgradeDay())

	was, err := time.Parse(time.DateOnly, old.Day)
	if err != nil {
		t.Fatal(err)
	}
	aged := strings.NewReplacer(old.topicID(), topicID(t, client), old.Day, upgradeDay().Format(time.DateOnly),
		was.AddDate(0, 0, 1).Format(time.DateOnly), upgradeDay().AddDate(0, 0, 1).Format(time.DateOnly),
		was.AddDate(0, 0, 2).Format(time.DateOnly), upgradeDay().AddDate(0, 0, 2).Format(time.DateOnly), old.Cluster,
		cluster)
	post(t, clickhouse, "CREATE DATABASE statline")
	for _, table := range slices.Sorted(maps.Keys(old.Create)) {
		post(t, clickhouse, old.Create[table])
	}
	for _, in := range old.Inserts {
		at := clickhouse + "/?" + url.Values{"insert_deduplication_token": {aged.Replace(in.Token)},
			"insert_deduplicate": {"1"}, "async_insert": {"0"}}.Encode()
		post(t, at, "INSERT INTO statline."+in.Table+" FORMAT JSONEachRow\n"+aged.Replace(in.Rows))
	}
	declared := old.Declared + int64(upgradeDay().Sub(was)/time.Second)
	offsets := kadm.Offsets{}
	offsets.AddOffset("access", 0, 0, -1)
	metadata := aged.Replace(strings.TrimSuffix(old.Commit, fmt.Sprint(old.Declared))) + fmt.Sprint(declared)
	offsets["access"][0] = kadm.Offset{Topic: "access", LeaderEpoch: -1, Metadata: metadata}
	if done, err := kadm.NewClient(client).CommitOffsets(t.Context(), "statline", offsets); err != nil ||
		done.Error() != nil {
		t.Fatal(err, done.Error())
	}
	if n := sqlCounts(t, clickhouse,
		"SELECT state, count() FROM statline.ledger WHERE kind = 'block' GROUP BY state"); n["stored"] != 0 ||
		n["declared"] == 0 {
		t.Fatalf("the fixture's ledger has %v; want a declared block and none stored", n)
	}
	before := sql(t, clickhouse, "SELECT sum(requests) FROM statline.responses")
	if before == "0" || len(old.Missing) == 0 {
		t.Fatalf("the fixture is no half block: responses hold %s requests, no insert into %v", before, old.Missing)
	}

	d := startUpgraded(t, binary, kafka, clickhouse, "--until-caught-up")
	if err := d.wait(t, time.Minute); err != nil {
		t.Fatalf("run: %v", err)
	}
	if !strings.Contains(d.logged(), "finishing a declared block") {
		t.Error("the declared block was not found")
	}
	want := old.Truth
	want.ByMinute = map[string]uint64{}
	for minute, n := range old.Truth.ByMinute {
		want.ByMinute[aged.Replace(minute)] = n
	}
	checkStored(t, clickhouse, want)
	services := sqlCounts(t, clickhouse, "SELECT service AS name, sum(requests) FROM statline.services GROUP BY name")
	if !maps.Equal(services, want.ByService) {
		t.Errorf("services: got %v; want %v", services, want.ByService)
	}
	// As the panels read hours: services_hour from where it is whole.
	const since = "(SELECT toDateTime(max(toUInt32OrZero(value))) FROM statline.meta WHERE key = 'services_hour_since')"
	hours := sqlCounts(t, clickhouse,
		"SELECT service AS name, sum(requests) FROM (SELECT service, requests FROM statline.services_hour WHERE minute >= "+since+
			" UNION ALL SELECT service, requests FROM statline.responses_hour WHERE minute < "+since+") GROUP BY name")
	if !maps.Equal(hours, want.ByService) {
		t.Errorf("hours of services: got %v; want %v", hours, want.ByService)
	}
	if r := run(t, nil, "audit", "--clickhouse", clickhouse); r.err != nil {
		t.Errorf("audit: %v\n%s", r.err, r.stdout)
	}
}

func startUpgraded(t *testing.T, path, kafka, clickhouse string, more ...string) *daemon {
	t.Helper()
	t.Setenv("STATLINE_HMAC_SECRET", "the secret of the upgrade test, long enough")
	return startBinary(t, path, t.TempDir(), append([]string{"run", "--brokers", kafka, "--topic", "access",
		"--clickhouse", clickhouse, "--listen", ""}, more...)...)
}

// upgradeSandbox has a topic with one partition.
func upgradeSandbox(t *testing.T) (kafka, clickhouse string) {
	t.Helper()
	kafka, clickhouse = freeAddress(t), freeAddress(t)
	d := start(t, "", "sandbox", "--kafka", kafka, "--clickhouse", clickhouse, "--data", t.TempDir(), "--partitions",
		"1")
	d.waitFor(t, "ready", 60*time.Second)
	return kafka, "http://" + clickhouse
}

// produceLines writes lines to the one partition, stamped from noon on.
func produceLines(t *testing.T, kafka, lines string, day time.Time) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("access"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var records []*kgo.Record
	for line := range strings.Lines(lines) {
		records = append(records, &kgo.Record{Value: []byte(strings.TrimSuffix(line, "\n")),
			Timestamp: day.Add(13 * time.Hour)})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return client
}

func clusterID(t *testing.T, client *kgo.Client) string {
	t.Helper()
	m, err := kadm.NewClient(client).BrokerMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.Cluster
}

// topicID is the id of the topic access, in Kafka's own form.
func topicID(t *testing.T, client *kgo.Client) string {
	t.Helper()
	topics, err := kadm.NewClient(client).ListTopics(t.Context(), "access")
	if err != nil {
		t.Fatal(err)
	}
	id := topics["access"].ID
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// topicID is the id of the fixture's topic; what no text holds before schema 8, which
// had none.
func (m *midBlock) topicID() string {
	_, rest, found := strings.Cut(m.Commit, "@")
	if id, _, _ := strings.Cut(rest, ":"); found {
		return id
	}
	return "no topic id"
}

func readMidBlock(t *testing.T, file string) midBlock {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return decodeJSON[midBlock](t, string(text))
}

// recordMidBlock runs an older statline until four tables of its first block
// are stored, and kills it.
// Long because it is one story, told in its order.
func recordMidBlock(t *testing.T, path string) {
	t.Helper()
	kafka, clickhouse := upgradeSandbox(t)
	day := upgradeDay()
	truthFile, linesFile := filepath.Join(t.TempDir(), "truth"), filepath.Join(t.TempDir(), "lines")
	must(t, "generate", "--to", linesFile, "--count", "1500", "--rate", "20", "--malformed", "0.02",
		"--start", day.Add(12*time.Hour).Format(time.RFC3339), "--truth", truthFile)
	lines, err := os.ReadFile(linesFile)
	if err != nil {
		t.Fatal(err)
	}
	client := produceLines(t, kafka, string(lines), day)
	p := midBlock{Day: day.Format(time.DateOnly), Lines: string(lines), Truth: readTruth(t, truthFile),
		Cluster: clusterID(t, client), Create: map[string]string{}}

	target, err := url.Parse(clickhouse)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	tokens, full, over := map[string]string{}, make(chan struct{}), make(chan struct{})
	forward := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get("insert_deduplication_token")
		if token == "" {
			forward.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if len(tokens) == 5 { // the ledger's declaration and four tables
			select {
			case <-full:
			default:
				close(full)
			}
			<-over
			return
		}
		forward.ServeHTTP(w, r)
		_, rest, _ := strings.Cut(r.URL.Query().Get("query"), "`.`")
		table, _, _ := strings.Cut(rest, "`")
		tokens[table] = token
	}))
	defer proxy.Close()
	d := startUpgraded(t, path, kafka, proxy.URL)
	select {
	case <-full:
	case <-time.After(time.Minute):
		t.Fatalf("no block within a minute: %v\n%s", tokens, d.logged())
	}
	d.kill(t)
	close(over)

	for _, table := range strings.Fields(sql(t, clickhouse,
		"SELECT name FROM system.tables WHERE database = 'statline' FORMAT TSV")) {
		p.Create[table] = sql(t, clickhouse, "SHOW CREATE TABLE statline."+table+" FORMAT TSVRaw")
		rows := sql(t, clickhouse, "SELECT * FROM statline."+table+" FORMAT JSONEachRow")
		if token, ok := tokens[table]; ok || table == "meta" {
			p.Inserts = append(p.Inserts, midInsert{table, token, rows})
		} else if slices.ContainsFunc(aggregate.Rollups(), func(r aggregate.Rollup) bool { return r.Name == table }) {
			p.Missing = append(p.Missing, table)
		}
	}
	p.Version = sql(t, clickhouse, "SELECT any(version) FROM statline.ledger")
	committed, err := kadm.NewClient(client).FetchOffsets(context.Background(), "statline")
	if err != nil {
		t.Fatal(err)
	}
	o, ok := committed.Lookup("access", 0)
	if !ok || o.At != 0 {
		t.Fatalf("committed: got %+v", o)
	}
	p.Commit = o.Metadata
	if _, err := fmt.Sscan(p.Commit[strings.LastIndexByte(p.Commit, ':')+1:], &p.Declared); err != nil {
		t.Fatalf("metadata %q: %v", p.Commit, err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	schema := sql(t, clickhouse, "SELECT argMax(value, version) FROM statline.meta WHERE key = 'schema_version'")
	if err := os.WriteFile(filepath.Join(upgradeFixtures, "schema"+schema+".json.gz"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
