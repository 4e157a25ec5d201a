package sandbox_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"statline/ingest/sandbox"
)

type answer struct {
	status int
	header http.Header
	body   string
}

// send makes one plain HTTP request, as curl would.
func send(t *testing.T, s *sandbox.Sandbox, method, pathAndQuery, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.ClickHouseURL()+pathAndQuery, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func query(sql string) string { return "/?query=" + url.QueryEscape(sql) }

// The HTTP interface answers curl as a server does.
func TestHTTPAnswers(t *testing.T) {
	s := start(t, sandbox.Config{ClickHouse: anyPort})
	for _, sql := range []string{"CREATE DATABASE d",
		"CREATE TABLE d.t (n UInt64, s String DEFAULT 'x') ENGINE = MergeTree ORDER BY n"} {
		if got := send(t, s, "POST", "/", sql); got.status != 200 || got.body != "" {
			t.Fatalf("%s: got %d %q", sql, got.status, got.body)
		}
	}
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		want                     string // the body, or its beginning when it ends with …
	}{
		{"ping", "GET", "/ping", "", 200, "Ok.\n"},
		{"bare", "GET", "/", "", 200, "Ok.\n"},
		{"other path", "GET", "/play", "", 404, "404 …"},
		{"query in URL", "GET", query("SELECT 1, 'a'"), "", 200, "1\ta\n"},
		{"query in body", "POST", "/", "SELECT 2", 200, "2\n"},
		{"query in both", "POST", query("SELECT 3"), "FORMAT JSONCompactEachRow", 200, "[3]\n"},
		{"default format", "POST", "/?default_format=CSV", "SELECT 'a', 'b'", 200, "\"a\",\"b\"\n"},
		{"format function", "POST", "/", "SELECT format('{}-{}', 'a', 'b') AS format", 200, "a-b\n"},
		{"trailing semicolon", "POST", "/", "SELECT 4; -- done", 200, "4\n"},
		{"parenthesis", "POST", "/", "(SELECT 1) UNION ALL (SELECT 1)", 200, "1\n1\n"},
		{"with", "POST", "/", "WITH 5 AS x SELECT x", 200, "5\n"},
		{"show", "GET", "/?database=d&query=SHOW+TABLES", "", 200, "t\n"},
		{"setting", "GET", query("SELECT getSetting('max_threads')") + "&max_threads=3", "", 200, "3\n"},
		{"parameter", "GET", query("SELECT {x:UInt8} + 1") + "&param_x=41", "", 200, "42\n"},
		{"no rows", "GET", query("SELECT 1 WHERE 0"), "", 200, ""},
		{"no rows with names", "GET", query("SELECT 1 AS one WHERE 0 FORMAT TSVWithNames"), "", 200, "one\n"},

		{"insert values in body", "POST", "/", "INSERT INTO d.t (n) VALUES (1), (1 + 1)", 200, ""},
		{"insert values in URL", "POST", query("INSERT INTO d.t VALUES (3, 'VALUES ; FORMAT')"), "", 200, ""},
		{"insert rows in body", "POST", query("INSERT INTO d.t FORMAT JSONEachRow"), "{\"n\":4}\n{\"n\":5}\n", 200, ""},
		{"insert text and rows in body", "POST", "/",
			"INSERT INTO d.t SETTINGS async_insert = 0 FORMAT TSV\n6\ta\n7\tb\n\n", 400, "Code: …"},
		{"insert text and rows", "POST", "/",
			"INSERT INTO d.t /* FORMAT x */ SETTINGS async_insert = 0 FORMAT TSV\n6\ta\n7\tb\n", 200, ""},
		{"insert blank lines", "POST", "/", "INSERT INTO d.t VALUES (8, 'a\n\n\nb')", 200, ""},
		{"insert select", "POST", "/", "INSERT INTO d.t SELECT n + 8, s FROM d.t", 200, ""},
		{"insert nothing", "POST", query("INSERT INTO d.t FORMAT Native"), "", 200, ""},
		{"inserted", "GET", query("SELECT count(), sum(n), countIf(s = 'a\n\n\nb') FROM d.t"), "", 200, "16\t136\t2\n"},

		{"drop", "POST", "/", "CREATE TABLE d.gone ENGINE = MergeTree ORDER BY n AS SELECT 1 AS n", 200, ""},
		{"drop at once", "POST", "/", "DROP TABLE d.gone SYNC -- waits forever in the library", 200, ""},
		{"dropped", "GET", query("EXISTS d.gone"), "", 200, "0\n"},

		{"two statements", "POST", "/", "SELECT 1; SELECT 2", 400, "Code: 62. …"},
		{"two statements with insert", "POST", "/", "INSERT INTO d.t; DROP TABLE d.t", 400, "Code: 62. …"},
		{"empty", "POST", "/", " -- nothing", 400, "Code: 62. …"},
		{"wrong", "POST", "/", "SELEC 1", 400, "Code: 62. …"},
		{"GET may not write", "GET", query("INSERT INTO d.t VALUES (9, '')"), "", 500, "Code: 164. …"},
		{"unknown setting", "GET", query("SELECT 1") + "&nosuch=1", "", 404, "Code: 115. …"},
		{"unknown database", "GET", query("SELECT 1") + "&database=nosuch", "", 404, "Code: 81. …"},
		{"setting is a name", "GET", query("SELECT 1") + "&" + url.QueryEscape("a = 1; DROP TABLE d.t; SET b") + "=1",
			"", 404, "Code: 115. …"},
		{"setting is one value", "GET", query("SELECT 1") + "&log_comment=" + url.QueryEscape(`\'; DROP TABLE d.t; --`),
			"", 200, "1\n"},
		{"session", "GET", query("SELECT 1") + "&session_id=a", "", 501, "Code: 48. …"},
		{"still there", "GET", query("SELECT count() > 0 FROM d.t"), "", 200, "1\n"},
	} {
		got := send(t, s, c.method, c.path, c.body)
		begins, cut := strings.CutSuffix(c.want, "…")
		if got.status != c.status || cut && !strings.HasPrefix(got.body, begins) || !cut && got.body != c.want {
			t.Errorf("%s: got %d %q; want %d %q", c.name, got.status, got.body, c.status, c.want)
		}
	}
}

