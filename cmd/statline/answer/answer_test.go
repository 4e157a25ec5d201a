package answer_test

import (
	"strings"
	"testing"
	"time"

	"statline/cmd/statline/answer"
)

type part struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}

type row struct {
	part
	At    time.Time  `json:"at"`
	Until *time.Time `json:"until"`
	Share float64    `json:"share"`
	Open  bool       `json:"open"`
	Parts []part     `json:"parts"`
}

// Every form of one row: text is quoted, null is nothing, a list that is nil is
// empty, also deep within.
func TestForms(t *testing.T) {
	list := []row{{part: part{Name: "a|b \"c\"\nd"}, At: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Share: 0.25,
		Open:  true,
		Parts: []part{{Name: "x"}}}}
	for form, want := range map[answer.Form]string{
		answer.Lines: `{"name":"a|b \"c\"\nd","tags":[],"at":"2026-01-02T03:04:05.006Z","until":null,"share":0.25,"open":true,` +
			`"parts":[{"name":"x","tags":[]}]}` + "\n",
		answer.CSV: `"name","tags","at","until","share","open","parts"` + "\n" +
			`"a|b ""c""` + "\n" + `d","[]","2026-01-02 03:04:05.006",,0.25,true,"[{""name"":""x"",""tags"":[]}]"` +
			"\n",
		answer.Markdown: "| name | tags | at | until | share | open | parts |\n|---|---|---|---|---|---|---|\n" +
			`| a\|b "c"<br>d | [] | 2026-01-02 03:04:05.006 |  | 0.25 | true | [{"name":"x","tags":[]}] |` + "\n",
	} {
		var b strings.Builder
		if err := answer.List[row]("rows").Write(&b, form, "", nil, list); err != nil || b.String() != want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", form, err, b.String(), want)
		}
	}
	var b strings.Builder
	if err := answer.List[row]("rows").Write(&b, answer.JSON, "", nil, []row(nil)); err != nil ||
		b.String() != "{\n  \"schema\": 1,\n  \"rows\": []\n}\n" {
		t.Errorf("no rows: got %v %q", err, b.String())
	}
	if list[0].Tags != nil {
		t.Error("what was printed was changed")
	}
}

// A command cannot print another type than the one it describes.
func TestWrongType(t *testing.T) {
	s := answer.Of[row](answer.RowsOf[part]("part"))
	if err := s.Write(&strings.Builder{}, answer.JSON, "", part{}, []part{}); err == nil {
		t.Error("another object was written")
	}
	if err := s.Write(&strings.Builder{}, answer.CSV, "", row{}, []row{}); err == nil {
		t.Error("other rows were written")
	}
	if err := s.Write(&strings.Builder{}, answer.CSV, "whole", row{}, []part{}); err == nil {
		t.Error("an unknown list was written")
	}
}
