package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
)

// configKey is the option that names the file; it cannot be in the file.
const configKey = "config"

// Foreign lists variables with our prefix that others read, with who does.
func Foreign() map[string]string {
	return map[string]string{
		"STATLINE_PORT":            "docker-compose.yml",
		"STATLINE_VERSION":         "docker-compose.yml",
		"STATLINE_ALERT_WEBHOOK":   "docker-compose.yml and Grafana",
		"STATLINE_CRASH_AT":        "a binary built with the tag chaos",
		"STATLINE_CHAOS_NO_TOKENS": "a binary built with the tag chaos",
		"STATLINE_PANEL_LIMIT":     "make panel-times",
		"STATLINE_PANEL_TIMES":     "make panel-times",
		"STATLINE_PAGES":           "make pictures",
	}
}

// links are the variables that Kubernetes and Docker give every container for
// each service of the namespace: a service called statline or statline-web
// makes names that begin like ours.
var links = regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)

// ourTests matches the variables of this tree's tests.
var ourTests = regexp.MustCompile(`^STATLINE_(TEST|BENCH)_`)

// readEnvironment reads the variables that name an option. Any other variable with our
// prefix is an error: otherwise it would have no effect, unnoticed.
func readEnvironment(environ []string) (*koanf.Koanf, error) {
	known := []string{prefix + "CONFIG"}
	for _, o := range Options() {
		if o.Env() != "" {
			known = append(known, o.Env())
			if o.Was != "" {
				known = append(known, variable(o.Was))
			}
		}
	}
	slices.Sort(known)
	var bad error
	given := map[string]string{}
	k := koanf.New(delimiter)
	err := k.Load(env.Provider(delimiter, env.Opt{
		Prefix:      prefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if !slices.Contains(known, name) {
				if bad == nil && !foreign(name, value) {
					bad = fmt.Errorf("environment %s: %w; %s", name, errUnknown, nearestVariable(name, known))
				}
				return "", nil
			}
			option := today(strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "_", "-")))
			if other, ok := given[option]; ok && other != name && bad == nil {
				bad = fmt.Errorf("environment: got both %s and %s; want one of them", min(name, other),
					max(name, other))
			}
			given[option] = name
			return option, value
		},
	}), nil)
	if err != nil {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	return k, bad
}

func foreign(name, value string) bool {
	_, ok := Foreign()[name]
	linked := strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
	return ok || linked || links.MatchString(name) || ourTests.MatchString(name)
}

func nearestVariable(name string, known []string) string {
	key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "_", "-"))
	if o, ok := find(key); ok && o.Section() {
		return key + " is a section of the config file"
	}
	return Nearest(name, known)
}
