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
		Allow:    func(c *Client) allowed { return allowed{ClientEntity, c.IP} },
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
