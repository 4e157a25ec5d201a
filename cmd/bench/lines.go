package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"statline/ingest/block"
	"statline/ingest/traffic"
)

// benchRecords are n records of the generator's bench scenario, behind each
// other as in the buffer of a fetch.
func benchRecords(n int) ([]block.Record, int, error) {
	g, err := traffic.New(traffic.Config{Seed: 1, Scenario: traffic.Bench, Count: int64(n)})
	if err != nil {
		return nil, 0, err
	}
	b := builder{}
	for {
		var at int64
		var ok bool
		start := len(b.text)
		b.text, at, _, ok = g.Next(b.text)
		if !ok {
			break
		}
		b.end(start, at)
	}
	return b.records(), len(b.text), nil
}

// builder collects records in one buffer.
type builder struct {
	text []byte
	cuts []cut
}

type cut struct {
	start, end int
	at         int64
}

func (b *builder) end(start int, at int64) { b.cuts = append(b.cuts, cut{start, len(b.text), at}) }

func (b *builder) records() []block.Record {
	rs := make([]block.Record, len(b.cuts))
	for i, c := range b.cuts {
		rs[i] = block.Record{Offset: int64(i), UnixMilli: c.at, Value: b.text[c.start:c.end:c.end]}
	}
	return rs
}

// benchLine is a line of the bench scenario, as every JSON library is asked
// to read it.
type benchLine struct {
	TS        string  `json:"ts"`
	Service   string  `json:"service"`
	Method    string  `json:"method"`
	Route     string  `json:"route"`
	Status    int     `json:"status"`
	Code      int     `json:"code"`
	Message   string  `json:"message"`
	APIKey    string  `json:"api_key"`
	ClientIP  string  `json:"client_ip"`
	LatencyMS float64 `json:"latency_ms"`
	Bytes     int64   `json:"bytes"`
	RequestID string  `json:"request_id"`
}

// parseBench reads what the other formats need of a line that the generator
// wrote: its values hold no escapes.
func parseBench(line []byte) (l benchLine, err error) {
	value := func(name string) string {
		_, rest, ok := bytes.Cut(line, []byte(`,"`+name+`":`))
		if !ok {
			err = fmt.Errorf("no %s in %s", name, line)
			return ""
		}
		if rest[0] == '"' {
			rest, _, _ = bytes.Cut(rest[1:], []byte(`"`))
		} else {
			rest = rest[:bytes.IndexAny(rest, ",}")]
		}
		return string(rest)
	}
	l.Service, l.Method, l.Route = value("service"), value("method"), value("route")
	l.APIKey, l.ClientIP, l.RequestID = value("api_key"), value("client_ip"), value("request_id")
	status, latency, size := value("status"), value("latency_ms"), value("bytes")
	if err != nil {
		return l, err
	}
	if l.Status, err = strconv.Atoi(status); err != nil {
		return l, err
	}
	if l.LatencyMS, err = strconv.ParseFloat(latency, 64); err != nil {
		return l, err
	}
	l.Bytes, err = strconv.ParseInt(size, 10, 64)
	return l, err
}

// format renders a bench line as another program would have logged it.
type format struct {
	name   string
	target float64 // at most so often the cost of a bench JSON line
	render func(b []byte, l *benchLine, at time.Time, n int) []byte
}

