//go:build compose

package stack

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/dashboards/grafanatest"
	"statline/ingest/sandbox"
	"statline/ingest/sandbox/javatest"
)

const root = "../../.."

// pom names Apache Kafka and its command-line tools.
//
//go:embed pom.xml
var pom []byte

var parts Parts

// partsEnv hands what was made outside to the process inside the network,
// which reaches nothing but itself.
const partsEnv = "STATLINE_STACK_PARTS"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Getenv(partsEnv) == "" {
		work, err := os.MkdirTemp("", "statline-stack-")
		if err != nil {
			return fail(err)
		}
		defer os.RemoveAll(work)
		if err := os.Chmod(work, 0o755); err != nil {
			return fail(err)
		}
		made, err := prepare(work)
		if err != nil {
			return fail(err)
		}
		raw, err := json.Marshal(made)
		if err != nil {
			return fail(err)
		}
		if err := os.Setenv(partsEnv, string(raw)); err != nil {
			return fail(err)
		}
		code, _, err := Main()
		if err != nil {
			return fail(err)
		}
		return code
	}
	if code, done, err := Main(); done || err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	if err := json.Unmarshal([]byte(os.Getenv(partsEnv)), &parts); err != nil {
		return fail(err)
	}
	return m.Run()
}

func prepare(work string) (p Parts, err error) {
	ctx := context.Background()
	if p.Image, err = Build(ctx, root, work); err != nil {
		return p, err
	}
	p.Binary = filepath.Join(p.Image.Root, p.Image.Entrypoint[0])
	if p.Jars, err = javatest.Jars(ctx, "kafka-tools", pom); err != nil {
		return p, err
	}
	if p.Engine, err = sandbox.FindEngine(""); err != nil {
		return p, err
	}
	p.Engine, err = filepath.Abs(p.Engine)
	return p, err
}

// secrets are those of an .env file, other ones each time.
func secrets() []string {
	var list []string
	for _, name := range []string{"CLICKHOUSE_WRITER_PASSWORD", "CLICKHOUSE_READER_PASSWORD", "GRAFANA_ADMIN_PASSWORD",
		"STATLINE_HMAC_SECRET"} {
		list = append(list, name+"="+rand.Text())
	}
	return append(list, "TRAFFIC_RATE=300")
}

