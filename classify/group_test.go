package classify

import (
	"slices"
	"testing"
)

// The conditions that stored queries are written with.
func TestGroupSQL(t *testing.T) {
	for want, g := range map[string]Group{
		"o IN ('timeout', 'offline', 'internal_error', 'server_error')": ServerSide,
		"o NOT IN ('success', 'redirect')":                              Failed,
		"o = 'rate_limited'":                                            Limited,
		"o IN ('suspended_key', 'disabled_account')":                    DeadKey,
		"o IN ('invalid_key', 'unverified_account')":                    UnusableKey,
		"o IN ('rate_limited', 'suspended_key', 'disabled_account', 'invalid_key', 'unverified_account')": KeyTrouble,
		"o = 'auth_failed'":                       LoginFailed,
		"o IN ('internal_error', 'server_error')": GroupOf(ServerError, InternalError),
		"0": 0,
		"1": GroupOf(Outcomes()...),
	} {
		if got := g.SQL("o"); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}

// Has, HasName and Outcomes agree for every outcome of every group, and no
// group holds Unset.
func TestGroupMembers(t *testing.T) {
	for _, g := range []Group{ServerSide, Failed, Limited, DeadKey, UnusableKey, KeyTrouble, LoginFailed, Refused} {
		members := g.Outcomes()
		if len(members) == 0 || g.Has(Unset) || g.HasName("") || g.HasName("no such outcome") {
			t.Errorf("group %b is empty or holds what is no outcome", g)
		}
		if GroupOf(members...) != g {
			t.Errorf("GroupOf(%v) is not the group", members)
		}
		for _, o := range Outcomes() {
			if in := slices.Contains(members, o); g.Has(o) != in || g.HasName(o.String()) != in {
				t.Errorf("%s: got %t and %t; want %t", o, g.Has(o), g.HasName(o.String()), in)
			}
		}
	}
}
