package detect

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config configures every detector. The zero value detects nothing useful:
// begin with Preset.
type Config struct {
	Spike       SpikeConfig       `koanf:"spike" help:"spikes of timeouts, outages and other server errors of a service"`
	SLO         SLOConfig         `koanf:"slo" help:"a service's error budget burns too fast"`
	Drop        DropConfig        `koanf:"traffic_drop" help:"far fewer requests than usual"`
	Surge       SurgeConfig       `koanf:"traffic_surge" help:"far more requests than usual"`
	Latency     LatencyConfig     `koanf:"latency_shift" help:"far more slow requests than usual"`
	Rate        RateConfig        `koanf:"rate_limit" help:"keys that run into the rate limit"`
	DeadKey     DeadKeyConfig     `koanf:"dead_key" help:"suspended keys, and keys of disabled accounts, in use"`
	InvalidKey  InvalidKeyConfig  `koanf:"invalid_key" help:"one unknown key, used again and again"`
	KeyScanning KeyScanningConfig `koanf:"key_scanning" help:"one client that tries many keys"`
	Stuffing    StuffingConfig    `koanf:"credential_stuffing" help:"one client whose logins fail"`
	PathScan    PathScanConfig    `koanf:"path_scan" help:"a client that asks for many paths that do not exist"`
	Flood       FloodConfig       `koanf:"client_flood" help:"a client or key that gets far more answers than usual"`
	NewError    NewErrorConfig    `koanf:"new_error" help:"errors that a service has never answered with before"`
	Near        NearConfig        `koanf:"near_limit" help:"keys that come close to their limit, day after day"`
	Contract    ContractConfig    `koanf:"contract" help:"codes with an HTTP status other than the documented one"`

	// Services and Keys override by service name and by key id.
	Services map[string]ServiceOverride `koanf:"services" help:"other thresholds for single services, by name"`
	Keys     map[string]KeyOverride     `koanf:"keys" help:"other thresholds for single keys, by key id"`
	// Allow names what never gives an incident.
	Allow Allow `koanf:"allow" help:"services, keys and clients that never open an incident"`
	// Mute names incidents that are recorded but not sent.
	Mute []Mute `koanf:"mute" help:"incidents that are recorded but not sent"`
}

// ServiceOverride changes the service detectors for one service. Empty fields
// change nothing.
type ServiceOverride struct {
	Preset    string  `koanf:"preset" help:"preset of the spike detectors"`
	MinShare  float64 `koanf:"min_share" in:"[0,1]" help:"no spike below this share of failures"`
	MinCount  uint64  `koanf:"min_count" help:"nor below this number of failures"`
	Objective float64 `koanf:"objective" in:"[0,1)" help:"replaces slo.objective"`
}

// KeyOverride changes the rate-limit detector for one key.
type KeyOverride struct {
	Preset string `koanf:"preset" help:"preset of the rate-limit detector"`
}

// Allow lists what is never an incident: services by name, keys by id, clients
// by address or prefix.
type Allow struct {
	Services []string `koanf:"services" help:"names of services"`
	Keys     []string `koanf:"keys" help:"key ids"`
	Clients  []string `koanf:"clients" help:"addresses or prefixes, such as 192.0.2.0/24"`
}

// Mute keeps incidents of a kind ("" for any) and entity ("" for any) from
// being sent until an event time (RFC 3339).
type Mute struct {
	Kind   Kind   `koanf:"kind" help:"kind of incident; empty for any"`
	Entity string `koanf:"entity" help:"service, key id or client; empty for any"`
	Until  string `koanf:"until" help:"event time until which nothing is sent, such as 2026-06-01T08:00:00Z"`
}

// Presets lists the accepted presets.
func Presets() []string { return []string{"quiet", "default", "sensitive"} }

