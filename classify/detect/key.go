package detect

// KeyMinute is what the store knows of one key in one minute, over all
// services. Rows without any refusal are only needed for keys under suspicion. It
// is small (48 bytes): a suspect key has one for each minute of an hour or, when
// it is dead, of a week.
type KeyMinute struct {
	Minute      Minute
	Requests    uint32 // of every outcome
	Success     uint32
	RateLimited uint32
	Dead        uint32 // suspended_key and disabled_account
	Invalid     uint32 // invalid_key
	Slots       uint64 // bit i: refused by the limit in the i-th slot of the minute
	Limit       uint32 // the limit and the highest count that code 25's message named
	Highest     uint32
	DeadCode    uint16 // code of the dead refusals, the highest of them
	SlotSeconds uint8  // length of a slot; 0 counts as 10
}

// Key is what the detectors know of one key: the rows that they look back on.
type Key struct {
	ID      string
	Service string // "" when the key uses several
	Rows    []KeyMinute
}

// KeyState is the state of the rules of one key at one minute. It is the zero
// value until an incident begins: of the keys that are ever refused, most need
// none.
type KeyState struct {
	Rate, Dead, Invalid Episode
}

// KeyWindow is how many minutes of rows Step looks back on.
const KeyWindow = 7 * day

// Idle reports whether nothing about the key is open.
func (s *KeyState) Idle() bool { return !s.Rate.IsOpen() && !s.Dead.IsOpen() && !s.Invalid.IsOpen() }

// Open appends the incidents that are open in s.
func (s *KeyState) Open(list []Incident) []Incident {
	for _, e := range []*Episode{&s.Rate, &s.Dead, &s.Invalid} {
		if e.IsOpen() {
			list = append(list, *e.inc)
		}
	}
	return list
}

// Step folds minute t into s. rows are the key's rows up to and including
// minute t, sorted. It appends what it closed to closed. A minute without a row
// needs a step only while something is open.
func (c *Config) Step(k *Key, s *KeyState, rows []KeyMinute, t Minute, closed []Incident) []Incident {
	if c.allowed(KeyEntity, k.ID) {
		return closed
	}
	closed = c.Rate.step(k, &s.Rate, rows, t, c.rateOf(k.ID), closed)
	closed = c.DeadKey.step(k, &s.Dead, rows, t, closed)
	return c.InvalidKey.step(k, &s.Invalid, rows, t, closed)
}

// now returns the row of minute t, an empty one when there is none.
func now(rows []KeyMinute, t Minute) KeyMinute {
	if n := len(rows); n > 0 && rows[n-1].Minute == t {
		return rows[n-1]
	}
	return KeyMinute{Minute: t}
}

// back returns the rows of the w minutes that end with t.
func back[R any](rows []R, minute func(*R) Minute, t Minute, w int) []R {
	i := len(rows)
	for i > 0 && minute(&rows[i-1]) > t-Minute(w) {
		i--
	}
	return rows[i:]
}

func keyMinute(r *KeyMinute) Minute { return r.Minute }
