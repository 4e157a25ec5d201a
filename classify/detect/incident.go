package detect

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"time"
)

// Minute is an event minute: whole minutes since the Unix epoch, UTC. The
// minute m covers [m.Unix(), m.Unix()+60).
type Minute int32

// MinuteOf is the minute that holds a Unix time in seconds.
func MinuteOf(unixSeconds int64) Minute { return Minute(unixSeconds / 60) }

// Unix is the start of the minute in seconds since the epoch.
func (m Minute) Unix() int64 { return int64(m) * 60 }

// Time is the start of the minute, UTC.
func (m Minute) Time() time.Time { return time.Unix(m.Unix(), 0).UTC() }

const day = 1440 // minutes

// SettleMinutes is how long a minute's evidence may still change a decision:
// minute t is decided first when it ends, and for the last time when minute
// t+SettleMinutes has ended. No baseline reads a younger minute.
const SettleMinutes = 15

// Kind is the kind of an incident. The names are stored and must not change.
type Kind string

// The kinds.
const (
	TimeoutSpike       Kind = "timeout_spike"
	Outage             Kind = "outage"
	ErrorSpike         Kind = "error_spike"
	Throttled          Kind = "throttled"
	Offender           Kind = "offender"
	Flood              Kind = "flood"
	DeadKey            Kind = "dead_key"
	InvalidKey         Kind = "invalid_key"
	KeyScanning        Kind = "key_scanning"
	CredentialStuffing Kind = "credential_stuffing"
	SLOBurn            Kind = "slo_burn"
	ContractDrift      Kind = "contract_drift"
	UnknownCode        Kind = "unknown_code"
	TrafficDrop        Kind = "traffic_drop"
	TrafficSurge       Kind = "traffic_surge"
	LateData           Kind = "late_data"
	LatencyShift       Kind = "latency_shift"
	PathScan           Kind = "path_scan"
	ClientFlood        Kind = "client_flood"
	NewError           Kind = "new_error"
	NearLimit          Kind = "near_limit"
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{TimeoutSpike, Outage, ErrorSpike, Throttled, Offender, Flood, DeadKey, InvalidKey,
		KeyScanning, CredentialStuffing, SLOBurn, ContractDrift, UnknownCode, TrafficDrop, TrafficSurge, LateData,
		LatencyShift,
		PathScan, ClientFlood, NewError, NearLimit}
}

// EntityType says what an incident's entity is.
type EntityType string

// The entity types.
const (
	ServiceEntity  EntityType = "service"
	KeyEntity      EntityType = "key"
	ClientEntity   EntityType = "client"
	ContractEntity EntityType = "contract" // service/code/status
	SourceEntity   EntityType = "source"   // topic/partition
	ErrorEntity    EntityType = "error"    // service/name of an error, or its code
)

// Severity says how urgent an incident is.
type Severity string

// The severities, rising.
const (
	Info   Severity = "info"
	Ticket Severity = "ticket"
	Page   Severity = "page"
)

// Rank orders severities, from 0 up; -1 for an unknown one.
func (s Severity) Rank() int { return slices.Index([]Severity{Info, Ticket, Page}, s) }

// State is the state of an incident.
type State string

// The states. Withdrawn is an incident that late evidence disproved.
const (
	Open      State = "open"
	Closed    State = "closed"
	Withdrawn State = "withdrawn"
)

// Why an incident was closed.
const (
	ClosedCalm       = "calm"             // its condition ended
	ClosedShifted    = "baseline_shifted" // the new level lasts: it is the baseline now
	ClosedReinstated = "reinstated"       // the key works again
	ClosedSilent     = "silent"           // its entity was not seen any more
	ClosedGone       = "gone"             // the service failed, and was not heard of for a week
)

// Incident is one event: one row of the table incidents.
type Incident struct {
	ID         string
	Kind       Kind
	Entity     string // service, key id, client ip, service/code/status, service/error or topic/partition
	EntityType EntityType
	Service    string // "" when it spans services
	Parent     string // id of the incident that causes this one, "" for none
	Severity   Severity
	Silent     string // why nobody is told of it, "" when they are
	State      State
	ClosedAs   string
	OpenedAt   Minute // the minute whose evidence opened it
	ClosedAt   Minute // 0 while open
	// Observed, Expected and Score are the numbers that decided: a count or a
	// share as the summary says, what was normal, and how far apart they are
	// (z for spikes, observed/threshold elsewhere).
	Observed, Expected, Score float64
	Requests                  uint64 // requests of the entity while open
	Affected                  uint64 // of which bad
	Summary                   string // a sentence with the numbers
	Evidence                  Evidence
	Rule                      string
	RuleVersion               uint32
}

