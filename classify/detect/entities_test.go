package detect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statline/classify/distinct"
)

// keyRun steps a key over its rows, and over every minute while something is
// open, up to and including end.
func keyRun(cfg *Config, rows []KeyMinute, end Minute) []Incident {
	k := &Key{ID: "abcdefghijklmnopqrstuvwxyz", Service: "api"}
	var list []Incident
	var state States
	i := 0
	for t := rows[0].Minute; t <= end; t++ {
		for i < len(rows) && rows[i].Minute <= t {
			i++
		}
		list = Keys().Step(cfg, k, &state, rows[:i], t, list)
	}
	return state.Open(list)
}

// refused makes n minutes of a key whose requests are refused in slots of each.
func refused(from Minute, n int, slots uint64, refused, requests uint32) (rows []KeyMinute) {
	for i := range n {
		rows = append(rows, KeyMinute{Minute: from + Minute(i), Requests: requests, Success: requests - refused,
			RateLimited: refused,
			Slots:       slots, SlotSeconds: 10, Limit: 40, Highest: 40 + refused})
	}
	return rows
}

func TestRateLimit(t *testing.T) {
	for name, c := range map[string]struct {
		rows   []KeyMinute
		want   Kind // "" for none
		within int  // minutes until it reached want
	}{
		"a refusal now and then":              {rows: refused(origin, 60, 0b1, 3, 200)},
		"over the limit for two minutes":      {rows: refused(origin, 2, 0b11111, 20, 200)},
		"at the limit: throttled":             {refused(origin, 10, 0b11111, 10, 250), Throttled, 3},
		"hammering: offender":                 {refused(origin, 10, 0b111111, 60, 100), Offender, 3},
		"half over the limit: offender":       {refused(origin, 10, 0b111111, 120, 360), Offender, 2},
		"at the limit for a long time":        {refused(origin, 50, 0b111101, 10, 250), Offender, 37},
		"at the limit for a batch":            {refused(origin, 25, 0b111101, 10, 250), Throttled, 3},
		"a flood":                             {refused(origin, 5, 0b111111, 500, 540), Flood, 2},
		"many refusals, few of the requests":  {refused(origin, 5, 0b111111, 400, 4000), Throttled, 2},
		"a limit window of one second counts": {oneSecond(refused(origin, 10, 1<<40-1, 60, 100)), Offender, 3},
	} {
		t.Run(name, func(t *testing.T) {
			list := keyRun(testConfig(t, "default"), c.rows, c.rows[len(c.rows)-1].Minute+40)
			if c.want == "" {
				if len(list) != 0 {
					t.Fatalf("got %+v; want none", list)
				}
				return
			}
			if len(list) != 1 || list[0].Kind != c.want || list[0].State != Closed || list[0].ClosedAs != ClosedCalm {
				t.Fatalf("got %+v; want one %s, closed", list, c.want)
			}
			last := list[0].Evidence.Escalated[len(list[0].Evidence.Escalated)-1]
			if latest := stamp(origin + Minute(c.within) - 1); last.Kind != c.want || last.At > latest {
				t.Errorf("became %s at %s; want by %s", last.Kind, last.At, latest)
			}
			if end := c.rows[len(c.rows)-1].Minute; list[0].ClosedAt != end+15 {
				t.Errorf("closed %d min after the last refusal; want 15", list[0].ClosedAt-end)
			}
			if !strings.Contains(list[0].Summary, "key abcdefghij:") ||
				strings.Contains(list[0].Summary, "abcdefghijk") {
				t.Errorf("summary %q does not name the key by its ten characters", list[0].Summary)
			}
		})
	}
}

