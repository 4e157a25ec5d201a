package classify

import (
	"math/bits"
	"strings"
)

// Group is a set of outcomes. Code that needs several outcomes uses a group of this
// file, in Go (Has) and in SQL (SQL), so that both mean the same.
type Group uint32

// The groups that figures, detectors and alerts ask for.
const (
	// ServerSide is a failure that is not the caller's fault: it counts against a
	// service's availability.
	ServerSide Group = 1<<Timeout | 1<<Offline | 1<<InternalError | 1<<ServerError
	// Failed is everything but success and redirect.
	Failed = everything &^ (1<<Success | 1<<Redirect)
	// Limited is a key refused for its rate.
	Limited Group = 1 << RateLimited
	// DeadKey is a key that used to work and will not work again as it is.
	DeadKey Group = 1<<SuspendedKey | 1<<DisabledAccount
	// UnusableKey is a key that has not worked yet: unknown, or of an account whose
	// address was never confirmed.
	UnusableKey Group = 1<<InvalidKey | 1<<UnverifiedAccount
	// KeyTrouble is every refusal because of the key.
	KeyTrouble = Limited | DeadKey | UnusableKey
	// LoginFailed is a login, session or token that was refused.
	LoginFailed Group = 1 << AuthFailed
	// Refused is every refusal of who the caller is or how often it asks.
	Refused = KeyTrouble | LoginFailed | 1<<AccessDenied

	everything Group = 1<<outcomeCount - 1<<Success
)

// GroupOf is the group of the outcomes given.
func GroupOf(outcomes ...Outcome) Group {
	var g Group
	for _, o := range outcomes {
		g |= 1 << o
	}
	return g
}

// Has reports that o belongs to g.
func (g Group) Has(o Outcome) bool { return g>>o&1 != 0 }

// HasName reports whether the outcome stored under name belongs to g; an
// unknown name belongs to none.
func (g Group) HasName(name string) bool {
	o, ok := ParseOutcome(name)
	return ok && g.Has(o)
}

// Outcomes lists the members, in the order of their numbers.
func (g Group) Outcomes() []Outcome {
	list := make([]Outcome, 0, bits.OnesCount32(uint32(g)))
	for o := Success; o < outcomeCount; o++ {
		if g.Has(o) {
			list = append(list, o)
		}
	}
	return list
}

// SQL is the condition that selects the members, on a column of stored names. It lists
// the members or the rest, whichever are fewer.
func (g Group) SQL(column string) string {
	members, rest := g.Outcomes(), (everything &^ g).Outcomes()
	switch {
	case len(members) == 0:
		return "0"
	case len(rest) == 0:
		return "1"
	case len(members) == 1:
		return column + " = '" + members[0].String() + "'"
	case len(rest) < len(members):
		return column + " NOT IN (" + quoted(rest) + ")"
	}
	return column + " IN (" + quoted(members) + ")"
}

// quoted lists names in SQL; they are plain words.
func quoted(outcomes []Outcome) string {
	var b strings.Builder
	for i, o := range outcomes {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("'" + o.String() + "'")
	}
	return b.String()
}
