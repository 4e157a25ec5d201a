package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"statline/ingest/decode"
)

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "statline.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loaded is what `config show` would be told.
func loaded(t *testing.T, text string, environ []string, flags map[string][]string) *Config {
	t.Helper()
	c, err := Read(Sources{Command: "config show", File: configFile(t, text), Environ: environ, Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A setting that was renamed is still read by its name of before, and by one name
// at a time.
func TestFormerNames(t *testing.T) {
	for _, c := range []*Config{
		loaded(t, "brokers: [a:1]\nservice: movies\n", nil, nil),
		loaded(t, "", []string{"STATLINE_SERVICE=movies"}, nil),
		loaded(t, "default_service: movies\n", nil, nil),
	} {
		if c.Lines.Service != "movies" {
			t.Errorf("got %q; want movies", c.Lines.Service)
		}
	}
	c := loaded(t, "brokers: [a:1]\nservice: movies\n", nil, nil)
	for _, s := range c.Show() {
		if s.Key == "default-service" && s.Source != "file statline.yaml:2" {
			t.Errorf("it came from %q", s.Source)
		}
	}
	refused(t, "service: a\ndefault-service: b\n", nil, "got both")
	refused(t, "", []string{"STATLINE_SERVICE=a", "STATLINE_DEFAULT_SERVICE=b"},
		"got both STATLINE_DEFAULT_SERVICE and STATLINE_SERVICE")
}

func refused(t *testing.T, text string, environ []string, want string) {
	t.Helper()
	_, err := Read(Sources{Command: "config show", File: configFile(t, text), Environ: environ})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q %v: got %v; want an error with %q", text, environ, err, want)
	}
}

// A flag beats the environment, the environment beats the file, the file beats
// the default; each value says where it came from.
func TestPrecedence(t *testing.T) {
	c := loaded(t, "brokers: [a:1, b:2]\ntopic: from-file\ngroup: from-file\nmemory_budget: 64MiB\n",
		[]string{"STATLINE_TOPIC=from-env", "STATLINE_GROUP=", "STATLINE_ZONE=Europe/Berlin", "PATH=/bin"},
		map[string][]string{"memory-budget": {"1GiB"}, "key-names": {"a", "b,c"}})
	for _, x := range []struct{ name, value, source string }{
		{"brokers", "a:1,b:2", "file statline.yaml:1"},
		{"topic", "from-env", "environment STATLINE_TOPIC"},
		{"group", "from-file", "file statline.yaml:3"},
		{"memory-budget", "1GiB", "flag --memory-budget"},
		{"key-names", "a,b,c", "flag --key-names"},
		{"zone", "Europe/Berlin", "environment STATLINE_ZONE"},
		{"on-gap", "fail", "default"},
	} {
		i := slices.IndexFunc(c.Show(), func(s Setting) bool { return s.Key == x.name })
		if got := c.Show()[i]; got != (Setting{x.name, x.value, x.source}) {
			t.Errorf("got %v; want %v", got, x)
		}
	}
}

// An empty variable says nothing, except where an empty value means something.
func TestEmptyVariable(t *testing.T) {
	if got := loaded(t, "", []string{"STATLINE_LISTEN="}, nil).Daemon.Listen; got != "" {
		t.Errorf("listen: got %q; want none", got)
	}
	if got := loaded(t, "", []string{"STATLINE_MEMORY_BUDGET="}, nil).Daemon.MemoryBudget; got != Default().
		Daemon.MemoryBudget {
		t.Errorf("memory budget: got %d; want the default", got)
	}
}

// What is wrong is named with its place, its value and what to write instead.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"topic: a\nbrokrs: a:1\n", `statline.yaml:2: unknown key "brokrs"; did you mean "brokers"?`},
		{"nothing-like-it-at-all: 1\n", "known: alertmanager"},
		{"\nmemory-budget: much\n", `statline.yaml:2: memory-budget: got "much"; want a number of bytes`},
		{"memory-budget: 1MiB\n", "memory-budget: got 1048576 bytes; want at least 16MiB"},
		{"topic: [\n", "config "},
		{"topic: {a: b}\n", "topic: got nested keys; want a value"},
		{"memory-budget: 1MiB\nmemory_budget: 2MiB\n", `got both "memory_budget" and "memory-budget"`},
		{"topic: a\n---\ntopic: b\n", "several YAML documents"},
		{"detect:\n  spike:\n    calm_minuts: 3\n",
			`statline.yaml:3: unknown key "detect.spike.calm_minuts"; did you mean "calm_minutes"?`},
		{"detect:\n  spike:\n    tiers:\n      - {window_minutes: 1, ration: 3}\n",
			`unknown key "detect.spike.tiers[0].ration"; did you mean "ratio"?`},
		{"detect:\n  services:\n    search: {min_shar: 0.1}\n", `did you mean "min_share"?`},
		{"detect:\n  spike: {calm_minutes: soon}\n", "detect.spike.calm_minutes: got soon; want a whole number"},
		{"detect: {spike: {calm_minutes: 0}}\n", "spike.calm_minutes: got 0; want at least 1"},
		{"mute:\n  - {kind: spik, until: 2026-06-01T08:00:00Z}\n", `got "spik"`},
		{"mute:\n  - {knd: x}\n", `unknown key "mute[0].knd"; did you mean "kind"?`},
		{"mute: []\ndetect: {mute: [{until: \"2026-06-01T08:00:00Z\"}]}\n", "got both mute and detect.mute"},
		{"routes:\n  - {patern: /a}\n", `unknown key "routes[0].patern"; did you mean "pattern"?`},
		{"mapping: {status: s}\n", "mapping: got no time"},
		{"format: jsn\n", "jsn"},
		{"zone: Mars/Olympus\n", `got "Mars/Olympus"; want UTC, Local or a name`},
		{"kafka-user: me\n", "kafka-sasl: got a user or a password but no mechanism; want one of plain, "},
		{"kafka-sasl: plain\nkafka-user: me\n", "set kafka-password-file, or STATLINE_KAFKA_PASSWORD"},
		{"kafka-sasl: oauthbearer\n", "set kafka-token-url"},
		{"kafka-cert: a\n", "want both or none"},
		{"listen-cert: a\n", "want both or none"},
		{"clickhouse-key: a\n", "want both or none"},
		{"clickhouse: http://u:p@h\nclickhouse-password: p2\n", "got a password in the address too"},
		{"listen-token: short\n", "listen-token: got 5 characters; want at least 16"},
		{"kafka-password: a\nkafka-password-file: b\n",
			"got both kafka-password (statline.yaml:1) and kafka-password-file (statline.yaml:2)"},
		{"hmac-secret: short\n", "hmac-secret: got 5 bytes; want at least 16"},
		{"clickhouse: ftp://host\n", `got scheme "ftp"`},
		{"webhook: nowhere\n", "webhook"},
		{"kafka-heartbeat: 9s\n", "at most a third of kafka-session-timeout"},
	} {
		refused(t, c.text, nil, c.want)
	}
	refused(t, "", []string{"STATLINE_BROKRS=a:1"},
		`environment STATLINE_BROKRS: unknown; did you mean "STATLINE_BROKERS"?`)
	refused(t, "", []string{"STATLINE_DETECT=x"}, "detect is a section of the config file")
	refused(t, "", []string{"STATLINE_EPOCH=one"}, `environment STATLINE_EPOCH: epoch: got "one"; want a number`)
	if _, err := Read(Sources{File: "/does/not/exist.yaml"}); err == nil ||
		!strings.Contains(err.Error(), "/does/not/exist.yaml") {
		t.Errorf("missing file: got %v", err)
	}
	_, err := Load(Sources{Command: "run"})
	for _, want := range []string{"brokers: got none; want", "--brokers", "STATLINE_BROKERS", "clickhouse: got none"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing given: got %v; want %q", err, want)
		}
	}
}

