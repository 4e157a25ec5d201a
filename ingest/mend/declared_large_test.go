//go:build chaos

package mend

import "testing"

// Promise: that of TestLongDeclaredUnderOtherRules, for a block that was killed after
// the first of several INSERTs into a table.
func TestKillBetweenInserts(t *testing.T) { declaredUnderOtherRules(t, 52_000) }
