package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// documented is what OUTPUT.md says of an object's fields.
type documented map[string]documentedField

type documentedField struct {
	value    string
	optional bool
}

// outputPage reads the page: its commands and objects by their titles.
func outputPage(t *testing.T) map[string]documented {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "cmd/statline/OUTPUT.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]documented{}
	var now documented
	row := regexp.MustCompile("^\\| `([^`]+)` \\| (.*) \\| (.*) \\|$")
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			now = documented{}
			if all[title] != nil {
				t.Errorf("OUTPUT.md describes %s twice", title)
			}
			all[title] = now
		}
		if m := row.FindStringSubmatch(line); m != nil && now != nil {
			if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(m[1]) {
				t.Errorf("OUTPUT.md: %s is not in snake_case", m[1])
			}
			now[m[1]] = documentedField{m[2], strings.HasPrefix(m[3], "may be missing")}
		}
	}
	if len(all) < 20 {
		t.Fatalf("found %d objects in OUTPUT.md; the test reads it wrongly", len(all))
	}
	return all
}

// outputLists reads the same page for the lists that --by chooses, by command.
func outputLists(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "cmd/statline/OUTPUT.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, command := map[string][]string{}, ""
	for line := range strings.Lines(string(page)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			command = strings.TrimSpace(title)
		}
		if _, lists, ok := strings.Cut(line, "chosen by `--by`: "); ok {
			for _, m := range regexp.MustCompile("`([a-z_]+)` \\(").FindAllStringSubmatch(lists, -1) {
				all[command] = append(all[command], m[1])
			}
		}
	}
	if len(all) < 10 {
		t.Fatalf("found lists of %d commands; the test reads the page wrongly", len(all))
	}
	return all
}