// A service of the namespace that is called statline gives every container
// variables that begin like ours; they are not meant for us.
func TestVariablesOfServices(t *testing.T) {
	loaded(t, "", []string{"STATLINE_SERVICE_HOST=10.0.0.1", "STATLINE_SERVICE_PORT=8080",
		"STATLINE_SERVICE_PORT_HTTP=8080",
		"STATLINE_PORT=tcp://10.0.0.1:8080", "STATLINE_PORT_8080_TCP=tcp://10.0.0.1:8080", "STATLINE_PORT_8080_TCP_ADDR=10.0.0.1",
		"STATLINE_WEB_PORT=tcp://10.0.0.2:80", "STATLINE_WEB_SERVICE_HOST=10.0.0.2"}, nil)
}

// example for each option: a value that is not its default.
func other(t *testing.T, o Option) string {
	t.Helper()
	v := o.value
	switch v := v.(type) {
	case flag:
		if v.String() == "true" {
			return "false"
		}
		return "true"
	case choice:
		for _, w := range v.words {
			if w != v.String() {
				return w
			}
		}
	case server:
		return "http://elsewhere:8123"
	case addressBits:
		return "/24,/48"
	case zone:
		return "Europe/Berlin"
	case size:
		return "512MiB"
	case span:
		return "3s"
	case number:
		return "7"
	}
	if o.Kind() == "URL" {
		return "http://elsewhere/path"
	}
	return "something-long-enough"
}

