package detect

import "fmt"

const (
	ruleContract    = "contract"
	contractVersion = 1
)

// ContractReason says how a response breaks the API's catalogue.
type ContractReason string

// The reasons.
const (
	WrongStatus ContractReason = "wrong_status" // the catalogue has another HTTP status for the code
	CodeMissing ContractReason = "code_missing" // an error without a code, where errors carry one
	CodeUnknown ContractReason = "code_unknown" // the catalogue has no such code
)

// ContractMinute counts, in one minute, the responses of a pair, and what they
// are compared with: all responses of the service with that code, or, for
// CodeMissing, all its error responses.
type ContractMinute struct {
	Minute       Minute
	Count, Total uint64
	Coded        uint64 // for CodeMissing: the error responses that carry a code, of any status
}

// Contract is one pair of a service: a code and the HTTP status it came with.
type Contract struct {
	Service    string
	Code       uint16 // 0 for CodeMissing
	HTTPStatus uint16
	Reason     ContractReason
	Catalogue  int16 // the catalogue's HTTP status, 0 for none
	// LastBefore is when the pair was last seen before its rows begin, 0 for
	// never.
	LastBefore Minute
}

// Entity is the incident's entity: service/code/status.
func (c *Contract) Entity() string {
	return fmt.Sprintf("%s/%d/%d", c.Service, c.Code, c.HTTPStatus)
}

// ContractLookback is how many minutes of rows the rule looks back on;
// ContractMemory is how long a pair counts as known.
const (
	ContractLookback = day
	ContractMemory   = 30 * day
)

// ContractConfig configures contract_drift and unknown_code.
type ContractConfig struct {
	MinCount uint64  `koanf:"min_count" help:"responses in five minutes"`
	MinShare float64 `koanf:"min_share" in:"(0,1]" help:"and their share of the responses with that code"`
	NewCount uint64  `koanf:"new_count" help:"responses in a day, for a pair of code and HTTP status never seen before"`
	// QuietMinutes without a response close the incident.
	QuietMinutes int `koanf:"quiet_minutes" help:"an incident closes after this many minutes without such a response"`
}

// Contracts are the rules about pairs.
func Contracts() *Family[Contract, ContractMinute] {
	return &Family[Contract, ContractMinute]{
		Type:     ContractEntity,
		Name:     (*Contract).Entity,
		Service:  func(p *Contract) string { return p.Service },
		Minute:   contractMinute,
		Requests: func(r *ContractMinute) uint64 { return r.Total },
		Lookback: ContractLookback,
		Rules: []Rule[Contract, ContractMinute]{{
			Name: ruleContract, Version: contractVersion,
			Against: func(r *ContractMinute) uint64 { return r.Count },
			Over: func(c *Config, e *Episode, _ *ContractMinute, t Minute) string {
				return e.quiet(t, c.Contract.QuietMinutes, ClosedSilent)
			},
			Judge: (*Config).judgeContract,
		}},
	}
}

func (all *Config) judgeContract(p *Contract, e *Episode, rows []ContractMinute, t Minute) {
	c := &all.Contract
	if !e.IsOpen() && !c.opens(p, e, rows, t) {
		return
	}
	inc := e.edit()
	inc.Observed, inc.Score = float64(inc.Affected), float64(inc.Affected)/float64(c.MinCount)
	inc.Evidence.LastSeen = stamp(t)
	inc.Evidence.Share = float64(inc.Affected) / float64(max(inc.Requests, 1))
	inc.Summary = p.sentence(inc.Affected, inc.Requests)
}

// opens opens an incident of the pair, at most one a day.
func (c *ContractConfig) opens(p *Contract, e *Episode, rows []ContractMinute, t Minute) bool {
	if e.lastOpened != 0 && t < e.lastOpened+day {
		return false
	}
	var five, total, all, allTotal uint64
	first := t
	for _, r := range back(rows, contractMinute, t, ContractLookback) {
		if r.Minute <= e.lastClose {
			continue
		}
		all, allTotal = all+r.Count, allTotal+r.Total
		if r.Count > 0 && r.Minute < first {
			first = r.Minute
		}
		if r.Minute > t-5 {
			five, total = five+r.Count, total+r.Total
		}
	}
	if p.Reason == CodeMissing && !coded(rows, t) {
		return false
	}
	burst := five >= c.MinCount && float64(five) >= c.MinShare*float64(total)
	fresh := all >= c.NewCount && p.Reason != CodeMissing && e.lastClose == 0 &&
		(p.LastBefore == 0 || p.LastBefore < t-ContractMemory)
	if !burst && !fresh {
		return false
	}
	kind := ContractDrift
	if p.Reason == CodeUnknown {
		kind = UnknownCode
	}
	if burst && !fresh {
		all, allTotal = five, total
	}
	e.Begin(Incident{
		Kind: kind, Entity: p.Entity(), EntityType: ContractEntity, Service: p.Service, Severity: Ticket,
		Requests: allTotal, Affected: all, Rule: ruleContract, RuleVersion: contractVersion,
	}, t)
	inc := e.edit()
	inc.Evidence.Code, inc.Evidence.HTTPStatus = p.Code, p.HTTPStatus
	inc.Evidence.Catalogue, inc.Evidence.Reason = p.Catalogue, string(p.Reason)
	inc.Evidence.FirstSeen = stamp(first)
	return true
}

// coded reports that the service's errors of the last hour carry codes: at least ten
// of them, and half of all.
func coded(rows []ContractMinute, t Minute) bool {
	var with, total uint64
	for _, r := range back(rows, contractMinute, t, 60) {
		with, total = with+r.Coded, total+r.Total
	}
	return with >= 10 && 2*with >= total
}

func (p *Contract) sentence(n, of uint64) string {
	switch p.Reason {
	case CodeMissing:
		return fmt.Sprintf("%s: %d of %d error responses carry no code (HTTP %d)", p.Service, n, of, p.HTTPStatus)
	case CodeUnknown:
		return fmt.Sprintf("%s: code %d is not in the catalogue (HTTP %d), %s", p.Service, p.Code, p.HTTPStatus,
			plural(n, "response"))
	}
	return fmt.Sprintf("%s: code %d came with HTTP %d instead of %d, %d of %d responses with that code",
		p.Service, p.Code, p.HTTPStatus, p.Catalogue, n, of)
}

func contractMinute(r *ContractMinute) Minute { return r.Minute }
