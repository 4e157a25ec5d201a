package console

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wordsOf are the texts of a language, and the names in braces of each.
func wordsOf(t *testing.T, language string) map[string][]string {
	t.Helper()
	text, err := embedded.ReadFile("assets/words/" + language + ".js")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^  (\w+): (.*),$`).FindAllStringSubmatch(string(text), -1) {
		if all[m[1]] != nil {
			t.Errorf("%s: %s stands there twice", language, m[1])
		}
		names := regexp.MustCompile(`\{\w+\}`).FindAllString(m[2], -1)
		slices.Sort(names)
		all[m[1]] = append(slices.Compact(names), "")
	}
	return all
}

// madeWords begin names of texts that are put together where they are used.
var madeWords = []string{"kind", "span", "did", "muteFor"}

// Every text of the interface stands in every language with the same names, is used,
// and the program uses none that there is not.
func TestWords(t *testing.T) {
	english := wordsOf(t, "en")
	if len(english) < 80 {
		t.Fatalf("found %d texts; the search is broken", len(english))
	}
	romanian := wordsOf(t, "ro")
	for name := range maps.Keys(romanian) {
		if english[name] == nil {
			t.Errorf("ro: %s is no text of the interface", name)
		}
	}
	var program strings.Builder
	for name, file := range must(readAssets()) {
		if strings.HasSuffix(name, ".js") && !strings.Contains(name, "/") {
			program.Write(file.plain)
		}
	}
	for name, values := range english {
		if !slices.Equal(romanian[name], values) {
			t.Errorf("%s: English has the names %q, Romanian %q", name, values, romanian[name])
		}
		made := slices.ContainsFunc(madeWords, func(of string) bool { return strings.HasPrefix(name, of) })
		if !made && !regexp.MustCompile(`["']`+name+`["']`).MatchString(program.String()) {
			t.Errorf("%s is used nowhere", name)
		}
	}
	for _, m := range regexp.MustCompile(`\bw\("(\w+)"`).FindAllStringSubmatch(program.String(), -1) {
		if english[m[1]] == nil && !slices.Contains(madeWords, m[1]) {
			t.Errorf("the program says %s, which is no text", m[1])
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
