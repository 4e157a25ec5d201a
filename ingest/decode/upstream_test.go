package decode

import "testing"

// Whose side a failure came from, in formats that have no reason of their own: by
// what the line tells of its upstream, and nobody's where it tells nothing.
func TestBlameByTold(t *testing.T) {
	for told, want := range map[string]string{
		`"status":503`: "",
		`"status":503,"upstream_status":503,"upstream_latency_ms":3`:      "upstream",
		`"status":401,"upstream_status":401`:                              "",
		`"status":502,"upstream_status":200,"upstream_latency_ms":3`:      "gateway",
		`"status":504,"upstream_latency_ms":9700`:                         "upstream",
		`"status":504,"upstream_status":"-","upstream_latency_ms":"-"`:    "",
		`"status":500,"upstream_latency_ms":3`:                            "",
		`"status":500,"upstream_status":500`:                              "upstream",
		`"status":200,"upstream_status":503,"upstream_latency_ms":3`:      "",
		`"status":429,"code":25,"latency_ms":1.2`:                         "",
		`"status":503,"backendStatus":"502, 503","backend_name":"movies"`: "upstream",
	} {
		if g := one(t, Config{Format: "statline"},
			`{"ts":"2026-03-01T12:00:00Z","service":"movies",`+told+`}`); g.Blame != want || g.Reason != "" {
			t.Errorf("%s: got %q %s; want %q", told, g.Blame, g.Reason, want)
		}
	}
}
