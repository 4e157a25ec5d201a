package config

import (
	"bufio"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Reference writes the page that describes every setting.
func Reference(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `# Settings

<!-- made by go generate ./ingest/config from the same descriptions as the flags: do not edit -->

Each setting can be a flag (`+"`--topic access`"+`), a variable (`+"`STATLINE_TOPIC=access`"+`) or a key of a YAML file
(`+"`topic: access`"+`) that `+"`--config FILE`"+` or `+"`STATLINE_CONFIG`"+` names. A flag beats the environment, the
environment beats the file. In the file a key may be written with `+"`_`"+` for `+"`-`"+`. An empty variable counts as not
set, except where an empty value means something.

An unknown key or variable is an error that names the nearest known one. `+"`statline config example`"+` prints a
file with every key, `+"`statline config show`"+` the values in force and where each came from, with secrets masked, and
`+"`statline check`"+` tries them. Flags that shape the output of one command, such as `+"`--json`"+` or `+"`--since`"+`, are
not settings.

*reload*: a running daemon takes a new value on SIGHUP or `+"`POST /-/reload`"+`.
*no flag*: set it in the file or the environment, because every user of a machine can read command lines.
`)
	for _, set := range Sets() {
		fmt.Fprintf(out,
			"\n## %s\n\n| key | variable | value | default | what it does | |\n|---|---|---|---|---|---|\n",
			titles[set])
		options(out, set)
	}
	fmt.Fprint(out, "\n## Sections of the file\n\nThey have no flag and no variable.\n")
	for _, o := range Options() {
		if !o.Section() {
			continue
		}
		fmt.Fprintf(out, "\n### %s\n\n%s%s\n\n| key | default | what it does |\n|---|---|---|\n", o.Name,
			strings.ToUpper(o.Help[:1]), o.Help[1:]+".")
		rows(out, o.Name, reflect.ValueOf(o.section).Elem())
	}
	fmt.Fprint(out, "\n## Settings of each command\n\n| command | settings |\n|---|---|\n")
	for _, c := range Commands() {
		var all []string
		for _, set := range uses[c].sets {
			all = append(all, titles[set])
		}
		fmt.Fprintf(out, "| `%s` | %s |\n", c, strings.Join(all, ", "))
	}
	return out.Flush()
}

// options lists those of a set.
func options(out io.Writer, set Set) {
	for _, o := range Options() {
		if o.Set != set || o.Section() {
			continue
		}
		fmt.Fprintf(out, "| `%s` | `%s` | %s | %s | %s | %s |\n", o.Name, o.Env(), cell(o.Kind()), code(o.Default("")),
			cell(o.Help), o.notes())
	}
}

// titles head the tables of the reference.
var titles = map[Set]string{
	SetTopic: "Topic", SetKafka: "Access to Kafka", SetGroup: "Consumer group", SetClickHouse: "Database",
	SetServer: "Access to ClickHouse",
	SetLines:  "Log lines", SetCatalogue: "Status codes", SetHMAC: "API keys", SetLabels: "Customers",
	SetLimits: "Rate limits",
	SetDetect: "Detectors",
	SetNotify: "Notifications", SetRetention: "Retention", SetDaemon: "The daemon", SetTLS: "TLS of the listener", SetConsole: "Console",
	SetLog:  "Log",
	SetData: "Data directory", SetEngine: "Engine",
}

func (o Option) notes() string {
	var all []string
	if o.Reload {
		all = append(all, "reload")
	}
	if o.NoFlag {
		all = append(all, "no flag")
	}
	if o.Secret() {
		all = append(all, "secret, masked")
	}
	return strings.Join(all, "; ")
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// rows lists the keys of a section.
func rows(out io.Writer, path string, v reflect.Value) {
	elem := below(v.Type())
	if elem.Kind() != reflect.Struct {
		return
	}
	if v.Kind() != reflect.Struct {
		v = reflect.Zero(elem)
		path += "[]"
	}
	for _, k := range keysOf(v) {
		if k.name == "mute" {
			continue
		}
		name := path + "." + k.name
		text := ""
		if k.value.Kind() != reflect.Struct && !k.value.IsZero() && below(k.value.Type()).Kind() != reflect.Struct {
			text = inline(tree(k.value))
		}
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, code(text), cell(k.help))
		if _, ok := k.value.Interface().(shortened); !ok {
			rows(out, name, k.value)
		}
	}
}