// Evidence is what readers want to see besides the summary. Empty fields are left out
// of its JSON.
type Evidence struct {
	WindowMinutes  int      `json:"window_minutes,omitempty"`
	WindowRequests uint64   `json:"window_requests,omitempty"`
	WindowAffected uint64   `json:"window_affected,omitempty"`
	Share          float64  `json:"share,omitempty"`
	BaselineShare  float64  `json:"baseline_share,omitempty"`
	Burn           float64  `json:"burn_rate,omitempty"`
	Objective      float64  `json:"objective,omitempty"`
	RefusedSlots   int      `json:"refused_slots,omitempty"`
	Escalated      []Stage  `json:"escalated,omitempty"`
	Uses           uint64   `json:"uses,omitempty"`
	FirstSeen      string   `json:"first_seen,omitempty"`
	LastSeen       string   `json:"last_seen,omitempty"`
	MedianGap      int      `json:"median_gap_minutes,omitempty"`
	Keys           int      `json:"keys,omitempty"`
	Retries        uint64   `json:"retries,omitempty"` // requests that declared to be no first try
	Load           float64  `json:"load,omitempty"`    // times that of the hour before
	Days           int      `json:"days,omitempty"`    // in a row
	Paths          int      `json:"paths,omitempty"`   // about how many different ones
	ClientIPs      []string `json:"client_ips,omitempty"`
	UserAgents     []string `json:"user_agents,omitempty"`
	Limit          uint32   `json:"limit,omitempty"`
	LimitFrom      string   `json:"limit_from,omitempty"` // headers, file or refusals
	Tier           string   `json:"tier,omitempty"`       // of the limits file
	HighestCount   uint32   `json:"highest_count,omitempty"`
	Code           uint16   `json:"code,omitempty"`
	HTTPStatus     uint16   `json:"http_status,omitempty"`
	Catalogue      int16    `json:"catalogue_http_status,omitempty"`
	Reason         string   `json:"reason,omitempty"`
	ErrorType      string   `json:"error_type,omitempty"` // or the code, where it has no name
	Route          string   `json:"route,omitempty"`
	Version        string   `json:"version,omitempty"` // that was deployed before
	Deployed       string   `json:"deployed,omitempty"`
	DeployedBy     string   `json:"deployed_by,omitempty"` // SeenDeploy, when nobody marked it
	// SilentSince is from when on a service that failed has sent nothing.
	SilentSince string `json:"silent_since,omitempty"`
	// Episodes is how often the condition rose, when more than once; Rose are the
	// newest of its beginnings.
	Episodes int      `json:"episodes,omitempty"`
	Rose     []string `json:"rose,omitempty"`
	// Recurs says at what times the incident comes again and again, and Times how
	// often it has come.
	Recurs string `json:"recurs,omitempty"`
	Times  int    `json:"times,omitempty"`
	// BudgetLeft is the share of the error budget of 30 days that is left.
	BudgetLeft *float64 `json:"budget_left,omitempty"`
}

// maxRose bounds the beginnings that an incident lists. It is more than can begin
// between a restored state and the present.
const maxRose = 12

// again records that the condition of an open incident rises again in minute t.
func (i *Incident) again(t Minute) {
	e := &i.Evidence
	if e.Episodes == 0 {
		e.Episodes = 1
	}
	e.Episodes++
	from := max(0, len(e.Rose)+1-maxRose)
	e.Rose = append(slices.Clone(e.Rose[from:]), stamp(t))
}

// steadySince reports that the condition of an open incident has held without a break
// since a minute: a condition that comes and goes is no new level.
func (i *Incident) steadySince(t Minute) bool {
	rose := i.Evidence.Rose
	return len(rose) == 0 || rose[len(rose)-1] <= stamp(t)
}

// roseUntil removes the rises after minute at, when a state is restored.
func (i *Incident) roseUntil(at Minute) {
	e := &i.Evidence
	for n := len(e.Rose); n > 0 && e.Rose[n-1] > stamp(at); n-- {
		e.Rose, e.Episodes = e.Rose[:n-1], e.Episodes-1
	}
	if len(e.Rose) == 0 {
		e.Rose, e.Episodes = nil, 0
	}
}

// window notes what was counted, and in how many minutes.
func (e *Evidence) window(minutes int, requests, affected uint64) {
	e.WindowMinutes, e.WindowRequests, e.WindowAffected = minutes, requests, affected
}

// Stage is when an incident reached a kind.
type Stage struct {
	Kind Kind   `json:"kind"`
	At   string `json:"at"` // RFC 3339
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Memory is how many minutes back an entity's previous incident matters.
const Memory = 30 * day

// incidentID is 128 bits of SHA-256 over the rule, its version, the entity, the
// minute in which the entity's previous incident of that rule closed (0 for
// none within Memory) and the day on which this one opens. The previous close
// stands for "the next event of this entity": late rows that move the opening
// by some minutes leave the id as it is.
func incidentID(rule string, version uint32, entity string, previousClose, opened Minute) string {
	if previousClose <= opened-Memory {
		previousClose = 0
	}
	b := make([]byte, 0, len(rule)+len(entity)+16)
	b = append(b, rule...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, version)
	b = append(b, entity...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(previousClose))
	b = binary.BigEndian.AppendUint32(b, uint32(opened/day))
	sum := sha256.Sum256(b)
	return idEncoding.EncodeToString(sum[:16])
}