// formats are the log formats measured beside statline's own. Paths carry
// ids, so that routes are templated, and agents vary.
func formats() []format {
	return []format{
		{"nginx combined", 1.3, func(b []byte, l *benchLine, at time.Time, n int) []byte {
			return fmt.Appendf(b, `%s - - [%s] "%s %s?api_key=%s&language=en HTTP/1.1" %d %d "-" "%s"`,
				l.ClientIP, at.Format("02/Jan/2006:15:04:05 -0700"), l.Method, path(l, n), l.APIKey, l.Status, l.Bytes,
				agent(n))
		}},
		{"Kong JSON", 3.4, func(b []byte, l *benchLine, at time.Time, n int) []byte {
			return fmt.Appendf(b, `{"request":{"id":"%s","uri":"%s","method":"%s","size":198,"querystring":{},"url":"http://api.example.com:8000%s","headers":{"host":"api.example.com","user-agent":"%s","accept":"*/*","apikey":"%s","x-forwarded-for":"%s"}},"response":{"status":%d,"size":%d,"headers":{"content-type":"application/json","via":"kong/3.8.0","x-kong-upstream-latency":"28"}},"latencies":{"request":%d,"kong":1,"proxy":%d,"receive":0},"service":{"name":"%s","id":"0c1e9f7e","host":"%s.internal","port":80,"protocol":"http"},"route":{"name":"%s-route","id":"5c2d8a11","paths":["/%s"]},"client_ip":"%s","started_at":%d,"source":"upstream","upstream_status":"%d","tries":[{"ip":"10.0.0.7","port":80,"balancer_latency":0,"balancer_start":%d}],"workspace":"default"}`,
				l.RequestID, path(l, n), l.Method, path(l, n), agent(n), l.APIKey, l.ClientIP, l.Status, l.Bytes,
				int(l.LatencyMS), int(l.LatencyMS), l.Service, l.Service, l.Service, l.Service, l.ClientIP,
				at.UnixMilli(), l.Status, at.UnixMilli())
		}},
		{"Envoy JSON", 3.4, func(b []byte, l *benchLine, at time.Time, n int) []byte {
			return fmt.Appendf(b,
				`{":authority":"%s.example.com","bytes_received":0,"bytes_sent":%d,"connection_termination_details":null,"downstream_local_address":"10.42.0.77:10443","downstream_remote_address":"%s:%d","duration":%d,"method":"%s","protocol":"HTTP/2","requested_server_name":null,"response_code":%d,"response_code_details":"via_upstream","response_flags":"-","route_name":"%s","start_time":"%s","upstream_cluster":"%s","upstream_host":"10.42.0.9:8080","upstream_local_address":"10.42.0.77:41000","upstream_transport_failure_reason":null,"user-agent":"%s","x-envoy-origin-path":"%s","x-envoy-upstream-service-time":"%d","x-forwarded-for":"%s","x-request-id":"%s"}`,
				l.Service, l.Bytes, l.ClientIP, 1024+n%60000, int(l.LatencyMS), l.Method, l.Status, l.Service,
				at.Format("2006-01-02T15:04:05.000Z"), l.Service, agent(n), path(l, n), int(l.LatencyMS), l.ClientIP,
				l.RequestID)
		}},
		{"Caddy JSON", 3.4, func(b []byte, l *benchLine, at time.Time, n int) []byte {
			return fmt.Appendf(b,
				`{"level":"info","ts":%d.%03d0001,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"%s","remote_port":"%d","client_ip":"%s","proto":"HTTP/2.0","method":"%s","host":"%s.example.com","uri":"%s","headers":{"User-Agent":["%s"],"Accept":["*/*"],"Accept-Encoding":["gzip, deflate, br"],"X-Api-Key":["%s"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"%s.example.com"}},"bytes_read":0,"user_id":"","duration":%.9f,"size":%d,"status":%d,"resp_headers":{"Server":["Caddy"],"Content-Type":["application/json"],"Alt-Svc":["h3=\":443\"; ma=2592000"]}}`,
				at.Unix(), at.UnixMilli()%1000, l.ClientIP, 1024+n%60000, l.ClientIP, l.Method, l.Service, path(l, n),
				agent(n), l.APIKey, l.Service, l.LatencyMS/1e3, l.Bytes, l.Status)
		}},
	}
}

func path(l *benchLine, n int) string { return fmt.Sprintf("/%s/%d", l.Service, n*31%1_000_003) }

func agent(n int) string {
	return fmt.Sprintf("Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0", 100+n%40, 100+n%40)
}

// rendered are from's records in another format.
func rendered(f format, from []block.Record) ([]block.Record, error) {
	b := builder{}
	for i, r := range from {
		l, err := parseBench(r.Value)
		if err != nil {
			return nil, fmt.Errorf("read bench line %d: %w", i, err)
		}
		start := len(b.text)
		b.text = f.render(b.text, &l, time.UnixMilli(r.UnixMilli).UTC(), i)
		b.end(start, r.UnixMilli)
	}
	return b.records(), nil
}

// growthRecords are n records over minutes of n/minutes records each, whose
// keys are drawn evenly from the given number of distinct ones, so that nearly
// all of them occur in every minute when there are enough records.
func growthRecords(n, minutes, keys int) []block.Record {
	r := rand.New(rand.NewPCG(7, uint64(keys)))
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	b := builder{}
	for i := range n {
		at := start.Add(time.Duration(i) * time.Duration(minutes) * time.Minute / time.Duration(n))
		k := uint64(r.IntN(keys))
		from := len(b.text)
		b.text = fmt.Appendf(b.text,
			`{"ts":"%s","service":"service-%02d","method":"GET","route":"/3/movie/{id}","status":200,"code":1,"api_key":"%016x%016x","client_ip":"198.18.%d.%d","latency_ms":%d.%03d,"bytes":%d,"request_id":"%016x"}`,
			at.Format("2006-01-02T15:04:05.000Z"), k%20, (k+1)*0x9e3779b97f4a7c15, k, k%40, 1+k/40%250, 20+i%50, i%1000,
			200+i%5000, i)
		b.end(from, at.UnixMilli())
	}
	return b.records()
}