// Preset returns the configuration of that name. Thresholds were tuned on
// simulated traffic with known incidents; quiet misses more, sensitive raises
// more false alarms.
func Preset(name string) (Config, error) {
	c := Config{
		Spike: defaultSpike(),
		SLO: SLOConfig{
			Objective: 0.999, MinBad: 10, LowFactor: 20, LowBad: 20, CalmMinutes: 60,
			Pairs: []BurnPair{{5, 60, 14.4, Page}, {30, 360, 6, Page}, {120, 1440, 3, Ticket}, {360, 4320, 1, Ticket}},
		},
		Drop: DropConfig{MaxShare: 0.3, MinExpected: 100, MinSeasons: 2, EndShare: 0.5, SilentRate: 60,
			SilentMinutes: 2},
		Surge:   SurgeConfig{MinRatio: 3, MinExpected: 100, MinSeasons: 2, EndRatio: 2},
		Latency: LatencyConfig{MinShare: 0.05, MinRatio: 3, MinCount: 20, PageShare: 0.5, QuietMinutes: 15},
		Rate: RateConfig{
			ThrottledShare: 0.4, OffenderCount: 100, OffenderShare: 0.3, OffenderSlots: 0.5, OffenderAgain: 36,
			FloodCount: 300, FloodShare: 0.5, QuietMinutes: 15,
		},
		DeadKey:    DeadKeyConfig{MinUses: 3, MinMinutes: 2, MinDays: 2, PagePerMinute: 61, QuietMinutes: 7 * day},
		InvalidKey: InvalidKeyConfig{MinMinutes: 5, MinCount: 20, QuietMinutes: 60, PagePerMinute: 61},
		KeyScanning: KeyScanningConfig{FastKeys: 10, SlowKeys: 30, MinShare: 0.8, QuietMinutes: 30,
			SlowQuietMinutes: 360},
		Stuffing: StuffingConfig{FastFailures: 20, MaxSuccess: 0.2, SlowFailures: 50, SlowShare: 0.8,
			QuietMinutes: 30, SlowQuietMinutes: 360},
		PathScan: PathScanConfig{FastPaths: 40, SlowPaths: 150, MinShare: 0.5, QuietMinutes: 30,
			SlowQuietMinutes: 360, ServiceRoutes: 60, ServiceRatio: 3},
		Flood:    FloodConfig{MinPerMinute: 600, CrowdRatio: 5, OwnRatio: 3, QuietMinutes: 15},
		NewError: NewErrorConfig{MinCount: 10, MinKeys: 3, QuietMinutes: 60},
		Near:     NearConfig{MinDays: 3},
		Contract: ContractConfig{MinCount: 5, MinShare: 0.01, NewCount: 3, QuietMinutes: 360},
	}
	switch name {
	case "default":
	case "quiet":
		c.Spike.scale(1.12, 1.3, 1.3)
		c.Rate.ThrottledShare, c.Rate.OffenderSlots = 0.5, 0.6
	case "sensitive":
		c.Spike.scale(0.92, 0.85, 0.9)
		c.Rate.ThrottledShare = 0.3
	default:
		return Config{}, fmt.Errorf("detectors: preset: got %q; want one of %s", name, strings.Join(Presets(), ", "))
	}
	return c, nil
}

func defaultSpike() SpikeConfig {
	return SpikeConfig{
		Tiers: []Tier{
			{Window: 1, MinZ: 5.9, MinCount: 8, MinMinutes: 1, Ratio: 3, MinShare: 0.02},
			{Window: 2, MinZ: 5.4, MinCount: 5, MinMinutes: 2, Ratio: 3, MinShare: 0.01},
			{Window: 3, MinZ: 5.1, MinCount: 5, MinMinutes: 2, Ratio: 3, MinShare: 0.01},
			{Window: 5, MinZ: 4.9, MinCount: 6, MinMinutes: 2, Ratio: 2.5, MinShare: 0.009},
			{Window: 15, MinZ: 4.5, MinCount: 6, MinMinutes: 2, Ratio: 2, MinShare: 0.009},
			{Window: 15, MinZ: 5.5, MinCount: 4, MinMinutes: 3, Ratio: 10, MinShare: 0.03},
			{Window: 30, MinZ: 4.3, MinCount: 7, MinMinutes: 3, Ratio: 2, MinShare: 0.009},
			{Window: 60, MinZ: 4.3, MinCount: 8, MinMinutes: 4, Ratio: 1.8, MinShare: 0.006},
		},
		Prior: 0.001, CalmMinutes: 10, ReopenMinutes: 30, FlapMinutes: 60, ShiftMinutes: 120,
		PageCount: 30, PageFloor: 0.01, PageShare: 0.1,
	}
}