// Promise: each option's variable, flag and key are read, whatever their type.
// STATLINE_KAFKA_PASSWORD once stood in --help and was read nowhere.
func TestEveryOptionIsRead(t *testing.T) {
	for _, o := range Options() {
		if o.Section() {
			continue
		}
		want := other(t, o)
		with := []string{}
		switch o.Name {
		case "kafka-sasl":
			with = []string{"STATLINE_KAFKA_USER=u", "STATLINE_KAFKA_PASSWORD=p"}
		case "kafka-user":
			with = []string{"STATLINE_KAFKA_SASL=plain", "STATLINE_KAFKA_PASSWORD=p"}
		case "kafka-password", "kafka-password-file":
			with = []string{"STATLINE_KAFKA_SASL=plain", "STATLINE_KAFKA_USER=u"}
		case "kafka-cert":
			with = []string{"STATLINE_KAFKA_KEY=k"}
		case "clickhouse-cert":
			with = []string{"STATLINE_CLICKHOUSE_KEY=k"}
		case "clickhouse-key":
			with = []string{"STATLINE_CLICKHOUSE_CERT=c"}
		case "listen-cert":
			with = []string{"STATLINE_LISTEN_KEY=k"}
		case "listen-key":
			with = []string{"STATLINE_LISTEN_CERT=c"}
		case "console-write":
			with = []string{"STATLINE_CONSOLE_TOKEN=0123456789abcdef"}
		case "kafka-key":
			with = []string{"STATLINE_KAFKA_CERT=c"}
		case "kafka-session-timeout":
			with = []string{"STATLINE_KAFKA_HEARTBEAT=1s"}
		case "digest":
			want, with = "08:00", []string{"STATLINE_WEBHOOK=http://127.0.0.1:1"}
		case "format":
			want = decode.Formats()[0].Name
		case "mapping":
			want = decode.Presets()[0].Name
		case "retention-minutes", "retention-hours", "retention-samples":
			want = "40d"
		case "w3c-fields":
			want = "date time cs-method sc-status"
		}
		for layer, s := range map[Layer]Sources{
			FromEnvironment: {Environ: append(with, o.Env()+"="+want)},
			FromFlag:        {Environ: with, Flags: map[string][]string{o.Name: {want}}},
			FromFile:        {Environ: with, File: configFile(t, o.Name+": "+want+"\n")},
		} {
			c, err := Read(s)
			if err != nil {
				t.Errorf("%s from layer %d: %v", o.Name, layer, err)
				continue
			}
			read, _ := c.find(o.Name)
			if got := read.value.String(); got != want || c.Origin(o.Name).Layer != layer {
				t.Errorf("%s: got %q from %s; want %q from layer %d", o.Name, got, c.Origin(o.Name), want, layer)
			}
		}
	}
}

// The password of Kafka reaches the client, from the environment and from a
// file; the higher layer counts.
func TestKafkaPassword(t *testing.T) {
	sasl := []string{"STATLINE_KAFKA_SASL=plain", "STATLINE_KAFKA_USER=me"}
	c := loaded(t, "", append(sasl, "STATLINE_KAFKA_PASSWORD=pass-word"), nil)
	if got := c.Kafka.Source("earliest").SASL; got.Password != "pass-word" || got.User != "me" ||
		got.PasswordFile != "" {
		t.Errorf("from the environment: got %+v", got)
	}
	c = loaded(t, "", append(sasl, "STATLINE_KAFKA_PASSWORD=pass-word"),
		map[string][]string{"kafka-password-file": {"/run/pw"}})
	if got := c.Kafka.Source("earliest").SASL; got.Password != "" || got.PasswordFile != "/run/pw" {
		t.Errorf("a flag over the environment: got %+v", got)
	}
}

// The database that the address names is the one that is used, in every form
// of address; two different ones are refused.
func TestDatabaseOfAddress(t *testing.T) {
	for address, want := range map[string]string{
		"http://host:8123/logs":                   "logs",
		"https://host:8443/logs?skip_verify=true": "logs",
		"clickhouse://u:p@host:9000/logs":         "logs",
		"clickhouse://a:9000,b:9000/logs":         "logs",
		"http://host:8123?database=logs":          "logs",
		"clickhouse://host:9000/?database=logs":   "logs",
		"http://host:8123":                        "statline",
		"http://host:8123/":                       "statline",
		"clickhouse://host:9000/statline?x_y_z=1": "statline",
	} {
		for _, layers := range []map[string][]string{{"clickhouse": {address}},
			{"clickhouse": {address}, "database": {want}}} {
			c := loaded(t, "", nil, layers)
			if c.ClickHouse.Database != want || c.ClickHouse.Store().Database != want {
				t.Errorf("%v: got %q; want %q", layers, c.ClickHouse.Database, want)
			}
		}
	}
	refused(t, "clickhouse: http://host:8123/logs\n", []string{"STATLINE_DATABASE=other"}, `got "other", and "logs" in the address`)
}

