package detect

// ClientMinute is what the store knows of one client address in one minute.
type ClientMinute struct {
	Minute     Minute
	Requests   uint64 // of every outcome
	Success    uint64
	Invalid    uint64 // invalid_key
	AuthFailed uint64 // codes 14, 26 and 30: a login that failed
	// InvalidKeys identifies the keys that were refused as invalid (any
	// injective-enough 64-bit hash of their ids).
	InvalidKeys []uint64
}

// Client is what the detectors know of one client address.
type Client struct {
	IP      string
	Rows    []ClientMinute
	Settled ClientState
}

// ClientState is the state of the rules of one client at one minute.
type ClientState struct {
	Scan, Stuffing Episode
}

// ClientWindow is how many minutes of rows StepClient looks back on.
const ClientWindow = day

// Idle reports whether nothing about the client is open.
func (s *ClientState) Idle() bool { return !s.Scan.IsOpen() && !s.Stuffing.IsOpen() }

// Open appends the incidents that are open in s.
func (s *ClientState) Open(list []Incident) []Incident {
	for _, e := range []*Episode{&s.Scan, &s.Stuffing} {
		if e.IsOpen() {
			list = append(list, *e.inc)
		}
	}
	return list
}

// StepClient folds minute t into s, like Step does for keys.
func (c *Config) StepClient(cl *Client, s *ClientState, rows []ClientMinute, t Minute, closed []Incident) []Incident {
	if c.allowed(ClientEntity, cl.IP) {
		return closed
	}
	closed = c.KeyScanning.step(cl, &s.Scan, rows, t, closed)
	return c.Stuffing.step(cl, &s.Stuffing, rows, t, closed)
}

func clientNow(rows []ClientMinute, t Minute) ClientMinute {
	if n := len(rows); n > 0 && rows[n-1].Minute == t {
		return rows[n-1]
	}
	return ClientMinute{Minute: t}
}

func clientMinute(r *ClientMinute) Minute { return r.Minute }

// quietFor is how many minutes of silence close a client's incident.
func quietFor(e *Episode, fast, slow int) int {
	if e.inc.Evidence.WindowMinutes == 10 {
		return fast
	}
	return slow
}
