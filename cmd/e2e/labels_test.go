package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// refusedLines are lines of half an hour in which two keys are far over their
// limit, one of them known to the gateway as team-b.
func refusedLines() []byte {
	var b bytes.Buffer
	for minute := range 30 {
		for second := 0; second < 60; second++ {
			at := time.Date(2026, 3, 1, 12, minute, second, 0, time.UTC).Format(time.RFC3339)
			for _, key := range []string{`"api_key":"sesame-street-1"`,
				`"api_key":"sesame-street-2","key_id":"team-b"`} {
				fmt.Fprintf(&b,
					`{"ts":"%s","service":"movies","method":"GET","path":"/3/movie/550","status":429,"code":25,"message":"Your request count (90) is over the allowed limit of (40).",%s}`+"\n", at, key)
			}
		}
	}
	return b.Bytes()
}

// named is what a report says of names.
type named struct {
	Who []struct {
		Key  string `json:"key_id"`
		Name string `json:"name"`
	} `json:"who"`
	Incidents []struct {
		Entity string `json:"entity"`
		Name   string `json:"name"`
	} `json:"incidents"`
}

// of returns the one name that the report's keys and incidents give a key.
func (n named) of(t *testing.T, id string) string {
	t.Helper()
	name, incidents := "", 0
	for _, w := range n.Who {
		if w.Key == id {
			name = w.Name
		}
	}
	for _, i := range n.Incidents {
		if i.Entity == id {
			if incidents++; i.Name != name {
				t.Errorf("key %s: an incident calls it %q, the list of keys %q", id, i.Name, name)
			}
		}
	}
	if incidents == 0 {
		t.Errorf("key %s: no incident", id)
	}
	return name
}

// keyIDs are the ids of keys under the secret in a file.
func keyIDs(t *testing.T, secret string, keys ...string) []string {
	t.Helper()
	r := run(t, strings.NewReader(strings.Join(keys, "\n")+"\n"), "key-id", "--hmac-secret-file", secret)
	if r.err != nil {
		t.Fatal(r.err, r.stderr)
	}
	return strings.Fields(r.stdout)
}

// A file of labels names customers in the report and its incidents, over what
// the gateway calls them; what the file says last holds.
func TestKeyLabels(t *testing.T) {
	t.Parallel()
	secret := write(t, "secret", []byte("0123456789abcdef0123"))
	ids := keyIDs(t, secret, "sesame-street-1", "id:team-b")
	log, data := write(t, "a.log", refusedLines()), t.TempDir()
	file := filepath.Join(t.TempDir(), "customers.csv")
	analyze := func(more ...string) result {
		return must(t, append([]string{"analyze", log, "--data", data, "--hmac-secret-file", secret}, more...)...)
	}
	for _, step := range []struct{ labels, first, second string }{
		{"-", "", "team-b"},
		{"key_id,name\n" + ids[0] + ",\"ACME, Inc.\"\n", "ACME, Inc.", "team-b"},
		{ids[0] + ",ACME\n" + ids[1] + ",Bolt & Co\n", "ACME", "Bolt & Co"},
		{"-", "ACME", "Bolt & Co"}, // no file: as it was
		{ids[1] + ",Aardvark\n", "", "Aardvark"},
		{"", "", "team-b"},
	} {
		args := []string{"--json"}
		if step.labels != "-" {
			if err := os.WriteFile(file, []byte(step.labels), 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--key-labels", file)
		}
		got := decodeJSON[named](t, analyze(args...).stdout)
		if first, second := got.of(t, ids[0]), got.of(t, ids[1]); first != step.first || second != step.second {
			t.Errorf("labels %q: got names %q and %q; want %q and %q", step.labels, first, second, step.first,
				step.second)
		}
	}
	if err := os.WriteFile(file, []byte(ids[0]+",ACME\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := analyze("--key-labels", file).stdout; !strings.Contains(out, "ACME ("+ids[0][:10]+")") ||
		!strings.Contains(out, "key ACME ("+ids[0][:10]+"): ") {
		t.Errorf("the report does not name the customer:\n%s", out)
	}
}

// The daemon takes the file from flag, environment or config file, sees it
// change, and check says what is wrong with it.
func TestRunKeyLabels(t *testing.T) {
	t.Parallel()
	_, kafka, clickhouse := startSandbox(t, t.TempDir())
	generated(t, kafka, 100)
	secret := write(t, "secret", []byte("0123456789abcdef0123"))
	id := keyIDs(t, secret, "sesame-street-1")[0]
	file := write(t, "customers.csv", []byte(id+",ACME\n"))
	config := write(t, "statline.yaml", fmt.Appendf(nil,
		"brokers: [%q]\nclickhouse: %q\nhmac_secret_file: %q\nkey_labels: %q\n", kafka, clickhouse, secret, file))
	label := func() string {
		return sql(t, clickhouse, "SELECT argMax(name, revision) FROM statline.key_labels WHERE key_id = '"+id+"'")
	}
	d := start(t, "", "run", "--config", config, "--listen", "")
	d.waitForText(t, "owning partitions", 60*time.Second)
	if got := label(); got != "ACME" {
		t.Errorf("label at the start: got %q", got)
	}
	if err := os.WriteFile(file, []byte(id+",Bolt & Co\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the changed label is stored", func() bool { return label() == "Bolt & Co" })
	if out := must(t, "check", "--config", config).stdout; !strings.Contains(out, "names 1 keys") {
		t.Errorf("check: got %s", out)
	}
	bad := write(t, "bad.csv", []byte(id+",ACME\nsk_live_51H8vK2eZvKYlo2C,Bolt\n"))
	r := run(t, nil, "check", "--config", config, "--key-labels", bad)
	if want := bad + ":2: got key id"; r.err == nil || !strings.Contains(r.stdout, want) ||
		!strings.Contains(r.stdout, "26 characters") || strings.Contains(r.stdout, "sk_live") {
		t.Errorf("check: got %v, %s; want a failure with %q", r.err, r.stdout, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := command(t, ctx, "run", "--config", config)
	c.Env = append(c.Env, "STATLINE_KEY_LABELS="+bad)
	if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), bad+":2: got key id") {
		t.Errorf("run with a bad file: got %v, %s", err, out)
	}
	d.terminate(t, 5*time.Second)
}