// Spells at the limit that are too short to offend do when they come again within half
// a day, also after a restart between them; a batch of every day does not.
func TestThrottledAgain(t *testing.T) {
	cfg := testConfig(t, "default")
	for name, c := range map[string]struct {
		after, minutes int
		want           Kind
	}{
		"five hours later": {300, 25, Offender}, "nine hours later, for a short time": {540, 20, Offender}, "the next day": {1440, 25, Throttled},
	} {
		rows := append(refused(origin, 22, 0b111101, 10, 250),
			refused(origin+Minute(c.after), c.minutes, 0b111101, 10, 250)...)
		list := keyRun(cfg, rows, rows[len(rows)-1].Minute+40)
		if len(list) != 2 || list[0].Kind != Throttled || list[1].Kind != c.want {
			t.Errorf("%s: got %+v; want throttled, then %s", name, list, c.want)
			continue
		}
		k := &Key{ID: "abcdefghijklmnopqrstuvwxyz", Service: "api"}
		state := Keys().Restore(rows[:22], list[0].ClosedAt,
			[]Restored{{Rule: ruleRate, LastClose: list[0].ClosedAt, LastOpened: list[0].OpenedAt,
				Before: list[0].OpenedAt}})
		var again []Incident
		i := 22
		for at := list[0].ClosedAt + 1; at <= rows[len(rows)-1].Minute+40; at++ {
			for i < len(rows) && rows[i].Minute <= at {
				i++
			}
			again = Keys().Step(cfg, k, &state, rows[:i], at, again)
		}
		if len(again) != 1 || again[0].Kind != c.want || again[0].ID != list[1].ID {
			t.Errorf("%s, restarted: got %+v; want %+v", name, again, list[1])
		}
	}
}

func oneSecond(rows []KeyMinute) []KeyMinute {
	for i := range rows {
		rows[i].SlotSeconds = 1
	}
	return rows
}

// dead makes one refusal of a suspended key at each of the given minutes.
func dead(minutes ...int) (rows []KeyMinute) {
	for _, m := range minutes {
		rows = append(rows, KeyMinute{Minute: origin + Minute(m), Requests: 1, Dead: 1, DeadCode: 10})
	}
	return rows
}

func TestDeadKey(t *testing.T) {
	every := func(step, n int) (m []int) {
		for i := range n {
			m = append(m, i*step)
		}
		return m
	}
	success := func(m int, rows []KeyMinute) []KeyMinute {
		rows = append(rows, KeyMinute{Minute: origin + Minute(m), Requests: 2, Success: 2})
		slices.SortFunc(rows, func(a, b KeyMinute) int { return int(a.Minute - b.Minute) })
		return rows
	}
	for name, c := range map[string]struct {
		rows   []KeyMinute
		opens  int // minute, -1 for never
		closes string
		says   string
	}{
		"two refusals": {dead(0, 3), -1, "", ""},
		"three in one minute": {[]KeyMinute{{Minute: origin, Requests: 3, Dead: 3, DeadCode: 10}}, -1,
			"", ""},
		"the third use": {dead(0, 60, 120, 180), 120, "", "suspended key"},
		"an hourly job": {dead(every(60, 8)...), 120, "",
			"every 60 min: looks like a scheduled job"},
		"a daily job":                           {dead(every(1440, 4)...), 1440, "", "every 24 h"},
		"reinstated before the third":           {success(90, dead(0, 60, 120)), -1, "", ""},
		"reinstated":                            {success(200, dead(0, 60, 120)), 120, ClosedReinstated, ""},
		"reinstated, and the old refusals stay": {success(200, dead(0, 60, 120, 400)), 120, ClosedReinstated, ""},
	} {
		t.Run(name, func(t *testing.T) {
			list := keyRun(testConfig(t, "default"), c.rows, c.rows[len(c.rows)-1].Minute+30)
			if c.opens < 0 {
				if len(list) != 0 {
					t.Fatalf("got %+v; want none", list)
				}
				return
			}
			if len(list) != 1 || list[0].Kind != DeadKey || int(list[0].OpenedAt-origin) != c.opens ||
				list[0].ClosedAs != c.closes {
				t.Fatalf("got %+v; want one from minute %d on, closed as %q", list, c.opens, c.closes)
			}
			if !strings.Contains(list[0].Summary, c.says) {
				t.Errorf("summary %q does not say %q", list[0].Summary, c.says)
			}
		})
	}
	old := dead(0, 1, 2)
	if list := keyRun(testConfig(t, "default"), old, origin+8*day); len(list) != 1 || list[0].ClosedAs != ClosedSilent {
		t.Errorf("a week without use: got %+v; want it closed as silent", list)
	}
}

