package main

import (
	"regexp"
	"strings"
	"testing"

	"statline/dashboards"
)

// Every command that a runbook names is one of ours.
func TestRunbooksNameCommands(t *testing.T) {
	named := 0
	for _, a := range dashboards.Alerts() {
		for _, m := range regexp.MustCompile(`statline ((?:audit|check|repair|rejects|replay|report|incidents|run|migrate|backtest)(?: [a-z]+)?)`).FindAllStringSubmatch(a.Means+" "+a.ToDo, -1) {
			words := strings.Fields(m[1])
			found, rest, err := rootCommand().Find(words)
			if err != nil || found.Name() == "statline" || len(rest) > 1 {
				t.Errorf("%s: statline %s: %v", a.UID, m[1], err)
			}
			if words[0] == "check" {
				t.Errorf("%s: statline check reads a configuration; the audit is statline audit", a.UID)
			}
			named++
		}
	}
	if named < 4 {
		t.Errorf("found %d commands; the search is broken", named)
	}
}
