package limit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// reference is a limiter that sees the requests one by one, in the plainest way.
func reference(limits []Limit, countRefused bool, at []uint32) (refused uint64, windows map[string]bool) {
	counters, windows := map[string]uint64{}, map[string]bool{}
	name := func(i int, at uint32) string {
		return fmt.Sprint(i, " ", at/limits[i].Window*limits[i].Window)
	}
	for _, t := range at {
		pass := true
		for i := range limits {
			if counters[name(i, t)] >= limits[i].Requests {
				pass, windows[name(i, t)] = false, true
			}
		}
		if !pass {
			refused++
		}
		for i := range limits {
			if pass || countRefused {
				counters[name(i, t)]++
			}
		}
	}
	return refused, windows
}

// bursts are the seconds of a key's requests, sorted.
func bursts(r *rand.Rand) (at []uint32) {
	start := 1_790_000_000 + uint32(r.IntN(7200))
	for range 1 + r.IntN(40) {
		second := start + uint32(r.IntN(3*3600))
		for range 1 + r.IntN(60) {
			at = append(at, second+uint32(r.IntN(20)))
		}
	}
	slices.Sort(at)
	return at
}

func ticks(at []uint32, width uint32) (list []Tick) {
	for _, t := range at {
		if n := len(list); n > 0 && list[n-1].At == t/width*width {
			list[n-1].Low++
			list[n-1].High++
			continue
		}
		list = append(list, Tick{At: t / width * width, Low: 1, High: 1})
	}
	return list
}

// What is refused, and in which windows, is what a limiter that sees the requests
// one by one refuses: by ticks of a second for windows of a second, ten, a minute
// and an hour, by ticks of a minute for those of whole minutes.
func TestRunEqualsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, text := range []string{"3/1s", "20/10s", "40/1m", "200/1h", "40/1m,20/10s", "3/1s,20/10s,40/1m,200/1h",
		"100/7m,150/10m", "300/1h,30/1m", "0/1m"} {
		limits, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 60 {
			at := bursts(r)
			for _, countRefused := range []bool{false, true} {
				want, wantWindows := reference(limits, countRefused, at)
				for _, width := range []uint32{1, 60} {
					trial := Trial{Limits: limits, CountRefused: countRefused, Width: width}
					got := map[string]bool{}
					v := trial.Run(ticks(at, width), func(_ uint32, _ Bounds, windows []uint32) {
						for i, w := range windows {
							if w > 0 {
								got[fmt.Sprint(i, " ", w)] = true
							}
						}
					})
					if !trial.Exact() {
						if trial.Check(false) == nil && (v.Refused.Low > want || v.Refused.High < want) {
							t.Errorf("%s, round %d: refused %d is not within %+v", text, round, want, v.Refused)
						}
						continue
					}
					var counted uint64
					for _, w := range v.Windows {
						counted += w.Low
						if w.Low != w.High {
							t.Errorf("%s: %+v is not exact", text, w)
						}
					}
					if v.Refused != (Bounds{want, want}) || len(got) != len(wantWindows) ||
						counted != uint64(len(got)) {
						t.Errorf("%s, by %d s, counting refused %t, round %d: refused %+v in %d (%d) windows; want %d in %d",
							text, width, countRefused, round, v.Refused, len(got), counted, want, len(wantWindows))
					}
					for w := range wantWindows {
						if !got[w] {
							t.Errorf("%s: window %s is missing", text, w)
						}
					}
				}
			}
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{"600/1m": "[600/1m]", "600/1m,40/10s": "[40/10s 600/1m]", "5/m": "[5/1m]",
		" 7/36h ": "[7/36h]", "9/2d": "[9/2d]"} {
		got, err := Parse(text)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "600", "x/1m", "600/", "600/0s", "600/1500ms", "-1/1m", "600/40d", "5/1m,6/60s"} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("%q: got %v", bad, got)
		}
	}
	for text, ok := range map[string]bool{"1/45s": false, "1/90s": false, "1/30s": true, "1/30s,2/1h": true,
		"1/30s,2/7m,3/10m": false, "2/7m,3/10m": true} {
		limits, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		trial := Trial{Limits: limits, Width: 60}
		if err := trial.Check(false); (err == nil) != ok {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