func TestInvalidKey(t *testing.T) {
	rows := func(n, step int, each uint32) (rows []KeyMinute) {
		for i := range n {
			rows = append(rows, KeyMinute{Minute: origin + Minute(i*step), Requests: each, Invalid: each})
		}
		return rows
	}
	for name, c := range map[string]struct {
		rows []KeyMinute
		want int
	}{
		"a typo":                     {rows(1, 1, 2), 0},
		"four minutes of trying":     {rows(4, 1, 2), 0},
		"five minutes in an hour":    {rows(5, 10, 1), 1},
		"five minutes in five hours": {rows(5, 60, 1), 0},
		"twenty at once":             {rows(1, 1, 20), 1},
	} {
		if list := keyRun(testConfig(t, "default"), c.rows, c.rows[len(c.rows)-1].Minute+5); len(list) != c.want {
			t.Errorf("%s: got %+v; want %d", name, list, c.want)
		}
	}
}

func clientRun(cfg *Config, rows []ClientMinute, end Minute) []Incident {
	c := &Client{IP: "192.0.2.7"}
	var state States
	var list []Incident
	i := 0
	for t := rows[0].Minute; t <= end; t++ {
		for i < len(rows) && rows[i].Minute <= t {
			i++
		}
		list = Clients().Step(cfg, c, &state, rows[:i], t, list)
	}
	return state.Open(list)
}

func TestClients(t *testing.T) {
	scan := func(n, step int, keys int, good uint64) (rows []ClientMinute) {
		id := uint64(0)
		for i := range n {
			r := ClientMinute{Minute: origin + Minute(i*step), Invalid: uint64(keys), Requests: uint64(keys) + good,
				Success: good}
			for range keys {
				id++
				r.InvalidKeys = append(r.InvalidKeys, id)
			}
			rows = append(rows, r)
		}
		return rows
	}
	logins := func(n, step int, failed, good uint64) (rows []ClientMinute) {
		for i := range n {
			rows = append(rows, ClientMinute{Minute: origin + Minute(i*step), AuthFailed: failed,
				Requests: failed + good, Success: good})
		}
		return rows
	}
	for name, c := range map[string]struct {
		rows   []ClientMinute
		want   Kind
		within int
	}{
		"ten keys in ten minutes":              {scan(10, 1, 1, 0), KeyScanning, 10},
		"ten keys at once":                     {scan(1, 1, 10, 0), KeyScanning, 1},
		"thirty keys in a day":                 {scan(30, 40, 1, 0), KeyScanning, 29*40 + 1},
		"an address of many, with some typos":  {scan(30, 1, 1, 20), "", 0},
		"the same invalid key":                 {sameKey(scan(30, 1, 1, 0)), "", 0},
		"twenty failed logins in ten minutes":  {logins(10, 1, 2, 0), CredentialStuffing, 10},
		"failed logins among many good ones":   {logins(30, 1, 2, 30), "", 0},
		"five failed logins an hour all day":   {logins(20, 60, 5, 0), CredentialStuffing, 9*60 + 1},
		"a forgotten password, tried 8 times":  {logins(8, 1, 1, 0), "", 0},
		"an office that logs in all day":       {logins(200, 7, 1, 2), "", 0},
		"a flood of logins, one right at last": {logins(5, 1, 50, 1), CredentialStuffing, 1},
	} {
		t.Run(name, func(t *testing.T) {
			list := clientRun(testConfig(t, "default"), c.rows, c.rows[len(c.rows)-1].Minute+400)
			if c.want == "" {
				if len(list) != 0 {
					t.Fatalf("got %+v; want none", list)
				}
				return
			}
			if len(list) != 1 || list[0].Kind != c.want || list[0].State != Closed {
				t.Fatalf("got %+v; want one %s, closed", list, c.want)
			}
			if d := int(list[0].OpenedAt-origin) + 1; d > c.within {
				t.Errorf("opened after %d min; want within %d", d, c.within)
			}
		})
	}
}

func sameKey(rows []ClientMinute) []ClientMinute {
	for i := range rows {
		rows[i].InvalidKeys = []uint64{1}
	}
	return rows
}

