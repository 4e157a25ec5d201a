package aggregate

import "statline/classify"

// Version changes whenever the same responses make other rows, or the same rows in
// another order, as with a new dimension. It is part of a block's config hash.
const Version = 6

// Config says how much detail a Table keeps. Every field but Seed changes the rows and
// is part of a block's config hash.
type Config struct {
	// SlotSeconds is the length of a slot of a refusal mask: the rate limit's
	// window. Limited to [1, 60]; 0 is the default, 10.
	SlotSeconds int
	// Budget bounds the number of names in a block's rows.
	Budget Budget
	// SetSize bounds the client addresses and user agents of a failing key's
	// row. 0 is the default, 8.
	SetSize int
	// SampleSlots bounds the examples per (minute, service, failure); other
	// outcomes have one. 0 is the default, 3; at most 255.
	SampleSlots int
	// Seed changes only where rows are in memory: a caller that reads untrusted
	// addresses sets it to a random number, so that nobody can choose addresses that
	// collide.
	Seed uint64
}

// Budget is the number of distinct names of each dimension in one block: of
// services, of (service, route) pairs, of keys, of client addresses, of error
// types, of user agents; and of versions of a service in a minute. What is beyond goes
// to __other__ (classify.Other, classify.OtherKey, OtherClient);
// the most refused are kept, then the most requested, then the smallest name.
// 0 stands for the default.
type Budget struct{ Services, Routes, Keys, Clients, ErrorTypes, Agents, Versions int }

// OtherClient stands for all client addresses over the budget. It is a multicast
// address, which no client has.
var OtherClient = [16]byte(classify.OtherKey)

// keySetSize bounds the keys of a failing client's row.
const keySetSize = 32

// maxUserAgent, maxErrorType, maxVersion and maxSampleText bound the kept bytes of a
// user agent, of an error's name, of a version and of a sample's path, message and
// request id.
const (
	maxUserAgent  = 256
	maxErrorType  = 64
	maxVersion    = 64
	maxSampleText = 1024
)

// DefaultConfig is the daemon's configuration unless it has another.
func DefaultConfig() Config {
	return Config{
		SlotSeconds: 10,
		Budget: Budget{Services: 1000, Routes: 5000, Keys: 500_000, Clients: 500_000,
			ErrorTypes: 1000, Agents: 500, Versions: 10},
		SetSize:     8,
		SampleSlots: 3,
	}
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	or := func(v *int, fallback int) {
		if *v <= 0 {
			*v = fallback
		}
	}
	or(&c.SlotSeconds, d.SlotSeconds)
	or(&c.Budget.Services, d.Budget.Services)
	or(&c.Budget.Routes, d.Budget.Routes)
	or(&c.Budget.Keys, d.Budget.Keys)
	or(&c.Budget.Clients, d.Budget.Clients)
	or(&c.Budget.ErrorTypes, d.Budget.ErrorTypes)
	or(&c.Budget.Agents, d.Budget.Agents)
	or(&c.Budget.Versions, d.Budget.Versions)
	or(&c.SetSize, d.SetSize)
	or(&c.SampleSlots, d.SampleSlots)
	c.SlotSeconds = min(c.SlotSeconds, 60)
	c.SampleSlots = min(c.SampleSlots, 255)
	return c
}
