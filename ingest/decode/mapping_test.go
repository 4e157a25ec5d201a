package decode

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"statline/classify"
)

func TestMapping(t *testing.T) {
	m := &Mapping{
		Time: "meta.when", TimeLayout: "02.01.2006 15:04:05", Service: "svc", Method: "http.verb", Path: "http.target",
		Route:  "http.template",
		Status: "http.code", Code: "api.code", Message: "api.text", Key: "auth.key", KeyID: "auth.id",
		KeyName:  "auth.owner",
		ClientIP: "peer", Latency: "took", LatencyUnit: "us", UpstreamLatency: "upstream.took",
		UpstreamStatus: "upstream.code",
		Bytes:          "size", RequestID: "trace", UserAgent: `labels.user\.agent`,
	}
	cfg := Config{Format: "json", Mapping: m, Location: mustZone(t, "Europe/Paris")}
	g := one(t, cfg,
		`{"meta":{"when":"01.03.2026 13:00:00"},"svc":"movies","http":{"verb":"GET","target":"/3/movie/550","code":"401"},"api":{"code":7,"text":"Invalid API key"},`+
			`"auth":{"key":"sesame-street-1","owner":"acme"},"peer":"203.0.113.7:4000","took":10500,"upstream":{"took":"9000, 500","code":"502, 401"},"size":98,"trace":"t1","labels":{"user.agent":"curl/8.10.1"}}`)
	same(t, "mapped", g, got{Time: 1772366400000, Service: "movies", Method: "GET", Route: "/3/movie/{id}",
		Path: "/3/movie/550", Status: 401, Code: 7,
		Message: "Invalid API key", Key: keyOf("sesame-street-1"), KeyName: "acme", IP: "203.0.113.7", Latency: 10500,
		Upstream: 9500, UpstreamStatus: 401,
		Bytes: 98, RequestID: "t1", Agent: "curl/8.10.1"})
	for layout, ts := range map[string]string{"s": "1772366400", "ms": "1772366400000", "us": `"1772366400000000"`,
		"ns": "1772366400000000000", "": `"2026-03-01T12:00:00Z"`} {
		m := &Mapping{Time: "t", TimeLayout: layout, Status: "s"}
		if g := one(t, Config{Mapping: m}, `{"t":`+ts+`,"s":200}`); g.Time != 1772366400000 {
			t.Errorf("layout %q: got %d %s", layout, g.Time, g.Reason)
		}
	}
	for unit, want := range map[string]int64{"s": 2000000, "ms": 2000, "us": 2, "ns": 0, "": 2000} {
		m := &Mapping{Time: "t", Status: "s", Latency: "l", LatencyUnit: unit}
		if g := one(t, Config{Mapping: m}, `{"t":1772366400,"s":200,"l":2}`); g.Latency != want {
			t.Errorf("unit %q: got %d; want %d", unit, g.Latency, want)
		}
	}
	if _, err := New(Config{Mapping: &Mapping{Time: "t", Status: "s", LatencyUnit: "minutes"}}); err == nil {
		t.Error("bad unit: got no error")
	}
}

// Every field of a mapping is read, from JSON and from logfmt, and means the same in both.
func TestMappingFields(t *testing.T) {
	values := map[string]string{"Time": "2026-03-01T12:00:00Z", "Service": "movies", "Method": "GET",
		"Path": "/3/movie/550", "Route": "/3/movie/{id}", "Status": "401", "Code": "7", "Message": "denied",
		"ErrorType": "invalid_token", "Body": `{"status_code":10}`, "Key": "sesame-street-1",
		"KeyID": "owner-7", "KeyName": "acme", "ClientIP": "203.0.113.7", "Latency": "12",
		"UpstreamLatency": "11", "UpstreamStatus": "502", "Bytes": "98",
		"RequestID": "t1", "Attempt": "2", "UserAgent": "curl/8.10.1", "Version": "4.2.0"}
	read := func(format string, names ...string) any {
		m, fields, pairs := &Mapping{}, map[string]string{}, ""
		for _, name := range names {
			reflect.ValueOf(m).Elem().FieldByName(name).SetString(name)
			fields[name] = values[name]
			pairs += fmt.Sprintf("%s=%q ", name, values[name])
		}
		line, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if format == "logfmt" {
			line = []byte(strings.TrimSpace(pairs))
		}
		var c tries
		newTest(t, Config{Format: format, Mapping: m}).Decode(line, &c)
		if len(c.all) != 1 || c.all[0].Reason != "" {
			t.Fatalf("%s of %v: got %+v", format, names, c.all)
		}
		return [3]any{c.all[0], c.sum, c.errorType}
	}
	kind := reflect.TypeFor[Mapping]()
	for i := range kind.NumField() {
		name := kind.Field(i).Name
		switch name {
		case "Time", "Status", "TimeLayout", "LatencyUnit":
			continue
		}
		others := []string{"Time", "Status"}
		if name == "KeyName" {
			others = append(others, "Key") // whose name it is
		}
		fromJSON, fromLogfmt := read("json", append(others, name)...), read("logfmt", append(others, name)...)
		if fromJSON == read("json", others...) {
			t.Errorf("json does not read %s", name)
		}
		if fromLogfmt != fromJSON {
			t.Errorf("%s: got %+v from logfmt; want %+v", name, fromLogfmt, fromJSON)
		}
	}
}

// tries collects which try a response is, too, and the name of its error.
type tries struct {
	collector
	sum       int
	errorType string
}

func (c *tries) Response(r *classify.Response) {
	c.sum, c.errorType = c.sum+int(r.Attempt), string(r.ErrorType)
	c.collector.Response(r)
}

// The units of every format: what the gateways write, in microseconds.
func TestUnits(t *testing.T) {
	for _, c := range []struct {
		name, text string
		unit       int
		want       int64
	}{
		{"nginx", "0.105", unitSeconds, 105000},
		{"apisix", "411.00001335144", unitMillis, 411000},
		{"traefik", "215563", unitNanos, 216},
		{"kong without upstream", "-1", unitMillis, -1},
		{"dash", "-", unitMillis, -1},
		{"empty", "", unitSeconds, -1},
		{"caddy exponent", "3.3987e-05", unitSeconds, 34},
		{"caddy text", "1m2.5s", unitSeconds, 62500000},
		{"micro sign", "340.5µs", unitMillis, 341},
		{"zero", "0", unitMillis, 0},
		{"huge", "1e40", unitSeconds, -1},
		{"word", "fast", unitMillis, -1},
	} {
		if got := micros([]byte(c.text), c.unit); got != c.want {
			t.Errorf("%s: %q: got %d; want %d", c.name, c.text, got, c.want)
		}
	}
	for text, want := range map[string]int64{"0.100, 0.200": 300000, "0.1 : 0.2": 300000, "-": -1, "-, 0.5": 500000,
		"0.001": 1000} {
		if got := microsList([]byte(text), unitSeconds); got != want {
			t.Errorf("%q: got %d; want %d", text, got, want)
		}
	}
	for text, want := range map[string]int16{"502, 200": 200, "502 : 503": 503, "-": -1, "0": -1, "200": 200,
		"504, -": 504} {
		if got := lastStatus([]byte(text)); got != want {
			t.Errorf("%q: got %d; want %d", text, got, want)
		}
	}
}
