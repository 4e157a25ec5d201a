package decode

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"statline/classify"
)

// zipf is a fixed sequence of ranks: key r of 20,000 is used in proportion to
// 1/r^1.05, as in the traffic generator's scenario bench.
var zipf = func() []uint64 {
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 1)), 1.05, 1, 19999)
	all := make([]uint64, 20000)
	for i := range all {
		all[i] = z.Uint64()
	}
	return all
}()

func benchKey(i int) uint64 { return (zipf[i%len(zipf)] + 1) * 0x9e3779b97f4a7c15 }

// nothing is a Sink that drops what it gets.
type nothing struct{ responses, rejects int }

func (n *nothing) Response(*classify.Response) { n.responses++ }
func (n *nothing) Reject(Reject)               { n.rejects++ }

// benchLines makes lines that differ in time, path, key, client and message.
// They lie one behind the other, as in the buffer of a fetch.
func benchLines(n int, line func(i int) string) [][]byte {
	var buf []byte
	ends := make([]int, n)
	for i := range ends {
		buf = append(buf, line(i)...)
		ends[i] = len(buf)
	}
	all := make([][]byte, n)
	start := 0
	for i, end := range ends {
		all[i] = buf[start:end:end]
		start = end
	}
	return all
}

func run(b *testing.B, cfg Config, lines [][]byte) {
	b.Helper()
	d := newTest(b, cfg)
	var sink nothing
	size := 0
	for _, l := range lines {
		d.Decode(l, &sink)
		size += len(l)
	}
	if sink.rejects > 0 {
		var c collector
		d.Decode(lines[0], &c)
		b.Fatalf("%d rejects, first line gives %+v", sink.rejects, c.all)
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ResetTimer()
	start := threadCPU(b)
	for i := 0; i < b.N; i++ {
		d.Decode(lines[i%len(lines)], &sink)
	}
	b.ReportMetric(float64(threadCPU(b)-start)/float64(b.N), "cpu-ns/op")
}

// threadCPU is the CPU time of this thread in nanoseconds: what a record costs
// on a machine that has other work as well.
func threadCPU(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(1, &u); err != nil { // RUSAGE_THREAD
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// statlineLine has the eleven fields of the traffic generator's scenario bench.
func statlineLine(i int) string {
	status, code := 200, 1
	if i%9 == 0 {
		status, code = 429, 25
	}
	return fmt.Sprintf(`{"ts":"2026-03-01T12:%02d:%02d.%03dZ","service":"service-%02d","method":"GET","route":"/3/movie/{id}","status":%d,"code":%d,"api_key":"%032x","client_ip":"198.18.%d.%d","latency_ms":%d.%03d,"bytes":%d,"request_id":"%08x"}`,
		i/600%60, i/10%60, i%1000, i%20, status, code, benchKey(i), i%250, i*7%250, i%300, i%1000, 200+i%5000,
		uint32(i*2654435761))
}

func BenchmarkStatline(b *testing.B) {
	run(b, Config{}, benchLines(4096, statlineLine))
}

func BenchmarkStatlinePath(b *testing.B) {
	run(b, Config{}, benchLines(4096, func(i int) string {
		return strings.Replace(statlineLine(i), `"route":"/3/movie/{id}"`, fmt.Sprintf(`"path":"/3/movie/%d"`, i*31), 1)
	}))
}

func BenchmarkCombined(b *testing.B) {
	run(b, Config{}, benchLines(4096, func(i int) string {
		return fmt.Sprintf(`203.0.%d.%d - - [01/Mar/2026:12:%02d:%02d +0000] "GET /3/movie/%d?api_key=%032x&language=en HTTP/1.1" %d %d "-" "Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0"`,
			i%250, i*7%250, i/600%60, i/10%60, i*31, benchKey(i), 200+i%9*25, 100+i%9000, 100+i%40, 100+i%40)
	}))
}

// BenchmarkEncodingJSON is the same line through the standard library.
func BenchmarkEncodingJSON(b *testing.B) {
	lines := benchLines(4096, statlineLine)
	var v struct {
		TS        string  `json:"ts"`
		Service   string  `json:"service"`
		Method    string  `json:"method"`
		Path      string  `json:"path"`
		Route     string  `json:"route"`
		Status    int     `json:"status"`
		Code      int     `json:"code"`
		Message   string  `json:"message"`
		APIKey    string  `json:"api_key"`
		ClientIP  string  `json:"client_ip"`
		LatencyMS float64 `json:"latency_ms"`
		Bytes     int64   `json:"bytes"`
	}
	b.SetBytes(int64(len(lines[0])))
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadCPU(b)
	for i := 0; i < b.N; i++ {
		if err := json.Unmarshal(lines[i%len(lines)], &v); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(threadCPU(b)-start)/float64(b.N), "cpu-ns/op")
}

// BenchmarkFormats is the example line of every format with other times, keys
// and clients.
func BenchmarkFormats(b *testing.B) {
	for _, f := range Formats() {
		if f.mapped() || f.messages() {
			continue
		}
		b.Run(f.Name, func(b *testing.B) {
			run(b, Config{}, benchLines(4096, func(i int) string {
				l := strings.ReplaceAll(f.Example, "203.0.113.7", fmt.Sprintf("203.0.%d.%d", i%250, i*7%250))
				l = strings.ReplaceAll(l, "12:00:00", fmt.Sprintf("12:%02d:%02d", i/600%60, i/10%60))
				return strings.ReplaceAll(l, "/550", fmt.Sprintf("/%d", i*31))
			}))
		})
	}
}

// BenchmarkKeys is the same line with more and more distinct keys.
func BenchmarkKeys(b *testing.B) {
	for _, n := range []int{1000, 100000, 1000000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			run(b, Config{}, benchLines(200000, func(i int) string {
				return fmt.Sprintf(`{"ts":"2026-03-01T12:00:00Z","service":"s","status":200,"api_key":"%032x"}`,
					uint64(i*7919%n+1)*0x9e3779b97f4a7c15)
			}))
		})
	}
}
