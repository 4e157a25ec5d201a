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

// Key is an API key.
type Key struct {
	ID      string
	Service string // "" when the key uses several
}

// KeyLookback is how many minutes of rows the rules look back on.
const KeyLookback = 7 * day

// Keys are the rules about keys.
func Keys() *Family[Key, KeyMinute] {
	return &Family[Key, KeyMinute]{
		Type:     KeyEntity,
		Name:     func(k *Key) string { return k.ID },
		Minute:   keyMinute,
		Requests: func(r *KeyMinute) uint64 { return uint64(r.Requests) },
		Lookback: KeyLookback,
		Rules:    []Rule[Key, KeyMinute]{rateLimit(), deadKey(), invalidKey()},
	}
}

func keyMinute(r *KeyMinute) Minute { return r.Minute }

// Suspect reports, by its rows, that a success of a key matters: it was refused as
// dead, or often enough as invalid.
func (c *Config) Suspect(rows []KeyMinute) bool {
	minutes, refused := 0, uint64(0)
	for i := range rows {
		r := &rows[i]
		if r.Dead > 0 {
			return true
		}
		if r.Invalid > 0 {
			minutes, refused = minutes+1, refused+uint64(r.Invalid)
		}
	}
	return minutes >= c.InvalidKey.MinMinutes || refused >= c.InvalidKey.MinCount
}
