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
	for _, a := range alerts() {
		want := fmt.Sprintf("### %s\n`%s`, %s. %s\n\n%s\n", a.title, a.uid, a.severity, a.means, a.todo)
		if !strings.Contains(string(raw), want) {
			t.Errorf("README.md lacks:\n%s", want)
		}
	}
	boards, err := Boards(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boards {
		if !strings.Contains(string(raw), "generated/"+b.Name+".json") {
			t.Errorf("README.md does not name generated/%s.json", b.Name)
		}
	}
}