// No secret is shown, wherever it stands.
func TestShowMasks(t *testing.T) {
	const secret = "hunter2hunter2hunter2"
	c := loaded(t, "", []string{"STATLINE_KAFKA_PASSWORD=" + secret, "STATLINE_HMAC_SECRET=" + secret,
		"STATLINE_KAFKA_SASL=plain",
		"STATLINE_KAFKA_USER=me", "STATLINE_CLICKHOUSE=clickhouse://me:" + secret + "@host:9000/logs?password=" + secret + "&secure=true",
		"STATLINE_WEBHOOK=https://hooks.example.com/services/T0/" + secret, "STATLINE_ALERTMANAGER=http://" + secret + ":" + secret + "@am:9093?token=" + secret,
		"STATLINE_INCIDENT_LINK=https://me:" + secret + "@host/i/"}, nil)
	masks := 0
	for _, s := range c.Show() {
		if strings.Contains(s.Value, secret) || strings.Contains(s.Source, secret) {
			t.Errorf("shown in clear: %v", s)
		}
		if strings.Contains(s.Value, masked) {
			masks++
		}
	}
	if masks != 6 {
		t.Errorf("got %d masked values; want 6", masks)
	}
	for _, o := range Options() {
		secretName := strings.Contains(o.Name, "password") || strings.Contains(o.Name, "secret") ||
			strings.Contains(o.Name, "token")
		if secretName && o.Kind() != "file" && (o.Mask == nil || !o.NoFlag && o.Kind() != "URL") {
			t.Errorf("%s holds a secret and is shown or has a flag", o.Name)
		}
	}
}

// The mute section and the older key below detect are one list.
func TestMute(t *testing.T) {
	const entry = `[{entity: search, until: "2026-06-01T08:00:00Z"}]`
	a := loaded(t, "mute: "+entry+"\n", nil, nil)
	b := loaded(t, "detect: {mute: "+entry+"}\n", nil, nil)
	if len(a.Detect.Detectors.Mute) != 1 || !reflect.DeepEqual(a.Detect.Detectors, b.Detect.Detectors) {
		t.Errorf("got %v and %v", a.Detect.Detectors.Mute, b.Detect.Detectors.Mute)
	}
}

// FuzzFile: whatever a file holds, it is read or refused.
func FuzzFile(f *testing.F) {
	f.Add("topic: a\n")
	f.Add("detect: {spike: {tiers: [{ratio: 3}]}}\nmute: []\n")
	f.Add("routes: 3\nmapping: [x]\n")
	f.Add("mapping: x\n") // refused by the last check
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := Read(Sources{File: path}); (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
	})
}

// What a running daemon can take over is taken over, the rest waits for a
// restart and says so.
func TestTakeover(t *testing.T) {
	old := loaded(t, "topic: a\nroutes: [{pattern: /a}]\nlog-level: warn\ndetect: {spike: {calm_minutes: 5}}\n", nil,
		nil)
	read := loaded(t, "topic: b\nmemory-budget: 64MiB\nroutes: [{pattern: /b}]\nwebhook: http://h/x\ndetect: {spike: {calm_minutes: 7}}\n", nil, nil)
	next, changed, restart := old.Takeover(read)
	if want := []string{"routes", "detect", "webhook", "log-level"}; !slices.Equal(changed, want) {
		t.Errorf("changed: got %v; want %v", changed, want)
	}
	if want := []string{"topic", "memory-budget"}; !slices.Equal(restart, want) {
		t.Errorf("restart: got %v; want %v", restart, want)
	}
	if next.Kafka.Topic != "a" || next.Lines.Routes[0].Pattern != "/b" || next.Log.Level != "info" || next.Notify.Webhook != "http://h/x" ||
		next.Detect.Detectors.Spike.CalmMinutes != 7 {
		t.Errorf("got %+v", next)
	}
	if got := next.Origin("topic").String() + next.Origin("webhook").String() + next.Origin("log-level").
		String(); got != "file statline.yaml:1file statline.yaml:4default" {
		t.Errorf("origins: got %s", got)
	}
	if old.Lines.Routes[0].Pattern != "/a" {
		t.Error("the old configuration has changed")
	}
	if same, changed, restart := next.Takeover(next); len(changed)+len(restart) != 0 || !reflect.DeepEqual(same, next) {
		t.Errorf("the same again: got %v %v", changed, restart)
	}
}
