package decode

import (
	"strings"
	"testing"
)

// Every format's example line is its own: auto finds it, pinning decodes it,
// and a probe names it with a runner-up.
func TestExamples(t *testing.T) {
	for _, f := range Formats() {
		if f.Name == otlpProtoName {
			continue // its messages are binary
		}
		cfg := Config{}
		if f.mapped() {
			cfg.Mapping = &Mapping{Time: "when", Method: "http.verb", Path: "http.target", Status: "http.code",
				Latency: "took_us", LatencyUnit: "us"}
			if f.Name == "logfmt" {
				cfg.Mapping.Status, cfg.Format = "code", f.Name
			}
		}
		if g := one(t, cfg, f.Example); g.Reason != "" {
			t.Errorf("%s: example is rejected: %s", f.Name, g.Reason)
			continue
		}
		if f.Name == "logfmt" {
			continue // only when pinned
		}
		rep, err := ProbeWith(cfg, [][]byte{[]byte(f.Example), nil, []byte(f.Example)})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Format != f.Name || rep.Confidence != 1 || rep.Lines != 2 || rep.Responses != 2 {
			t.Errorf("%s: probe says %q, confidence %v, %d lines, %d responses", f.Name, rep.Format, rep.Confidence,
				rep.Lines, rep.Responses)
		}
		if rep.RunnerUp == "" || rep.RunnerUp == f.Name {
			t.Errorf("%s: got runner-up %q", f.Name, rep.RunnerUp)
		}
		if rep.Config != "format: "+f.Name+"\n" {
			t.Errorf("%s: got config %q", f.Name, rep.Config)
		}
		cfg.Format = f.Name
		if g := one(t, cfg, f.Example); g.Reason != "" {
			t.Errorf("%s: pinned example is rejected: %s", f.Name, g.Reason)
		}
	}
}

func TestProbeReport(t *testing.T) {
	rep := Probe([][]byte{
		[]byte(`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1"`),
		[]byte(`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1"`),
		[]byte(`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1"`),
		[]byte(`broken`),
	})
	if rep.Format != "combined" || rep.Confidence != 0.75 || rep.Rejected != 1 || rep.Reasons[ReasonSyntax] != 1 {
		t.Errorf("got %+v", rep)
	}
	values := map[string]string{}
	for _, f := range rep.Record {
		values[f.Name] = strings.TrimSpace(f.Value + " " + f.Unit)
	}
	for name, want := range map[string]string{"time": "2026-03-01T12:00:00.000Z UTC", "route": "/3/movie/{id}",
		"bytes": "5120 bytes", "client_ip": "203.0.113.7"} {
		if values[name] != want {
			t.Errorf("%s: got %q; want %q", name, values[name], want)
		}
	}
	if missing := strings.Join(rep.Missing,
		" "); missing != "service code error_type message key key_name latency upstream_latency upstream_status request_id gateway blame" {
		t.Errorf("got missing %q", missing)
	}
	if rep := Probe([][]byte{[]byte("what is this")}); rep.Format != "" || rep.Confidence != 0 {
		t.Errorf("got %+v", rep)
	}
}

// An unknown format lists the known ones.
func TestUnknownFormat(t *testing.T) {
	_, err := New(Config{Format: "iis"})
	if err == nil || !strings.Contains(err.Error(), "kong") || !strings.Contains(err.Error(), "auto") {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Format: "json"}); err == nil {
		t.Error("json without a mapping: got no error")
	}
	if _, err := New(Config{Mapping: &Mapping{Time: "t"}}); err == nil {
		t.Error("mapping without a result: got no error")
	}
}

// A long file is counted whole; only the comparison with other formats is cut.
func TestProbeCountsEveryLine(t *testing.T) {
	line := []byte(`203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550 HTTP/1.1" 200 5120 "-" "curl/8.10.1"`)
	lines := make([][]byte, maxCompared+3000)
	for i := range lines {
		lines[i] = line
	}
	lines[maxCompared+5] = []byte("broken")
	rep := Probe(lines)
	if rep.Lines != len(lines) || rep.Responses != len(lines)-1 || rep.Rejected != 1 || rep.RunnerUp == "" {
		t.Errorf("got %d lines, %d responses, %d rejected, runner-up %q", rep.Lines, rep.Responses, rep.Rejected,
			rep.RunnerUp)
	}
}

// Probe decodes lines with format auto and the default configuration.
func Probe(lines [][]byte) Report {
	r, err := ProbeWith(Config{}, lines)
	if err != nil {
		return Report{} // the default configuration is valid
	}
	return r
}
