package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A limits file by flag, variable or config file is what near_limit and headroom go by;
// one that is wrong ends each command with its line.
func TestLimitsFile(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	for d := range 6 {
		for h := range 24 {
			fmt.Fprintf(&log, `{"ts":"%s","method":"GET","path":"/3/movie/1","status":200,"client_ip":"192.0.2.9"}`+"\n",
				begin.AddDate(0, 0, d).Add(time.Duration(h)*time.Hour).Format(time.RFC3339))
		}
		for i := range 55 {
			fmt.Fprintf(&log, `{"ts":"%s","method":"GET","path":"/3/movie/1","status":200,"api_key":"sesame-street-1","client_ip":"192.0.2.1"}`+"\n",
				begin.AddDate(0, 0, d).Add(time.Duration(i)*time.Second).Format(time.RFC3339))
		}
	}
	access := write(t, "access.log", log.Bytes())
	good := write(t, "limits.yaml", []byte("tiers:\n  free: 60/1m\nothers: free\n"))
	config := write(t, "statline.yaml", []byte("limits_file: "+good+"\n"))
	ways := map[string][]string{"flag": {"--limits-file", good}, "file": {"--config", config}, "variable": nil}
	for name, args := range ways {
		data := t.TempDir()
		ask := func(line ...string) string {
			c := command(t, t.Context(), append(line, args...)...)
			if args == nil {
				c.Env = append(c.Env, "STATLINE_LIMITS_FILE="+good)
			}
			out, err := c.Output()
			if err != nil {
				t.Errorf("%s: %s: %v", name, line[0], err)
			}
			return string(out)
		}
		var found struct {
			Incidents []struct {
				Kind     string
				Summary  string
				Evidence struct {
					From string `json:"limit_from"`
					Tier string
				}
			}
		}
		out := ask("analyze", "--data", data, "--output", "json", access)
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(found.Incidents) != 1 {
			t.Fatalf("%s: got %+v; want one incident", name, found.Incidents)
		}
		i := found.Incidents[0]
		if i.Kind != "near_limit" || i.Evidence.From != "file" || i.Evidence.Tier != "free" ||
			!strings.Contains(i.Summary, "60 requests in 1m (tier free of the limits file)") {
			t.Errorf("%s: got %+v; want one near_limit by the file", name, i)
		}
		out = ask("limits", "headroom", "--data", data)
		if !strings.Contains(out, "60/1m") || !strings.Contains(out, "file, free") {
			t.Errorf("%s: got %s", name, out)
		}
	}
	bad := write(t, "bad.yaml", []byte("others: 60/1m\ntier: free\n"))
	for _, args := range [][]string{{"analyze", access}, {"limits", "headroom", "--data", t.TempDir()}, {"check", "--brokers", "127.0.0.1:1", "--clickhouse", "http://127.0.0.1:1"},
		{"backtest", "--data", t.TempDir()}} {
		r := run(t, nil, append(args, "--limits-file", bad)...)
		if want := bad + `:2: got the key "tier"; want tiers, keys or others`; r.err == nil || !strings.Contains(r.stdout+r.stderr, want) {
			t.Errorf("%s: got %v, %s%s; want %q", args[0], r.err, r.stdout, r.stderr, want)
		}
	}
}

// A daemon that runs takes a new limits file over when it reloads, and keeps the old one
// when the new one is wrong.
func TestReloadLimitsFile(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 100)
	path := write(t, "limits.yaml", []byte("others: 60/1m\n"))
	r := &reloader{listen: freeAddress(t)}
	r.d = start(t, "", "run", "--brokers", kafka, "--clickhouse", clickhouse, "--listen", r.listen, "--limits-file", path,
		"--hmac-secret-file", write(t, "secret", []byte("0123456789abcdef0123")))
	r.d.waitForText(t, "owning partitions", time.Minute)
	if err := os.WriteFile(path, []byte("others: sixty\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, body := r.post(t, "1"); status == http.StatusOK || !strings.Contains(body, path+`:1: got the tier`) {
		t.Errorf("a file that is wrong: got %d: %s", status, body)
	}
	if err := os.WriteFile(path, []byte("keys: {ACME: 60/1m, Initech: 70/1m, Bolt: 80/1m}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, body := r.post(t, "1"); status != http.StatusOK {
		t.Errorf("got %d: %s", status, body)
	}
	r.d.waitForText(t, `msg="limits file in force" file=`+path+" keys=3", 20*time.Second)
	r.d.terminate(t, 10*time.Second)
}