// fits compares a value with what the page says it is.
func fits(page map[string]documented, value any, says string) error {
	if says, ok := strings.CutSuffix(says, " or null"); ok {
		if value == nil {
			return nil
		}
		return fits(page, value, says)
	}
	if says, ok := strings.CutPrefix(says, "list of "); ok {
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("got %v; want a list", value)
		}
		for i := range list {
			if err := fits(page, list[i], says); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	}
	if says, ok := strings.CutPrefix(says, "map to "); ok {
		values, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("got %v; want an object", value)
		}
		for name := range values {
			if err := fits(page, values[name], says); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	if link := regexp.MustCompile(`^\[(.*)\]\(#`).FindStringSubmatch(says); link != nil {
		return page[link[1]].fits(page, value)
	}
	ok := true
	switch says {
	case "text":
		_, ok = value.(string)
	case "time":
		s, _ := value.(string)
		_, err := time.Parse(time.RFC3339Nano, s)
		ok = err == nil
	case "boolean":
		_, ok = value.(bool)
	case "integer", "number":
		n, is := value.(float64)
		ok = is && (says == "number" || n == float64(int64(n)) || n > 1<<53)
	case "anything":
	default:
		return fmt.Errorf("the page says %q, which the test does not know", says)
	}
	if !ok {
		return fmt.Errorf("got %#v; want %s", value, says)
	}
	return nil
}

func (d documented) fits(page map[string]documented, value any) error {
	object, ok := value.(map[string]any)
	if !ok || d == nil {
		return fmt.Errorf("got %v; want an object that the page describes", value)
	}
	for name, v := range object {
		f, ok := d[name]
		if !ok {
			return fmt.Errorf("%s is not on the page", name)
		}
		if err := fits(page, v, f.value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, f := range d {
		if _, ok := object[name]; !ok && !f.optional {
			return fmt.Errorf("%s is missing", name)
		}
	}
	return nil
}

// The JSON of every command is what OUTPUT.md says, with the version of the schema,
// and its CSV is read by ClickHouse to the values that ndjson has.
// Long because it is one table.
func TestOutput(t *testing.T) {
	page := outputPage(t)
	t.Setenv("STATLINE_HMAC_SECRET", "0123456789abcdef0123456789abcdef")
	dir := filepath.Join(t.TempDir(), "store")
	log, noLog := write(t, "a.log", refusedLines()), write(t, "no.log", []byte("what\na \"line\", x|y\n"))
	kept := must(t, "analyze", "-o", "json", "--data", dir, log, noLog).stdout
	id := decodeJSON[report](t, kept).Incidents[0].ID
	key := decodeJSON[named](t, kept).Who[0].Key
	_, kafka, clickhouse := startSandbox(t, dir)
	at := []string{"--clickhouse", clickhouse}
	listed, lists := decodeJSON[struct {
		Rejects []struct {
			Topic             string
			Partition, Offset int64
		}
	}](t, must(t, append([]string{"rejects", "list", "-o", "json"}, at...)...).stdout), outputLists(t)
	rejected := fmt.Sprintf("%s/%d@%d", listed.Rejects[0].Topic, listed.Rejects[0].Partition, listed.Rejects[0].Offset)
	seen := map[string]bool{"statline demo": true}
	check := func(name, text string) {
		t.Helper()
		got := decodeJSON[map[string]any](t, text)
		if got["schema"] != 1.0 {
			t.Errorf("%s: got schema %v; want 1", name, got["schema"])
		}
		delete(got, "schema")
		if err := page[name].fits(page, got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	check("statline analyze", kept)
	check("statline demo", must(t, "demo", "--for", "1s", "-o", "json").stdout)
	since := append([]string{"--since", "30d"}, at...)
	for _, c := range []struct {
		command string
		args    []string
		by      []string
		rows    int // at least
	}{
		{"report", since, []string{"reason", "key", "service", "code", "incident"}, 1},
		{"incidents", append([]string{"--compare", "previous"}, since...), []string{"incident", "kind", "service"}, 1},
		{"incidents show", append([]string{id}, at...), []string{"sample"}, 1},
		{"limits headroom", since, []string{""}, 1},
		{"limits simulate", append([]string{"--limit", "3/1m"}, since...), []string{"key", "hour", "window"}, 1},
		{"samples", since, []string{"sample", "outcome", "service", "route", "code"}, 1},
		{"receipt", append([]string{"--key", key, "--from", "2026-03-01T12:00", "--to", "2026-03-01T12:29"}, at...),
			[]string{"day", "service", "code", "group", "range"}, 1},
		{"keys show", append([]string{key}, since...), []string{"use", "time", "address", "sample", "incident"}, 0},
		{"storage", at, []string{"table", "day"}, 1},
		{"audit", at, []string{"partition", "day"}, 1},
		{"rejects list", at, []string{"line", "reason"}, 1},
		{"rejects show", append([]string{rejected}, at...), []string{""}, 1},
		{"check", append([]string{"--brokers", kafka, "--topic", "access"}, at...), []string{""}, 1},
		{"routes suggest", at, []string{""}, 0},
		{"codes", nil, []string{""}, 40},
		{"codes suggest", at, []string{""}, 1},
		{"sql",
			append([]string{"SELECT service, 'a\"b,c\nd' AS odd, sum(requests) AS n, max(minute) AS last FROM responses GROUP BY service ORDER BY service"}, at...), []string{""}, 1},
		{"formats", nil, []string{""}, 10},
		{"config show", nil, []string{""}, 20},
		{"version", nil, []string{""}, 1},
		{"backtest", at, []string{""}, 1},
		{"probe", []string{log}, []string{"field"}, 1},
		{"analyze", []string{noLog}, nil, 0},
	} {
		args := append(strings.Fields(c.command), c.args...)
		r := run(t, nil, append(args, "-o", "json")...)
		if status := exitStatus(r.err); status != 0 && !(status == 3 && c.by == nil) {
			t.Errorf("%v: status %d\n%s", args, status, r.stderr)
			continue
		}
		seen["statline "+c.command] = true
		check("statline "+c.command, r.stdout)
		for _, by := range append(slices.Clone(c.by), lists["statline "+c.command]...) {
			with, least := args, 0
			if slices.Contains(c.by, by) {
				least = c.rows
			}
			if by != "" {
				with = append(append([]string{}, args...), "--by", by)
			}
			lines, table := run(t, nil, append(append([]string{}, with...), "-o", "ndjson")...),
				run(t, nil, append(append([]string{}, with...), "-o", "csv")...)
			if lines.err != nil && c.by != nil || table.err != nil && c.by != nil {
				t.Errorf("%v: %v %v\n%s%s", with, lines.err, table.err, lines.stderr, table.stderr)
			}
			if n := sameRows(t, clickhouse, lines.stdout, table.stdout); n < least {
				t.Errorf("%v: got %d rows; want %d", with, n, least)
			}
		}
	}
	check("statline key-id", run(t, strings.NewReader("sesame\n"), "key-id", "-o", "json").stdout)
	for want, args := range map[string][]string{ // what the Tab key offers
		"movies":   {"report", "--clickhouse", clickhouse, "--service", ""},
		key[:10]:   {"keys", "show", "--clickhouse", clickhouse, ""},
		id[:8]:     {"incidents", "show", "--clickhouse", clickhouse, ""},
		"timeout":  {"samples", "--outcome", "ti"},
		"ndjson":   {"audit", "--output", ""},
		"quiet":    {"backtest", "--preset", ""},
		"combined": {"analyze", "--format", ""},
		"25\t":     {"codes", ""},
		"mixed":    {"generate", "--scenario", ""},
	} {
		eventually(t, time.Minute, fmt.Sprintf("%v Tab offers %s", args, want), func() bool {
			// the store has only seconds to answer
			return strings.Contains("\n"+must(t, append([]string{"__complete"}, args...)...).stdout, "\n"+want)
		})
	}
	for title := range page {
		if strings.HasPrefix(title, "statline ") && !seen[title] && title != "statline key-id" {
			t.Errorf("%s is on the page and not tried", title)
		}
	}
}

// sameRows says how many rows the two have, which are the same when ClickHouse
// reads the CSV.
func sameRows(t *testing.T, clickhouse, lines, table string) int {
	t.Helper()
	resp,
		err := http.Post(clickhouse+"/?max_query_size=10000000&default_format=JSONEachRow&output_format_json_quote_64bit_integers=0",
		"text/plain", strings.NewReader("SELECT * FROM format(CSVWithNames, '"+strings.NewReplacer(`\`, `\\`, `'`,
			`\'`).Replace(table)+"')"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		if strings.Count(table, "\n") == 1 {
			return 0 // nothing from which types could be told
		}
		t.Errorf("ClickHouse does not read\n%s\n%v %s", table, err, text)
		return 0
	}
	rows := func(text string) (all []map[string]any) {
		for line := range strings.Lines(text) {
			all = append(all, decodeJSON[map[string]any](t, line))
		}
		return all
	}
	got, want := rows(string(text)), rows(lines)
	if len(got) != len(want) {
		t.Errorf("csv has %d rows; want %d", len(got), len(want))
		return len(got)
	}
	for i := range want {
		for name, w := range want[i] {
			if g := got[i][name]; !sameValue(g, w) {
				t.Errorf("row %d: %s: csv has %#v; want %#v", i, name, g, w)
			}
		}
	}
	return len(got)
}

// sameValue compares a value that ClickHouse read with that of JSON.
func sameValue(got, want any) bool {
	if reflect.DeepEqual(got, want) {
		return true
	}
	text, isText := want.(string)
	said, saidText := got.(string)
	if at, err := time.Parse(time.RFC3339Nano, text); isText && saidText && err == nil {
		read, err := time.Parse("2006-01-02 15:04:05", said)
		return err == nil && read.Equal(at)
	}
	if saidText && !isText { // an object in one cell
		var inside any
		return json.Unmarshal([]byte(said), &inside) == nil && reflect.DeepEqual(inside, want)
	}
	return false
}
