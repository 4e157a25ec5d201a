package dashboards

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The page says of every alert what it means and what to do, in the rules' own
// words. A rule that changes fails here with the text to paste.
func TestReadmeHasTheRunbook(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range Alerts() {
		severity := a.Severity
		if severity == "" {
			severity = "page or ticket, as the incident is"
		}
		want := fmt.Sprintf("### %s\n`%s`, %s. %s\n\n%s\n", a.Title, a.UID, severity, a.Means, a.ToDo)
		if !strings.Contains(string(raw), want) {
			t.Errorf("README.md lacks:\n%s", want)
		}
	}
	for _, b := range Boards(UsualObjectives()) {
		if !strings.Contains(string(raw), "generated/"+b.Name+".json") {
			t.Errorf("README.md does not name generated/%s.json", b.Name)
		}
	}
}