func load(t *testing.T, file string) *Stack {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir(); d = filepath.Dir(d) { // other users walk through it
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Load(t.Context(), file, dir, secrets(), parts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Down)
	return s
}

// kafkaRecords is how many records the topic holds, by Kafka's own tool.
func kafkaRecords(t *testing.T, s *Stack) (n int64) {
	t.Helper()
	out, err := s.Exec(t.Context(), "topic", "/opt/kafka/bin/kafka-get-offsets.sh", "--bootstrap-server", "kafka:19092",
		"--topic", "access")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) == 3 && f[0] == "access" {
			end, err := strconv.ParseInt(f[2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			n += end
		}
	}
	return n
}

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	o, err := clickhouse.ParseDSN(url)
	if err != nil {
		t.Fatal(err)
	}
	db := clickhouse.OpenDB(o)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// writer is statline's own address of the store, as its service says.
func writer(s *Stack) string {
	return strings.Replace(s.Environment("statline")["STATLINE_CLICKHOUSE"], "@clickhouse:",
		"@"+s.Address("clickhouse")+":", 1)
}

// The stack comes up as the compose file says, counts what the traffic profile
// sends exactly, passes its own audit, and answers every panel as the reader.
func TestStack(t *testing.T) {
	s := load(t, filepath.Join(root, "docker-compose.yml"))
	if err := s.Up(t.Context(), "statline", "traffic"); err != nil {
		t.Fatal(err)
	}
	for kafkaRecords(t, s) < 1500 {
	}
	if err := s.Stop("traffic"); err != nil {
		t.Error(err)
	}
	sent := kafkaRecords(t, s)
	db := open(t, writer(s))
	var stored uint64
	for deadline := time.Now().Add(time.Minute); stored < uint64(sent) && time.Now().Before(deadline); {
		row := db.QueryRow("SELECT sum(records) FROM ledger WHERE state = 'stored' AND kind = 'block'")
		if err := row.Scan(&stored); err != nil {
			t.Fatal(err)
		}
	}
	if stored != uint64(sent) {
		t.Fatalf("stored %d of %d records", stored, sent)
	}
	for _, args := range [][]string{{"check"}, {"audit"}, {"report"}, {"incidents"}, {"rejects", "list"}} {
		if out, err := s.Exec(t.Context(), "statline",
			append([]string{"/usr/local/bin/statline"}, args...)...); err != nil {
			t.Errorf("statline %s: %v\n%s", args[0], err, out)
		}
	}
	if err := s.Stop("statline"); err != nil {
		t.Error(err)
	}
	asReader(t, s, "")
	if failed := askPanels(t, s); len(failed) > 0 {
		t.Errorf("%d panels fail: %s", len(failed), failed[0])
	}
	source, err := s.DataSource()
	if err != nil {
		t.Fatal(err)
	}
	var requests, responses uint64
	if err := open(t, source).
		QueryRow("SELECT (SELECT sum(requests) FROM responses), (SELECT sum(responses) FROM ledger WHERE state = 'stored')").Scan(&requests, &responses); err != nil {
		t.Fatal(err)
	}
	if requests != responses || requests == 0 {
		t.Errorf("responses hold %d requests; the ledger says %d", requests, responses)
	}
	if _, err := open(t, source).Exec("CREATE TABLE nothing (n UInt8) ENGINE = Memory"); err == nil {
		t.Error("the reader can make tables")
	}
	readerNeeds(t, s)
}

// asReader starts ClickHouse again with the reader's rights, less one.
func asReader(t *testing.T, s *Stack, without string) {
	t.Helper()
	if err := s.Stop("clickhouse"); err != nil {
		t.Error(err)
	}
	s.As, s.Without = s.Environment("grafana")["CLICKHOUSE_READER"], without
	if err := s.Up(t.Context(), "clickhouse"); err != nil {
		t.Fatal(err)
	}
}

// askPanels runs every panel's query as Grafana does and returns what failed.
func askPanels(t *testing.T, s *Stack) (failed []string) {
	t.Helper()
	source, err := s.DataSource()
	if err != nil {
		t.Fatal(err)
	}
	g, err := grafanatest.Open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	panels, err := s.Panels()
	if err != nil {
		t.Fatal(err)
	}
	to := time.Now().UTC().Add(time.Minute)
	for _, p := range panels {
		text := grafanatest.Choice{}.Apply(p.SQL)
		if _, err := g.Ask(t.Context(), text, p.Format, to.Add(-time.Hour), to, time.Minute); err != nil {
			failed = append(failed, fmt.Sprintf("%s, %s: %v", p.Board, p.Title, err))
		}
	}
	return failed
}

// readerNeeds takes each of the reader's rights away in turn: some panel must
// miss it.
func readerNeeds(t *testing.T, s *Stack) {
	users, err := ReadUsers(filepath.Join(root, "deploy/clickhouse"))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := users.Find(s.Environment("grafana")["CLICKHOUSE_READER"])
	if err != nil {
		t.Fatal(err)
	}
	panels, err := s.Panels()
	if err != nil {
		t.Fatal(err)
	}
	var texts strings.Builder
	for _, p := range panels {
		texts.WriteString(p.SQL)
	}
	for _, privilege := range Privileges(reader.Grants) {
		if table, ok := systemTable(privilege); ok {
			if !strings.Contains(texts.String(), table) {
				t.Errorf("the reader is granted %s, and no panel asks it", privilege)
			}
			continue
		}
		asReader(t, s, privilege)
		failed := askPanels(t, s)
		if len(failed) == 0 || !strings.Contains(failed[0], "ACCESS_DENIED") &&
			!strings.Contains(failed[0], "Not enough privileges") {
			t.Errorf("the reader is granted %s, and no panel needs it: %v", privilege, failed)
		}
	}
}

// systemTable is the table of a privilege on one of the server's own. The
// engine lets everyone read those, so who needs them is told by the texts.
func systemTable(privilege string) (string, bool) {
	_, on, _ := strings.Cut(privilege, " ON ")
	return on, strings.HasPrefix(on, "system.")
}

// sources are the Go files of the writer.
func sources(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "grep", "-h", "system\\.", "--", "ingest/*.go", ":!*_test.go",
		":!ingest/sandbox",
		":!ingest/store/forget*.go").Output() // forget is run by hand, with rights that PRIVACY.md names
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// rarelySent are statements in the form in which statline sends them only with
// traffic, at an upgrade with other times of retention, and in a repair.
var rarelySent = []string{
	"INSERT INTO statline.meta (key, value, version) VALUES ('test', '1', 1)",
	"ALTER TABLE statline.keys MODIFY TTL toDateTime(minute) + INTERVAL 31 DAY",
	"ALTER TABLE statline.keys DELETE WHERE minute = toDateTime(0)",
}

// Each of the writer's rights is needed by something that it does: to make and
// upgrade the tables, to write, to read.
func TestWriterNeedsItsRights(t *testing.T) {
	users, err := ReadUsers(filepath.Join(root, "deploy/clickhouse"))
	if err != nil {
		t.Fatal(err)
	}
	user, err := users.Find("statline")
	if err != nil {
		t.Fatal(err)
	}
	granted := strings.Join(user.Grants, "\n") + "\n"
	for _, table := range regexp.MustCompile(`system\.[a-z_]+`).FindAllString(sources(t), -1) {
		if !strings.Contains(granted, "SELECT ON "+table+"\n") {
			t.Errorf("statline asks %s, and is not granted it", table)
		}
	}
	for _, privilege := range Privileges(user.Grants) {
		if table, ok := systemTable(privilege); ok {
			if !strings.Contains(sources(t), table) {
				t.Errorf("statline is granted %s, and does not ask it", privilege)
			}
			continue
		}
		t.Run(privilege, func(t *testing.T) {
			s := load(t, filepath.Join(root, "docker-compose.yml"))
			s.Without = privilege
			if err := s.Up(t.Context(), "clickhouse"); err != nil {
				t.Fatal(err)
			}
			db := open(t, strings.TrimSuffix(writer(s), "/statline")+"/default")
			denied := false
			for _, args := range [][]string{{"migrate"}, {"audit"}, {"report"}} {
				out, err := s.Exec(t.Context(), "statline", append([]string{"/usr/local/bin/statline"}, args...)...)
				denied = denied || err != nil && strings.Contains(out, "Not enough privileges")
			}
			for _, statement := range rarelySent {
				if _, err := db.Exec(statement); err != nil {
					denied = denied || strings.Contains(err.Error(), "Not enough privileges")
				}
			}
			if !denied {
				t.Error("nothing that statline does needs it")
			}
		})
	}
}

// A fault in the compose file or in the users' file stops the stack, and what
// it says names the fault.
func TestPlantedFaults(t *testing.T) {
	for _, f := range []struct{ name, file, old, new, says string }{
		{"misspelt variable of statline", "docker-compose.yml", "STATLINE_BROKERS:", "STATLINE_BROKRES:",
			"STATLINE_BROKRES"},
		{"wrong topic", "docker-compose.yml", "STATLINE_TOPIC: access", "STATLINE_TOPIC: acess", "acess"},
		{"wrong port of the store", "docker-compose.yml", "@clickhouse:9000/statline", "@clickhouse:9001/statline",
			"9001"},
		{"wrong port of the broker", "docker-compose.yml", "STATLINE_BROKERS: kafka:19092",
			"STATLINE_BROKERS: kafka:19093", "19093"},
		{"misspelt flag", "docker-compose.yml", `command: ["run"]`, `command: ["run", "--form", "latest"]`, "--form"},
		{"users mounted elsewhere", "docker-compose.yml", "/etc/clickhouse-server/users.d/statline.xml",
			"/etc/clickhouse-server/user.d/statline.xml", "users.d"},
		{"variable of a password", "docker-compose.yml", "      CLICKHOUSE_WRITER_PASSWORD: $",
			"      CLICKHOUSE_WRITER_PASWORD: $", "CLICKHOUSE_WRITER_PASSWORD"},
		{"port that is not listened on", "docker-compose.yml", ":-8123}:8123", ":-8123}:8124", "8124"},
		{"user that is not there", "docker-compose.yml", "clickhouse://statline:", "clickhouse://statlin:", "statlin"},
		{"missing right", "deploy/clickhouse/users.xml", "CREATE TABLE, ", "", "CREATE TABLE"},
		{"right on another database", "deploy/clickhouse/users.xml",
			"ON statline.*</query>\n                <query>GRANT SELECT ON system",
			"ON statlin.*</query>\n                <query>GRANT SELECT ON system", "statline"},
		{"health check of another port", "docker-compose.yml", "nc -z localhost 19092", "nc -z localhost 19099",
			"19099"},
	} {
		t.Run(f.name, func(t *testing.T) {
			s := load(t, plant(t, f.file, f.old, f.new))
			ctx, cancel := context.WithTimeoutCause(t.Context(), 40*time.Second,
				fmt.Errorf("the stack does not come up"))
			defer cancel()
			err := s.Up(ctx, "statline")
			if err == nil {
				t.Fatal("the stack comes up all the same")
			}
			if !strings.Contains(err.Error(), f.says) {
				t.Errorf("got %v; want it to name %s", err, f.says)
			}
		})
	}
}

// plant copies what the compose file names and changes one place.
func plant(t *testing.T, file, old, new string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"docker-compose.yml", "deploy", "dashboards/provisioning", "dashboards/generated"} {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-r", filepath.Join(root, name), to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	path := filepath.Join(dir, file)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), old) {
		t.Fatalf("%s does not contain %q", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), old, new)), 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "docker-compose.yml")
}
