package console

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A page of one file holds the answer of every panel of its boards, and names no
// address but those of its own data.
func TestFileIsWhole(t *testing.T) {
	s := told()
	k, err := New(Config{Store: func() Store { return s }, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	to := time.Unix(1790000000, 0).Truncate(time.Minute)
	if err := k.WriteFile(t.Context(), &out, to.Add(-time.Hour), to); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	found := regexp.MustCompile(`<script type="application/json" id="stored">(.*)</script>`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("the page holds no data")
	}
	var all stored
	if err := json.Unmarshal([]byte(found[1]), &all); err != nil || len(all.Boards) < 8 {
		t.Fatalf("the data: got %v, %d boards", err, len(all.Boards))
	}
	for _, b := range all.Boards {
		for _, r := range b.Rows {
			for _, c := range r.Cells {
				if all.Answers["/api/panel/"+b.Name+"/"+c.Place] == nil {
					t.Errorf("%s: %q has no answer", b.Name, c.Title)
				}
			}
		}
	}
	if all.Answers["/api/deploys"] == nil {
		t.Error("the page does not know what was brought out")
	}
	if loads := regexp.MustCompile(`(src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1); len(loads) != 1 ||
		!strings.HasPrefix(loads[0][2], "data:") {
		t.Errorf("the page loads %.200v; want its icon alone, out of itself", loads)
	}
	for name, text := range must(readAssets()) {
		if strings.HasSuffix(name, ".js") && name != "vendor/uplot.js" &&
			!strings.Contains(page, `"statline/`+name+`":"data:`) {
			t.Errorf("%s of %d bytes is not in the page", name, len(text.plain))
		}
	}
}
