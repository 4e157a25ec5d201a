package decode

import (
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// formatCase is a line with what a person reads in it, field by field.
type formatCase struct {
	name, line string
	want       got
}

// checkFormat decodes each line with format auto and with the format pinned.
func checkFormat(t *testing.T, format string, cases []formatCase) {
	t.Helper()
	for _, c := range cases {
		same(t, c.name, one(t, Config{}, c.line), c.want)
		same(t, c.name+" pinned", one(t, Config{Format: format}, c.line), c.want)
		p := &prober{d: newTest(t, Config{}), formats: map[string]*probed{}, reasons: map[string]int{}}
		p.d.Decode([]byte(c.line), p)
		if p.formats[format] == nil {
			t.Errorf("%s: got format %q; want %q", c.name, p.d.format, format)
		}
	}
}

// fuzzFormat feeds broken variants of every example to a decoder with the
// format pinned: it must not panic, must account for the record, must give
// the same result as a decoder that has seen other records, and must not
// allocate more than sixteen times the input.
func fuzzFormat(f *testing.F, format string) {
	for _, known := range Formats() {
		f.Add([]byte(known.Example))
		f.Add([]byte(known.Example[:len(known.Example)/2]))
	}
	f.Add([]byte("[{\"ts\":1,\"status\":200},\n"))
	f.Add([]byte("\xef\xbb\xbf\x00\xff\r\n"))
	cfg := Config{Format: format}
	if format == "json" {
		cfg.Mapping = &Mapping{Time: "when", TimeLayout: "2006-01-02", Method: "http.verb", Path: "http.target",
			Status: "http.code"}
	}
	used := newTest(f, cfg)
	f.Fuzz(func(t *testing.T, record []byte) {
		fresh := newTest(t, cfg)
		var a, b collector
		fresh.Decode(record, &a)
		used.Decode(record, &b)
		if len(a.all) != len(b.all) {
			t.Fatalf("got %d results from a new decoder, %d from a used one", len(a.all), len(b.all))
		}
		for i := range a.all {
			if a.all[i] != b.all[i] {
				t.Fatalf("result %d: got %+v from a new decoder, %+v from a used one", i, a.all[i], b.all[i])
			}
		}
		for _, g := range a.all {
			for _, f := range []string{g.Service, g.Method, g.Route, g.Path, g.Message, g.KeyName, g.RequestID,
				g.Agent} {
				if !utf8.ValidString(f) || strings.IndexFunc(f, func(r rune) bool { return r < 0x20 }) >= 0 {
					t.Fatalf("got %q, which is not valid text", f)
				}
			}
		}
		blank := true
		for _, c := range record {
			blank = blank && (c == ' ' || c == '\n' || c == '\r' || c == '\t')
		}
		if len(a.all) == 0 && !blank && indexByte(record, 0, '[') < 0 && !hasPrefix(record, "\xef\xbb\xbf") &&
			!isOTLP(record) {
			t.Fatalf("nothing came of %q", record)
		}
		var before, after runtime.MemStats
		var sink nothing
		runtime.ReadMemStats(&before)
		used.Decode(record, &sink)
		runtime.ReadMemStats(&after)
		if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(16*len(record)+64<<10); got > limit {
			t.Fatalf("got %d bytes allocated for a record of %d", got, len(record))
		}
	})
}

func FuzzAuto(f *testing.F)     { fuzzFormat(f, "auto") }
func FuzzStatline(f *testing.F) { fuzzFormat(f, "statline") }
func FuzzCombined(f *testing.F) { fuzzFormat(f, "combined") }
func FuzzMapped(f *testing.F)   { fuzzFormat(f, "json") }
