package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// testTree is a root with one command whose flags can be looked at.
func testTree() (root, sub *cobra.Command, brokers *[]string, topic *string, budget *bytesValue) {
	root = &cobra.Command{Use: "root", SilenceErrors: true, SilenceUsage: true}
	root.PersistentFlags().String("config", "", "")
	brokers, topic, budget = new([]string), new(string), new(bytesValue)
	sub = &cobra.Command{Use: "sub", RunE: func(*cobra.Command, []string) error { return nil }}
	sub.Flags().StringSliceVar(brokers, "brokers", nil, "")
	sub.Flags().StringVar(topic, "topic", "access", "")
	sub.Flags().Var(budget, "memory-budget", "")
	root.AddCommand(sub)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return applyConfig(root, cmd) }
	return root, sub, brokers, topic, budget
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "statline.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A flag beats the environment, the environment beats the file, the file beats
// the default.
func TestConfigPrecedence(t *testing.T) {
	path := configFile(t, "brokers: [a:1, b:2]\ntopic: from-file\nmemory_budget: 64MiB\n")
	t.Setenv("STATLINE_TOPIC", "from-env")
	root, _, brokers, topic, budget := testTree()
	root.SetArgs([]string{"sub", "--config", path, "--memory-budget", "1GiB"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(*brokers, " "); got != "a:1 b:2" {
		t.Errorf("brokers: got %q; want the file's", got)
	}
	if *topic != "from-env" {
		t.Errorf("topic: got %q; want the environment's", *topic)
	}
	if *budget != 1<<30 {
		t.Errorf("memory-budget: got %d; want the flag's", *budget)
	}
}

// A bad config names the key, the value and what is accepted.
func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"brokrs: a:1\n", `unknown key "brokrs"; did you mean "brokers"?`},
		{"nothing-like-it-at-all: 1\n", "known keys: brokers"},
		{"memory-budget: much\n", `memory-budget: got "much"`},
		{"topic: [\n", "config "},
		{"memory-budget: 1MiB\nmemory_budget: 2MiB\n", `got both "memory_budget" and "memory-budget"`},
	} {
		root, _, _, _, _ := testTree()
		root.SetArgs([]string{"sub", "--config", configFile(t, c.text)})
		if err := root.Execute(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v; want an error with %q", c.text, err, c.want)
		}
	}
	root, _, _, _, _ := testTree()
	root.SetArgs([]string{"sub", "--config", "/does/not/exist.yaml"})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "/does/not/exist.yaml") {
		t.Errorf("missing file: got %v", err)
	}
}
