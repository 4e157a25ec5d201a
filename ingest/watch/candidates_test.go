package watch

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"statline/classify/detect"
	"statline/ingest/schema"
)

// refusedMinute is a random minute of a key, mostly with a few refusals.
func refusedMinute(r *rand.Rand, at detect.Minute) detect.KeyMinute {
	m := detect.KeyMinute{Minute: at, SlotSeconds: 10}
	switch r.IntN(12) {
	case 0:
		m.Dead, m.DeadCode = 1, 10
	case 1, 2, 3:
		m.Invalid = 1 + uint32(r.IntN(4))
	case 4:
		m.Success = 1
	default:
		m.Slots = r.Uint64() & r.Uint64() & 0x3f
		m.RateLimited = uint32(bits.OnesCount64(m.Slots))
	}
	m.Requests = m.Dead + m.Invalid + m.Success + m.RateLimited
	return m
}

// Law: a key that is no candidate in a window gets no incident from any minute
// of it, so that not reading it changes nothing.
func TestOnlyCandidatesOpenIncidents(t *testing.T) {
	for _, preset := range detect.Presets() {
		cfg, err := detect.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 9))
		opened, spared := 0, 0
		for range 20_000 {
			var rows []detect.KeyMinute
			for at := detect.Minute(1000); at < 1000+detect.CandidateWindow; at++ {
				if r.IntN(20) == 0 {
					rows = append(rows, refusedMinute(r, at))
				}
			}
			k := &detect.Key{ID: "k"}
			var s detect.KeyState
			for i := range rows {
				cfg.Step(k, &s, rows[:i+1], rows[i].Minute, nil)
			}
			switch met := cfg.Candidate().Met(rows); {
			case !s.Idle() && !met:
				t.Fatalf("%s: an incident of a key that is no candidate: %+v", preset, rows)
			case !s.Idle():
				opened++
			case !met:
				spared++
			}
		}
		if opened == 0 || spared == 0 {
			t.Errorf("%s: %d incidents, %d keys spared; want some of both", preset, opened, spared)
		}
	}
}

// The store's candidates are those of the law.
func TestCandidatesOnTheEngine(t *testing.T) {
	s := openStore(t)
	r := rand.New(rand.NewPCG(4, 2))
	cfg, err := detect.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	const first, last = detect.Minute(29_000_000), detect.Minute(29_000_000 + detect.CandidateWindow - 1)
	asked := []detect.Minute{last - 14, last - 4, last - 1, last}
	var values []string
	var want []string
	for n := range 3000 {
		id := fmt.Sprintf("k%025d", n)
		var rows []detect.KeyMinute
		inAsked := false
		for at := first; at <= last; at++ {
			if r.IntN(15) > 0 {
				continue
			}
			m := refusedMinute(r, at)
			rows = append(rows, m)
			inAsked = inAsked || m.Success == 0 && m.Requests > 0 && slices.Contains(asked, at)
			for _, part := range []struct {
				outcome string
				n       uint32
			}{{"success", m.Success}, {"suspended_key", m.Dead}, {"invalid_key", m.Invalid}, {"rate_limited", m.RateLimited}} {
				if part.n > 0 {
					values = append(values, fmt.Sprintf("(%d, '%s', 'api', '%s', 0, %d, %d, 10)", at.Unix(), id, part.outcome, part.n, m.Slots))
				}
			}
		}
		if inAsked && cfg.Candidate().Met(rows) {
			want = append(want, id)
		}
	}
	err = s.Exec(t.Context(), "INSERT INTO "+s.Table(schema.Keys)+" (minute, key_id, service, outcome, code, requests, slots, slot_seconds) VALUES "+strings.Join(values, ", "))
	if err != nil {
		t.Fatal(err)
	}
	got, err := testSQL(s).Candidates(t.Context(), asked, first, cfg.Candidate())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d candidates; want %d", len(got), len(want))
	}
	if len(want) == 0 || len(want) > 2000 {
		t.Errorf("%d of 3000 keys are candidates; want a test that tells", len(want))
	}
}
