package report

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"statline/classify"
	"statline/dashboards/query"
)

// Resolve replaces the beginning of a key, or the customer that it is called after,
// by the one key that is meant, and refuses a service, a route or a key that is
// not stored: a report about a mistyped name
// would say that all is well. nearest suggests one of the known names.
func (f Filter) Resolve(ctx context.Context, s Store, nearest func(name string, known []string) string) (Filter,
	error) {
	if f.Service != "" {
		known, err := Services(ctx, s)
		if err != nil {
			return f, err
		}
		if !slices.Contains(known, f.Service) {
			return f, unknown("service: got %q, of which nothing is stored; %s", f.Service, nearest(f.Service, known))
		}
	}
	if f.Route != "" {
		known, err := Routes(ctx, s)
		if err != nil {
			return f, err
		}
		if !slices.Contains(known, f.Route) {
			return f, unknown("route: got %q, of which nothing is stored; %s", f.Route,
				nearest(f.Route, known[:min(len(known), 2000)]))
		}
	}
	if _, ok := classify.ParseOutcome(f.Outcome); f.Outcome != "" && !ok {
		return f, unknown("outcome: got %q; %s", f.Outcome, nearest(f.Outcome, outcomes()))
	}
	if _, err := strconv.ParseUint(f.Code, 10, 16); f.Code != "" && err != nil {
		return f, unknown("code: got %q; want a number of the catalogue, or 0 for responses without one", f.Code)
	}
	if f.Key == "" {
		return f, nil
	}
	keys, err := Collect(ctx, s, "the keys", query.KeysLike(), query.Params{Keys: []string{f.Key}}, scanNamedKey)
	switch {
	case err != nil:
		return f, err
	case len(keys) == 0:
		return f,
			unknown("key: got %q, and no stored key begins so or is called so; statline key-id turns a key into its id",
				f.Key)
	case len(keys) > 1:
		var list []string
		for _, k := range keys {
			list = append(list, strings.TrimSpace(k.ID+" "+k.Name))
		}
		return f, unknown("key: got %q, which several keys begin with or are called: %s; give more of the id", f.Key,
			strings.Join(list, ", "))
	}
	f.Key = keys[0].ID
	return f, nil
}

// UnknownError is the error of a name that is not stored.
type UnknownError string

func (e UnknownError) Error() string { return string(e) }

func unknown(format string, args ...any) error { return UnknownError(fmt.Sprintf(format, args...)) }

func outcomes() []string {
	var names []string
	for _, o := range classify.Outcomes() {
		names = append(names, o.String())
	}
	return names
}

func scanName(scan Scan) (name string, err error) {
	err = scan(&name)
	return name, err
}
