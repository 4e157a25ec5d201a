package detect

import "statline/classify/distinct"

// ClientMinute is what the store knows of one client address in one minute.
type ClientMinute struct {
	Minute     Minute
	Requests   uint64 // of every outcome
	Success    uint64
	Invalid    uint64 // invalid_key
	AuthFailed uint64 // auth_failed: a login that failed
	// InvalidKeys identifies the keys that were refused as invalid (any
	// injective-enough 64-bit hash of their ids).
	InvalidKeys []uint64
	NotFound    uint64 // answered 404
	// Paths has seen the paths that were.
	Paths distinct.Bitmap
}

// Client is a client address.
type Client struct{ IP string }

// ClientLookback is how many minutes of rows the rules look back on.
const ClientLookback = day

// Clients are the rules about client addresses.
func Clients() *Family[Client, ClientMinute] {
	return &Family[Client, ClientMinute]{
		Type:     ClientEntity,
		Name:     func(c *Client) string { return c.IP },
		Minute:   clientMinute,
		Requests: func(r *ClientMinute) uint64 { return r.Requests },
		Lookback: ClientLookback,
		Rules:    []Rule[Client, ClientMinute]{keyScanning(), credentialStuffing(), pathScan()},
	}
}

func clientMinute(r *ClientMinute) Minute { return r.Minute }

// quietFor is how many minutes of silence close a client's incident.
func quietFor(e *Episode, fast, slow int) int {
	if e.inc.Evidence.WindowMinutes == 10 {
		return fast
	}
	return slow
}

// attempts is what a client tried in the last ten minutes (fast), or else in a day.
type attempts struct {
	kind              Kind
	rule              string
	version           uint32
	fast, slow        bool // over the thresholds of ten minutes, of a day
	count, threshold  float64
	minutes           int
	against, requests uint64
}

// attempted opens a client's incident, or brings the open one up to date. It returns
// nil when nothing is open, or a is no more than the incident says already.
func (e *Episode) attempted(cl *Client, t Minute, a attempts) *Incident {
	if !e.IsOpen() {
		if !a.fast && !a.slow {
			return nil
		}
		e.Begin(Incident{
			Kind: a.kind, Entity: cl.IP, EntityType: ClientEntity, Severity: Ticket,
			Requests: a.requests, Affected: a.against, Rule: a.rule, RuleVersion: a.version,
		}, t)
	}
	inc := e.edit()
	if a.fast && a.count < inc.Observed || !a.fast && inc.Evidence.WindowMinutes == 10 {
		return nil
	}
	inc.Observed, inc.Expected, inc.Score = a.count, 0, a.count/a.threshold
	inc.Evidence.window(a.minutes, a.requests, a.against)
	inc.Evidence.Share = float64(a.against) / float64(max(a.requests, 1))
	return inc
}