func TestContract(t *testing.T) {
	rows := func(n, step int, count, total uint64) (rows []ContractMinute) {
		for i := range n {
			rows = append(rows, ContractMinute{Minute: origin + Minute(i*step), Count: count, Total: total})
		}
		return rows
	}
	coded := func(rows []ContractMinute, with uint64) []ContractMinute {
		for i := range rows {
			rows[i].Coded = with
		}
		return rows
	}
	for name, c := range map[string]struct {
		pair Contract
		rows []ContractMinute
		end  int
		want []Kind
	}{
		"five in five minutes": {Contract{Code: 24, HTTPStatus: 500, Reason: WrongStatus,
			LastBefore: origin - day}, rows(5, 1, 1, 1), 10, []Kind{ContractDrift}},
		"below one per cent": {Contract{Code: 24, HTTPStatus: 500, Reason: WrongStatus,
			LastBefore: origin - day}, rows(5, 1, 2, 1000), 10, nil},
		"three of a new pair": {Contract{Code: 24, HTTPStatus: 500, Reason: WrongStatus}, rows(3, 60, 1, 1000),
			200, []Kind{ContractDrift}},
		"three of an old pair": {Contract{Code: 24, HTTPStatus: 500, Reason: WrongStatus,
			LastBefore: origin - 2*day}, rows(3, 60, 1, 1000), 200, nil},
		"one a day": {Contract{Code: 24, HTTPStatus: 500, Reason: WrongStatus}, append(rows(5, 1, 1, 1),
			ContractMinute{Minute: origin + 500, Count: 9, Total: 9}), 1000, []Kind{ContractDrift}},
		"again on the next day": {Contract{Code: 24, HTTPStatus: 500, Reason: WrongStatus}, append(rows(5, 1, 1, 1),
			ContractMinute{Minute: origin + 1500, Count: 9, Total: 9}), 2000, []Kind{ContractDrift, ContractDrift}},
		"an unknown code": {Contract{Code: 77, HTTPStatus: 400, Reason: CodeUnknown}, rows(5, 1, 1, 1), 10,
			[]Kind{UnknownCode}},
		"errors lose their code": {Contract{HTTPStatus: 500, Reason: CodeMissing}, coded(rows(30, 1, 1, 20), 19), 40,
			[]Kind{ContractDrift}},
		"errors never had any code": {Contract{HTTPStatus: 500, Reason: CodeMissing}, rows(30, 1, 20, 20), 40, nil},
		"nor had those of other statuses": {
			Contract{HTTPStatus: 404, Reason: CodeMissing}, rows(30, 1, 5, 40), 40, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "default")
			c.pair.Service = "api"
			var list []Incident
			var state States
			i := 0
			for now := origin; now <= origin+Minute(c.end); now++ {
				for i < len(c.rows) && c.rows[i].Minute <= now {
					i++
				}
				list = Contracts().Step(cfg, &c.pair, &state, c.rows[:i], now, list)
			}
			list = state.Open(list)
			var kinds []Kind
			for _, i := range list {
				kinds = append(kinds, i.Kind)
			}
			if d := cmp.Diff(c.want, kinds); d != "" {
				t.Errorf("incidents:\n%s", d)
			}
		})
	}
}

// What is on the allow list never is an incident.
func TestAllow(t *testing.T) {
	cfg := testConfig(t, "default")
	cfg.Allow = Allow{Keys: []string{"abcdefghijklmnopqrstuvwxyz"}, Clients: []string{"192.0.2.0/24"},
		Services: []string{"api"}}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if l := keyRun(cfg, refused(origin, 10, 0b111111, 500, 500), origin+10); len(l) != 0 {
		t.Errorf("allowed key: got %+v", l)
	}
	if l := clientRun(cfg, []ClientMinute{{Minute: origin, Requests: 90, AuthFailed: 90}}, origin+10); len(l) != 0 {
		t.Errorf("allowed client: got %+v", l)
	}
	r := rand.New(rand.NewPCG(1, 1))
	counts := steady(r, day, 100, 0)
	add(r, counts, 600, 700, 0.9, seriesTimeout)
	if l, _ := run(cfg, counts, nil); len(l) != 0 {
		t.Errorf("allowed service: got %+v", l)
	}
}

