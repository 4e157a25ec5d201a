package decode

import (
	"strings"
	"testing"
	"unicode/utf8"

	"statline/classify"
)

// What shippers put in front of a line or around it changes nothing.
func TestShippers(t *testing.T) {
	quote := func(s string) string {
		return `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
	}
	for _, f := range Formats() {
		if f.mapped() || f.messages() {
			continue
		}
		want := one(t, Config{}, f.Example)
		for name, line := range map[string]string{
			"cri":           "2026-03-01T13:00:00.493035218+01:00 stdout F " + f.Example,
			"rfc 3164":      "<134>Mar  1 12:00:00 host app[12]: " + f.Example,
			"no priority":   "Mar  1 12:00:00 host app[12]: " + f.Example,
			"rfc 5424":      "<165>1 2026-03-01T12:00:00.003Z host app 12 ID47 - " + f.Example,
			"rfc 5424 data": `<165>1 2026-03-01T12:00:00.003Z host app - - [x@1 a="b c"][y@2] ` + f.Example,
			"iso timestamp": "2026-03-01T12:00:00.003+00:00 host app[12]: " + f.Example,
			"tag":           "app[12]: " + f.Example,
			"docker":        `{"log":` + quote(f.Example+"\n") + `,"stream":"stdout","time":"2026-03-01T12:00:00.5Z"}`,
			"filebeat": `{"@timestamp":"2026-03-01T12:00:00.000Z","message":` + quote(f.Example) +
				`,"agent":{"type":"filebeat"}}`,
			"crlf and blank": "\r\n  " + f.Example + "  \r\n",
		} {
			if strings.Contains(name, "docker") {
				// An escaped line feed inside: the line's own escapes are doubled.
				line = strings.ReplaceAll(line, "\n", `\n`)
			}
			all := decodeAll(t, Config{}, line)
			if len(all) != 1 {
				t.Errorf("%s, %s: got %d results", f.Name, name, len(all))
				continue
			}
			if want.Time == classify.RecordTime {
				all[0].Time = want.Time // the shipper's, which the line lacks
			}
			same(t, f.Name+", "+name, all[0], want)
		}
	}
}

// Long lines and broken text: nothing is lost, everything stored is valid.
func TestRoughText(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	g := one(t, Config{}, `{"ts":1772366400,"status":200,"service":"s","path":"/`+long+`","user_agent":"`+long+`"}`)
	if g.Reason != "" || len(g.Path) > maxPath || len(g.Agent) > maxAgent || len(g.Route) > maxRoute {
		t.Errorf("got reason %q, path %d, agent %d, route %d bytes", g.Reason, len(g.Path), len(g.Agent), len(g.Route))
	}
	g = one(t, Config{}, long)
	if g.Reason != ReasonSyntax || len(g.Raw) > maxRaw {
		t.Errorf("got %q, raw of %d bytes", g.Reason, len(g.Raw))
	}
	g = one(t, Config{},
		"{\"ts\":1772366400,\"status\":200,\"service\":\"a\xffb\",\"method\":\"GE\xffT\",\"path\":\"/a\xc3\x28\",\"message\":\"\\u0000x\\ud800\"}")
	same(t, "invalid UTF-8", g, got{Time: 1772366400000, Service: "a\uFFFDb", Route: "/{...}", Path: "/a\uFFFD(",
		Status:  200,
		Message: "\uFFFDx\uFFFD", Latency: -1, Upstream: -1, UpstreamStatus: -1})
	g = one(t, Config{}, `{"ts":1772366400,"status":200,"path":"/%ff%fe/x%00y?a=%ff"}`)
	if g.Route != "/{...}/{...}" || !utf8.ValidString(g.Path) {
		t.Errorf("got route %q, path %q", g.Route, g.Path)
	}
	g = one(t, Config{}, `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a\x01\xFF HTTP/1.1" 200 1 "-" "\xE4"`)
	if g.Path != "/a\uFFFD\uFFFD" || g.Agent != "\uFFFD" {
		t.Errorf("got path %q, agent %q", g.Path, g.Agent)
	}
}

// A line of nothing but a terminal's colours is a reject like any other.
func TestColoursOnly(t *testing.T) {
	for _, line := range []string{"\x1b[", "\x1b[0m", "\x1b[1;31m\x1b[0m", "<134>\x1b[0m"} {
		if g := one(t, Config{}, line); g.Reason != ReasonSyntax {
			t.Errorf("%q: got %+v; want a reject", line, g)
		}
	}
}