// scale changes how strict the tiers are.
func (c *SpikeConfig) scale(z, ratio, count float64) {
	c.Tiers = slices.Clone(c.Tiers)
	for i := range c.Tiers {
		c.Tiers[i].scale(z, ratio, count)
	}
}

func (t *Tier) scale(z, ratio, count float64) {
	t.MinZ *= z
	t.Ratio = 1 + (t.Ratio-1)*ratio
	t.MinCount = uint64(math.Round(float64(t.MinCount) * count))
}

// serviceOf is the spike configuration and the objective of a service.
func (c *Config) serviceOf(name string) (SpikeConfig, float64) {
	o, ok := c.Services[name]
	if !ok {
		return c.Spike, c.SLO.Objective
	}
	spike, objective := c.Spike, c.SLO.Objective
	if o.Preset != "" {
		if p, err := Preset(o.Preset); err == nil {
			spike = p.Spike
		}
	}
	spike.Tiers = slices.Clone(spike.Tiers)
	for i := range spike.Tiers {
		spike.Tiers[i].MinShare = max(spike.Tiers[i].MinShare, o.MinShare)
		spike.Tiers[i].MinCount = max(spike.Tiers[i].MinCount, o.MinCount)
	}
	if o.Objective != 0 {
		objective = o.Objective
	}
	return spike, objective
}

// Objectives are the wanted shares of good responses: of all services, and of those
// with one of their own.
func (c *Config) Objectives() (usual float64, services map[string]float64) {
	services = map[string]float64{}
	for name := range c.Services {
		if _, objective := c.serviceOf(name); objective != c.SLO.Objective {
			services[name] = objective
		}
	}
	return c.SLO.Objective, services
}

// rateOf is the rate-limit configuration of a key, nil for the common one.
func (c *Config) rateOf(key string) *RateConfig {
	if len(c.Keys) == 0 {
		return nil
	}
	o, ok := c.Keys[key]
	if !ok || o.Preset == "" {
		return nil
	}
	p, err := Preset(o.Preset)
	if err != nil {
		return nil
	}
	return &p.Rate
}

// allowed reports whether an entity is on the allow list.
func (c *Config) allowed(t EntityType, entity string) bool {
	switch t {
	case ServiceEntity:
		return slices.Contains(c.Allow.Services, entity)
	case KeyEntity:
		return slices.Contains(c.Allow.Keys, entity)
	case ClientEntity:
		if len(c.Allow.Clients) == 0 {
			return false
		}
		ip, err := netip.ParseAddr(entity)
		if err != nil {
			return false
		}
		return slices.ContainsFunc(c.Allow.Clients, func(s string) bool {
			p, err := parsePrefix(s)
			return err == nil && p.Contains(ip.Unmap())
		})
	}
	return false
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	ip = ip.Unmap()
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}

// Muted reports that no notice of an incident is to be sent at event minute t.
func (c *Config) Muted(inc *Incident, t Minute) bool {
	return slices.ContainsFunc(c.Mute, func(m Mute) bool {
		until, err := time.Parse(time.RFC3339, m.Until)
		return err == nil && (m.Kind == "" || m.Kind == inc.Kind) && (m.Entity == "" || m.Entity == inc.Entity) &&
			t.Time().Before(until)
	})
}

