// Package sonicbench measures the fastest maintained JSON library on the line
// of BenchmarkStatline in ingest/decode, fields only. It is a module of its
// own so that the library is no dependency of statline:
//
//	cd ingest/decode/sonicbench && go test -bench .
//
// STATLINE_BENCH_LINES names a file of other lines; cmd/bench uses it.
package sonicbench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/bytedance/sonic"
)

type line struct {
	TS        string  `json:"ts"`
	Service   string  `json:"service"`
	Method    string  `json:"method"`
	Route     string  `json:"route"`
	Status    int     `json:"status"`
	Code      int     `json:"code"`
	APIKey    string  `json:"api_key"`
	ClientIP  string  `json:"client_ip"`
	LatencyMS float64 `json:"latency_ms"`
	Bytes     int64   `json:"bytes"`
	RequestID string  `json:"request_id"`
}

func lines(b *testing.B) [][]byte {
	if path := os.Getenv("STATLINE_BENCH_LINES"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	}
	all := make([][]byte, 4096)
	for i := range all {
		all[i] = fmt.Appendf(nil,
			`{"ts":"2026-03-01T12:%02d:%02d.%03dZ","service":"service-%02d","method":"GET","route":"/3/movie/{id}","status":200,"code":1,"api_key":"%032x","client_ip":"198.18.%d.%d","latency_ms":%d.%03d,"bytes":%d,"request_id":"%08x"}`,
			i/600%60, i/10%60, i%1000, i%20, uint64(i+1)*0x9e3779b97f4a7c15, i%250, i*7%250, i%300, i%1000, 200+i%5000,
			uint32(i*2654435761))
	}
	return all
}

func run(b *testing.B, unmarshal func([]byte, any) error) {
	all := lines(b)
	var v line
	b.SetBytes(int64(len(all[0])))
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ResetTimer()
	start := cpu(b)
	for i := 0; i < b.N; i++ {
		if err := unmarshal(all[i%len(all)], &v); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N), "cpu-ns/op")
}

func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(1, &u); err != nil { // RUSAGE_THREAD
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkSonic(b *testing.B) {
	run(b, sonic.ConfigFastest.Unmarshal)
}

func BenchmarkEncodingJSON(b *testing.B) { run(b, json.Unmarshal) }
