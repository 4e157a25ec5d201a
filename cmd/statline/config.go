package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sections are the structured parts of a config file that no single flag can
// carry; their owners parse them.
var sections = []string{"routes", "mapping", "detect"}

// applyConfig fills every flag of cmd that was not given on the command line
// from the environment and, below it, from the config file. A key that no
// command knows is an error that names it and the nearest known ones.
func applyConfig(root, cmd *cobra.Command) error {
	k, path, err := loadConfig(root, cmd)
	if err != nil {
		return err
	}
	var bad error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if bad != nil || f.Changed || f.Name == "config" || f.Name == "help" || !k.Exists(f.Name) {
			return
		}
		value := k.String(f.Name)
		if list := k.Strings(f.Name); len(list) > 0 {
			value = strings.Join(list, ",")
		}
		if err := f.Value.Set(value); err != nil {
			where := "environment " + envName(f.Name)
			if _, ok := os.LookupEnv(envName(f.Name)); !ok {
				where = "config " + path
			}
			bad = fmt.Errorf("%s: %s: %w", where, f.Name, err)
			return
		}
		f.Changed = true // required flags count as given
	})
	return bad
}

// loadConfig layers the environment over the config file.
func loadConfig(root, cmd *cobra.Command) (*koanf.Koanf, string, error) {
	k := koanf.New("\x00") // flat: keys are flag names
	path := configPath(cmd)
	if path != "" {
		if err := k.Load(file.Provider(path), yamlParser{}); err != nil {
			return nil, path, fmt.Errorf("config %s: %w", path, err)
		}
		known := append(flagNames(root), sections...)
		for _, key := range k.Keys() {
			key, _, _ = strings.Cut(key, "\x00")
			if !slices.Contains(known, key) {
				return nil, path, fmt.Errorf("config %s: unknown key %q; %s", path, key, nearest(key, known))
			}
		}
	}
	err := k.Load(env.Provider("\x00", env.Opt{
		Prefix: "STATLINE_",
		TransformFunc: func(name, value string) (string, any) {
			return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "STATLINE_"), "_", "-")), value
		},
	}), nil)
	if err != nil {
		return nil, path, fmt.Errorf("read the environment: %w", err)
	}
	return k, path, nil
}

// configPath is the config file that was named, "" when none was.
func configPath(cmd *cobra.Command) string {
	if path, err := cmd.Flags().GetString("config"); err == nil && path != "" {
		return path
	}
	return os.Getenv(envName("config"))
}

// configSection reads a structured section of the config file into dest, which
// stays as it is when the file has none. Unknown keys are errors.
func configSection(path, name string, dest any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	sections := map[string]any{}
	if err := yaml.Unmarshal(b, &sections); err != nil {
		return fmt.Errorf("config %s: %w", path, err)
	}
	section, ok := sections[name]
	if !ok {
		return nil
	}
	decoder, err := sectionDecoder(dest)
	if err != nil {
		return fmt.Errorf("config %s: %s: %w", path, name, err)
	}
	if err := decoder.Decode(section); err != nil {
		return fmt.Errorf("config %s: %s: %w", path, name, err)
	}
	return nil
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "STATLINE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagNames lists the flags of every command, sorted.
func flagNames(root *cobra.Command) []string {
	var names []string
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	slices.Sort(names)
	return slices.Compact(names)
}

// nearest suggests the known name that looks like name, or lists them all.
func nearest(name string, known []string) string {
	best, distance := "", 1<<30
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if distance <= 1+len(name)/3 {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known keys: " + strings.Join(known, " ")
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(row[j]+1, row[j-1]+1, cost)
		}
	}
	return row[len(b)]
}

// yamlParser reads a config file for koanf.
type yamlParser struct{}

// Unmarshal takes key_labels for key-labels: YAML is often written so.
func (yamlParser) Unmarshal(b []byte) (map[string]any, error) {
	m := map[string]any{}
	if err := yaml.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	for key, value := range m {
		dashed := strings.ReplaceAll(key, "_", "-")
		if dashed == key {
			continue
		}
		if _, ok := m[dashed]; ok {
			return nil, fmt.Errorf("got both %q and %q; want one of them", key, dashed)
		}
		delete(m, key)
		m[dashed] = value
	}
	return m, nil
}

func (yamlParser) Marshal(m map[string]any) ([]byte, error) { return yaml.Marshal(m) }