// Validate checks c. Its errors name the key, the value and what is accepted.
func (c *Config) Validate() error {
	if err := inRange("", reflect.ValueOf(*c)); err != nil {
		return err
	}
	if len(c.Spike.Tiers) == 0 {
		return bad("spike.tiers", "none", "at least one tier")
	}
	if !(c.Surge.EndRatio >= 1 && c.Surge.EndRatio <= c.Surge.MinRatio) {
		return bad("traffic_surge.end_ratio", c.Surge.EndRatio, "1 to traffic_surge.min_ratio")
	}
	for i, p := range c.SLO.Pairs {
		for _, w := range []int{p.Short, p.Long} {
			if windowIndex(w) < 0 {
				return bad(fmt.Sprintf("slo.pairs[%d]", i), fmt.Sprintf("window %d", w),
					fmt.Sprintf("windows out of %v minutes", burnWindows))
			}
		}
		if !slices.Contains([]Severity{Info, Ticket, Page}, p.Severity) {
			return bad(fmt.Sprintf("slo.pairs[%d].severity", i), p.Severity, "info, ticket or page")
		}
	}
	return c.validateNames()
}

func (c *Config) validateNames() error {
	presets := "one of " + strings.Join(Presets(), ", ")
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		o := c.Services[name]
		if o.Preset != "" && !slices.Contains(Presets(), o.Preset) {
			return bad("services."+name+".preset", o.Preset, presets)
		}
		if err := inRange("services."+name, reflect.ValueOf(o)); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Keys)) {
		if o := c.Keys[id]; o.Preset != "" && !slices.Contains(Presets(), o.Preset) {
			return bad("keys."+id+".preset", o.Preset, presets)
		}
	}
	for i, s := range c.Allow.Clients {
		if _, err := parsePrefix(s); err != nil {
			return bad(fmt.Sprintf("allow.clients[%d]", i), fmt.Sprintf("%q", s),
				"an address or a prefix, such as 192.0.2.0/24")
		}
	}
	for i, m := range c.Mute {
		if m.Kind != "" && !slices.Contains(Kinds(), m.Kind) {
			return bad(fmt.Sprintf("mute[%d].kind", i), fmt.Sprintf("%q", m.Kind), fmt.Sprintf("one of %v", Kinds()))
		}
		if _, err := time.Parse(time.RFC3339, m.Until); err != nil {
			return bad(fmt.Sprintf("mute[%d].until", i), fmt.Sprintf("%q", m.Until),
				"a time such as 2026-06-01T08:00:00Z")
		}
	}
	return nil
}

func bad(key string, got any, want string) error {
	return fmt.Errorf("detectors: %s: got %v; want %s", key, got, want)
}

// inRange checks the numbers in v against their tags "in", which are intervals as
// mathematics writes them: "[1,60]", "(0,1)", "[2,)" without an upper bound.
func inRange(key string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if err := inRange(fmt.Sprintf("%s[%d]", key, i), v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for field, x := range v.Fields() {
			name := strings.TrimPrefix(key+"."+field.Tag.Get("koanf"), ".")
			if in, ok := field.Tag.Lookup("in"); ok {
				if want := outside(in, x.Convert(reflect.TypeFor[float64]()).Float()); want != "" {
					return bad(name, x, want)
				}
			} else if err := inRange(name, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// outside describes an interval that x is not in; it is "" for one that x is in.
func outside(interval string, x float64) string {
	end := len(interval) - 1
	low, high, _ := strings.Cut(interval[1:end], ",")
	least, _ := strconv.ParseFloat(low, 64)
	most, err := strconv.ParseFloat(high, 64)
	unbounded := err != nil
	withLow, withHigh := interval[0] == '[', interval[end] == ']'
	if (x > least || withLow && x == least) && (unbounded || x < most || withHigh && x == most) {
		return ""
	}
	from := "over " + low
	if withLow {
		from = "at least " + low
	}
	switch {
	case unbounded:
		return from
	case withLow && withHigh:
		return low + " to " + high
	case withHigh:
		return from + " and at most " + high
	}
	return from + " and under " + high
}