// The headers that clients read are there.
func TestHTTPHeaders(t *testing.T) {
	s := start(t, sandbox.Config{ClickHouse: anyPort})
	got := send(t, s, "GET", query("SELECT number FROM numbers(10) FORMAT JSON")+"&query_id=mine", "")
	for name, pattern := range map[string]string{
		"X-ClickHouse-Query-Id":            "^mine$",
		"X-ClickHouse-Format":              "^JSON$",
		"X-ClickHouse-Timezone":            "^[A-Z].*",
		"X-ClickHouse-Server-Display-Name": "^statline$",
		"X-ClickHouse-Summary":             `^\{"read_rows":"10",.*"result_rows":"10",.*"elapsed_ns":"[1-9][0-9]*"\}$`,
		"X-ClickHouse-Exception-Tag":       "^[a-z0-9]{16}$",
		"Content-Type":                     "^application/json",
	} {
		if v := got.header.Get(name); !regexp.MustCompile(pattern).MatchString(v) {
			t.Errorf("%s: got %q; want %s", name, v, pattern)
		}
	}
	got = send(t, s, "POST", "/", "CREATE TABLE t (n UInt8) ENGINE = Memory")
	got = send(t, s, "POST", query("INSERT INTO t FORMAT CSV"), "1\n2\n3\n")
	if v := got.header.Get("X-ClickHouse-Summary"); !strings.Contains(v, `"written_rows":"3"`) {
		t.Errorf("summary of an insert: got %s", v)
	}
	got = send(t, s, "GET", query("SELECT * FROM nosuch"), "")
	if v := got.header.Get("X-ClickHouse-Exception-Code"); v != "60" {
		t.Errorf("exception code: got %q", v)
	}
}

// An exception in the midst of an answer is framed as clients expect it.
func TestHTTPExceptionInTheMidst(t *testing.T) {
	s := start(t, sandbox.Config{ClickHouse: anyPort})
	const failing = "SELECT number, throwIf(number = 2900000) FROM numbers(3000000)"
	got := send(t, s, "GET", query(failing), "")
	tag := got.header.Get("X-ClickHouse-Exception-Tag")
	frame := regexp.MustCompile(`\r\n__exception__\r\n` + tag + `\r\n(Code: 395\.[^\n]*\n)(\d+) ` + tag +
		`\r\n__exception__\r\n$`)
	m := frame.FindStringSubmatch(got.body)
	if got.status != 200 || m == nil {
		t.Fatalf("got %d, end %q", got.status, got.body[max(0, len(got.body)-300):])
	}
	if got := len(m[1]); m[2] != "" && m[2] != strconv.Itoa(got) {
		t.Errorf("length: got %s; want %d", m[2], got)
	}
	// With the answer held back to its end there is a status to tell it.
	got = send(t, s, "GET", query(failing)+"&wait_end_of_query=1", "")
	if got.status != 500 || !strings.HasPrefix(got.body, "Code: 395.") {
		t.Errorf("wait_end_of_query: got %d %.80q", got.status, got.body)
	}
}

// gzip works in both directions.
func TestHTTPCompression(t *testing.T) {
	s := start(t, sandbox.Config{ClickHouse: anyPort})
	send(t, s, "POST", "/", "CREATE TABLE t (n UInt64) ENGINE = Memory")
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	for range 1000 {
		_, _ = w.Write([]byte("7\n"))
	}
	_ = w.Close()
	if got := send(t, s, "POST", query("INSERT INTO t FORMAT TSV"), z.String(), "Content-Encoding",
		"gzip"); got.status != 200 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	got := send(t, s, "GET", query("SELECT count(), sum(n) FROM t"), "", "Accept-Encoding", "br, gzip;q=0.5")
	if got.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("got %v", got.header)
	}
	r, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "1000\t7000\n" {
		t.Errorf("got %q, %v", b, err)
	}
	if got := send(t, s, "POST", query("INSERT INTO t FORMAT TSV"), "not gzip", "Content-Encoding",
		"gzip"); got.status < 400 {
		t.Errorf("broken gzip: got %d", got.status)
	}
	if got := send(t, s, "POST", query("INSERT INTO t FORMAT TSV"), z.String()[:z.Len()-9], "Content-Encoding",
		"gzip"); got.status < 400 {
		t.Errorf("cut gzip: got %d", got.status)
	}
	if got := send(t, s, "GET", query("SELECT count() FROM t"), ""); got.body != "1000\n" {
		t.Errorf("after the broken inserts: got %q rows; want 1000", got.body)
	}
}

// There are no passwords, so a web page must not reach the engine through a
// browser.
func TestHTTPRefusesWebPages(t *testing.T) {
	s := start(t, sandbox.Config{ClickHouse: anyPort})
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{nil, 200},
		{[]string{"Origin", "https://example.org"}, 403},
		{[]string{"Host", "rebound.example.org"}, 403},
		{[]string{"Host", "localhost:8123"}, 200},
		{[]string{"Origin", s.ClickHouseURL()}, 200},
		{[]string{"Origin", "null"}, 403},
	} {
		if got := send(t, s, "POST", "/", "SELECT 1", c.headers...); got.status != c.status {
			t.Errorf("%q: got %d; want %d", c.headers, got.status, c.status)
		}
	}
}