// A bad configuration is refused by key, value and what is accepted.
func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(*Config)
		says   []string
	}{
		"objective": {func(c *Config) { c.SLO.Objective = 99.9 }, []string{"slo.objective", "99.9", "under 1"}},
		"tier": {func(c *Config) { c.Spike.Tiers[1].Window = 90 },
			[]string{"spike.tiers[1].window_minutes", "90", "1 to 60"}},
		"service preset": {func(c *Config) { c.Services = map[string]ServiceOverride{"api": {Preset: "loud"}} },
			[]string{"services.api.preset", "loud", "quiet, default, sensitive"}},
		"key preset": {func(c *Config) { c.Keys = map[string]KeyOverride{"k": {Preset: "loud"}} }, []string{"keys.k.preset", "loud", "quiet"}},
		"client": {func(c *Config) { c.Allow.Clients = []string{"10.0.0.0/99"} },
			[]string{"allow.clients[0]", "10.0.0.0/99", "prefix"}},
		"mute kind": {func(c *Config) { c.Mute = []Mute{{Kind: "spike", Until: "2026-06-01T00:00:00Z"}} },
			[]string{"mute[0].kind", "spike", "timeout_spike"}},
		"mute until": {func(c *Config) { c.Mute = []Mute{{Until: "tomorrow"}} }, []string{"mute[0].until", "tomorrow", "2026-"}},
		"pair":       {func(c *Config) { c.SLO.Pairs[0].Long = 61 }, []string{"slo.pairs[0]", "61", "4320"}},
		"share": {func(c *Config) { c.Rate.FloodShare = 50 },
			[]string{"rate_limit.flood_share", "50", "at most 1"}},
	} {
		cfg := testConfig(t, "default")
		c.break_(cfg)
		err := cfg.Validate()
		if err == nil {
			t.Errorf("%s: got no error", name)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", name, err, s)
			}
		}
	}
	for _, p := range Presets() {
		c, err := Preset(p)
		if err != nil || c.Validate() != nil {
			t.Errorf("preset %s: %v, %v", p, err, c.Validate())
		}
	}
	if _, err := Preset("loud"); err == nil || !strings.Contains(err.Error(), "quiet, default, sensitive") {
		t.Errorf("unknown preset: got %v", err)
	}
}

// The bounds in the tags of settings are those that the code has names for.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Spike.ReopenMinutes = 999 }, "spike.reopen_minutes: got 999; want 1 to 180"},
		{func(c *Config) { c.Spike.FlapMinutes = 999 }, "spike.flap_minutes: got 999; want 1 to 180"},
		{func(c *Config) { c.Spike.ShiftMinutes = 9999 }, fmt.Sprint("spike.shift_minutes: got 9999; want 120 to ", day)},
		{func(c *Config) { c.PathScan.FastPaths = 9999 },
			fmt.Sprint("path_scan.fast_paths: got 9999; want 1 to ", distinct.Most)},
		{func(c *Config) { c.Flood.MinPerMinute = 1 },
			fmt.Sprint("client_flood.min_per_minute: got 1; want at least ", FloodFloor)},
		{func(c *Config) { c.Flood.CrowdRatio = math.NaN() },
			fmt.Sprint("client_flood.crowd_ratio: got NaN; want at least ", stillAbove)},
		{func(c *Config) { c.Near.MinDays = 99 }, fmt.Sprint("near_limit.min_days: got 99; want 2 to ", NearDays)},
		{func(c *Config) { c.Rate.FloodShare = 0 }, "rate_limit.flood_share: got 0; want over 0 and at most 1"},
		{func(c *Config) { c.SLO.Objective = 1 }, "slo.objective: got 1; want over 0 and under 1"},
		{func(c *Config) { c.Spike.Tiers[0].MinZ = 0 }, "spike.tiers[0].min_z: got 0; want over 0"},
	} {
		cfg := testConfig(t, "default")
		c.change(cfg)
		if err := cfg.Validate(); err == nil || err.Error() != "detectors: "+c.want {
			t.Errorf("got %v; want %s", err, c.want)
		}
	}
}

// A mute holds by kind and entity until its event time.
func TestMuted(t *testing.T) {
	cfg := testConfig(t, "default")
	cfg.Mute = []Mute{{Kind: Throttled, Entity: "k", Until: (origin + 60).Time().Format("2006-01-02T15:04:05Z07:00")}}
	in := func(kind Kind, entity string, t Minute) bool {
		return cfg.Muted(&Incident{Kind: kind, Entity: entity}, t)
	}
	if !in(Throttled, "k", origin) || in(Throttled, "k", origin+60) || in(Offender, "k", origin) ||
		in(Throttled, "l", origin) {
		t.Error("the mute does not hold exactly for its kind, entity and time")
	}
}
