package main

import (
	"testing"

	"statline/ingest/config"
)

// Promise: a filter or a time has the same flag on every command that has it: none of
// these names is a setting's.
func TestFilterNamesAreAlike(t *testing.T) {
	filters := 0
	for path, c := range commands(rootCommand()) {
		for _, name := range []string{byService, byRoute, byOutcome, byKey, byCode, "since", "from", "to", "compare"} {
			f := c.Flags().Lookup(name)
			if f == nil || f.Deprecated != "" { // a setting's name of before
				continue
			}
			filters++
			// Where the daemon starts in a topic is called from, too.
			if setting, ok := f.Value.(*flagValue); ok && setting.option.Set != config.SetDaemon {
				t.Errorf("%s: --%s is a setting; want the filter", path, name)
			}
		}
	}
	if filters < 40 {
		t.Errorf("found %d flags; the test looks wrongly", filters)
	}
}
