package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"statline/ingest/config"
)

// commands lists every command below root that can be run, by its path.
func commands(root *cobra.Command) map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Runnable() {
			all[strings.TrimPrefix(c.CommandPath(), "statline ")] = c
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	return all
}

// Each command has exactly the flags of the settings that it takes, as they
// are described.
func TestFlagsOfCommands(t *testing.T) {
	all := commands(rootCommand())
	for _, path := range config.Commands() {
		c := all[path]
		if c == nil {
			t.Errorf("settings are described for %q, which is no command", path)
			continue
		}
		for _, o := range config.Of(path) {
			f := c.Flags().Lookup(o.Name)
			if hidden := o.NoFlag || o.Section(); hidden != (f == nil) {
				t.Errorf("%s --%s: has the flag: %t; want %t", path, o.Name, f != nil, !hidden)
			} else if f != nil && f.Usage != o.Help {
				t.Errorf("%s --%s: got another help than the setting's: %q", path, o.Name, f.Usage)
			}
		}
	}
}

// page is a text that names variables.
type page struct{ name, text string }

// documents are what users read: help, pages, examples.
func documents(t *testing.T) []page {
	t.Helper()
	var all []page
	for path, c := range commands(rootCommand()) {
		var help bytes.Buffer
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		all = append(all, page{path + " --help", help.String()})
	}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && (name == "node_modules" || name == ".git" || name == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".md"), name == ".env.example", name == "docker-compose.yml", name == "Dockerfile":
			text, err := os.ReadFile(path)
			all = append(all, page{path, string(text)})
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Promise: a variable that help, a page or an example names is read by
// somebody: an option of ours, or who is known to read it.
func TestDocumentedVariablesAreRead(t *testing.T) {
	known := []string{"STATLINE_CONFIG"}
	for _, o := range config.Options() {
		known = append(known, o.Env())
	}
	seen := map[string]bool{}
	for _, p := range documents(t) {
		for _, name := range regexp.MustCompile(`STATLINE_[A-Z0-9_]*[A-Z0-9]`).FindAllString(p.text, -1) {
			seen[name] = true
			if _, ok := config.Foreign()[name]; !ok && !slices.Contains(known, name) {
				t.Errorf("%s names %s, which nobody reads", p.name, name)
			}
		}
	}
	for _, name := range known {
		if name != "" && !seen[name] {
			t.Errorf("no page names %s", name)
		}
	}
	compose, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, reader := range config.Foreign() {
		if strings.HasPrefix(reader, "docker-compose.yml") && !bytes.Contains(compose, []byte("${"+name)) {
			t.Errorf("docker-compose.yml does not read %s", name)
		}
	}
}

// failed is the error of a command line.
func failed(args ...string) string {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(&bytes.Buffer{})
	if err := root.Execute(); err != nil {
		return err.Error()
	}
	return ""
}

// What is misspelt is named with the nearest known name; what says only what
// one command prints is no setting.
func TestMisspelt(t *testing.T) {
	if got := failed("run", "--brokrs", "a:1"); !strings.Contains(got, `did you mean "--brokers"?`) {
		t.Errorf("flag: got %q", got)
	}
	if got := failed("run", "--memory-budget", "much"); !strings.Contains(got,
		`got "much"; want a number of bytes such as 256MiB`) {
		t.Errorf("value: got %q", got)
	}
	t.Setenv("STATLINE_JSON", "true")
	if got := failed("report", "--clickhouse", "http://127.0.0.1:1"); !strings.Contains(got, "environment STATLINE_JSON: unknown") {
		t.Errorf("argument in the environment: got %q", got)
	}
}
