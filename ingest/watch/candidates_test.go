package watch

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"statline/classify/detect"
	"statline/classify/distinct"
	"statline/ingest/schema"
	"statline/ingest/store/storetest"
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
			for at := detect.Minute(1000); at < 1000+detect.CandidateLookback; at++ {
				if r.IntN(20) == 0 {
					rows = append(rows, refusedMinute(r, at))
				}
			}
			k := &detect.Key{ID: "k"}
			var s detect.States
			for i := range rows {
				detect.Keys().Step(&cfg, k, &s, rows[:i+1], rows[i].Minute, nil)
			}
			switch met := keyMet(cfg.Candidate(), rows); {
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
	s := storetest.Open(t)
	r := rand.New(rand.NewPCG(4, 2))
	cfg, err := detect.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	const first, last = detect.Minute(29_000_000), detect.Minute(29_000_000 + detect.CandidateLookback - 1)
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
			}{{"success", m.Success}, {"suspended_key", m.Dead}, {"invalid_key", m.Invalid},
				{"rate_limited", m.RateLimited}} {
				if part.n > 0 {
					values = append(values, fmt.Sprintf("(%d, '%s', 'api', '%s', 0, %d, %d, 10)", at.Unix(), id,
						part.outcome, part.n, m.Slots))
				}
			}
		}
		if inAsked && keyMet(cfg.Candidate(), rows) {
			want = append(want, id)
		}
	}
	err = s.Exec(t.Context(),
		"INSERT INTO "+s.Table(schema.Keys)+" (minute, key_id, service, outcome, code, requests, slots, slot_seconds) VALUES "+strings.Join(values, ", "))
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

// failedMinute is a random minute of a client, mostly with a few failures.
func failedMinute(r *rand.Rand, at detect.Minute, success bool) detect.ClientMinute {
	m := detect.ClientMinute{Minute: at}
	if success {
		m.Success = uint64(r.IntN(2))
	}
	switch r.IntN(3) {
	case 0:
		m.AuthFailed = uint64(1 + r.IntN(5))
	case 1:
		for range 1 + r.IntN(3) {
			m.InvalidKeys = append(m.InvalidKeys, r.Uint64N(40))
			m.Invalid++
		}
		slices.Sort(m.InvalidKeys)
		m.InvalidKeys = slices.Compact(m.InvalidKeys)
	default:
		m.NotFound = 1 + r.Uint64N(3)
		for range m.NotFound {
			m.Paths.Add(r.Uint64())
		}
	}
	m.Requests = m.Success + m.AuthFailed + m.Invalid + m.NotFound
	return m
}

// Law: the same of clients.
func TestOnlyCandidateClientsOpenIncidents(t *testing.T) {
	for _, preset := range detect.Presets() {
		cfg, err := detect.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 8))
		opened, spared := 0, 0
		for n := range 2_000 {
			var rows []detect.ClientMinute
			every := 3 + r.IntN(400)
			for at := detect.Minute(5000); at < 5000+detect.ClientLookback; at++ {
				if r.IntN(every) == 0 {
					rows = append(rows, failedMinute(r, at, n%2 == 0))
				}
			}
			c := &detect.Client{IP: "192.0.2.1"}
			var s detect.States
			for i := range rows {
				detect.Clients().Step(&cfg, c, &s, rows[:i+1], rows[i].Minute, nil)
				if !s.Idle() {
					break
				}
			}
			switch met := clientMet(cfg.ClientCandidate(), rows); {
			case !s.Idle() && !met:
				t.Fatalf("%s: an incident of a client that is no candidate: %+v", preset, rows)
			case !s.Idle():
				opened++
			case !met:
				spared++
			}
		}
		if opened == 0 || spared == 0 {
			t.Errorf("%s: %d incidents, %d clients spared; want some of both", preset, opened, spared)
		}
	}
}

func TestClientCandidatesOnTheEngine(t *testing.T) {
	s := storetest.Open(t)
	r := rand.New(rand.NewPCG(4, 3))
	cfg, err := detect.Preset("default")
	if err != nil {
		t.Fatal(err)
	}
	const first, last = detect.Minute(29_000_000), detect.Minute(29_000_000 + detect.ClientLookback - 1)
	asked := minutesOf(last-120, last)
	var none distinct.Bitmap
	c := cfg.ClientCandidate()
	var values, want []string
	for n := range 600 {
		ip := fmt.Sprintf("10.1.%d.%d", n/250, 1+n%250)
		every := 20 + r.IntN(300)
		var rows []detect.ClientMinute
		failedAsked, missedAsked := false, false
		for at := first; at <= last; at++ {
			if r.IntN(every) > 0 {
				continue
			}
			m := failedMinute(r, at, n%2 == 0)
			rows = append(rows, m)
			failedAsked = failedAsked || m.AuthFailed+m.Invalid > 0 && at >= asked[0]
			missedAsked = missedAsked || m.NotFound > 0 && at >= asked[0]
			ids := make([]string, len(m.InvalidKeys))
			for i, k := range m.InvalidKeys {
				ids[i] = fmt.Sprintf("'k%d'", k)
			}
			for _, part := range []struct {
				outcome string
				code    int
				n       uint64
				keys    string
				paths   distinct.Bitmap
			}{{"success", 1, m.Success, "[]", none}, {"auth_failed", 30, m.AuthFailed, "[]", none},
				{"invalid_key", 7, m.Invalid, "[" + strings.Join(ids, ", ") + "]", none},
				{"not_found", 34, m.NotFound, "[]", m.Paths}} {
				if part.n > 0 {
					values = append(values, fmt.Sprintf("(%d, toIPv6('%s'), '%s', %d, %d, 0, %s, %d, %d, %d, %d)",
						at.Unix(), ip, part.outcome, part.code, part.n, part.keys,
						part.paths[0], part.paths[1], part.paths[2], part.paths[3]))
				}
			}
		}
		byPaths := c
		byPaths.Failures, byPaths.Keys = math.MaxUint64, math.MaxInt
		byFailures := c
		byFailures.Paths = distinct.Bits + 1
		if failedAsked && clientMet(byFailures, rows) || missedAsked && clientMet(byPaths, rows) {
			want = append(want, ip)
		}
	}
	err = s.Exec(t.Context(),
		"INSERT INTO "+s.Table(schema.Clients)+" (minute, client_ip, outcome, code, requests, slots, key_ids, path_bits_0, path_bits_1, path_bits_2, path_bits_3) VALUES "+strings.Join(values, ", "))
	if err != nil {
		t.Fatal(err)
	}
	got, err := testSQL(s).ClientCandidates(t.Context(), asked, first, c)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %d candidates; want %d", len(got), len(want))
	}
	if len(want) == 0 || len(want) > 400 {
		t.Errorf("%d of 600 clients are candidates; want a test that tells", len(want))
	}
}
