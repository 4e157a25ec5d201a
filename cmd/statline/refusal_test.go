package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Promise: an error that stops a partition names an option of run, and a value
// that it takes.
func TestRefusalsNameOptions(t *testing.T) {
	files, err := filepath.Glob("../../ingest/block/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../../ingest/pipeline.go", "../../ingest/source/rights.go", "../../ingest/source/topic.go")
	advice := regexp.MustCompile(`\bset ([a-z]+(?:-[a-z]+)*)(?:=([a-z]+))?`)
	literal := regexp.MustCompile(`(?:Errorf|Sprintf|New)\("([^"]*)"`)
	named := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range literal.FindAllSubmatch(text, -1) {
			for _, a := range advice.FindAllSubmatch(l[1], -1) {
				name, value := string(a[1]), string(a[2])
				if name == "that" { // the epoch that the text gives
					continue
				}
				flag := runCommand().Flags().Lookup(name)
				if flag == nil {
					t.Errorf("%s: %q names the option %q, which run does not have", file, l[1], name)
					continue
				}
				named[name] = true
				if value == "" {
					continue
				}
				if err := flag.Value.Set(value); err != nil {
					t.Errorf("%s: %q: %v", file, l[1], err)
				}
			}
		}
	}
	for _, name := range []string{"takeover", "resume-at", "on-gap", "epoch", "allow-compacted"} {
		if !named[name] {
			t.Errorf("no error names %s", name)
		}
	}
}
