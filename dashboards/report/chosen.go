package report

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"statline/dashboards/query"
)

// Resolve replaces the beginning of a key, or the customer that it is called after,
// by the one key that is meant, and refuses a service or a key that is not stored: a report about a mistyped name
// would say that all is well. nearest suggests one of the known names.
func (f Filter) Resolve(ctx context.Context, s Store, nearest func(name string, known []string) string) (Filter,
	error) {
	if f.Service != "" {
		known, err := Collect(ctx, s, "the services", query.StoredServices(), query.Params{}, scanName)
		if err != nil {
			return f, err
		}
		if !slices.Contains(known, f.Service) {
			return f, fmt.Errorf("service: got %q, of which nothing is stored; %s", f.Service, nearest(f.Service, known))
		}
	}
	if f.Key == "" {
		return f, nil
	}
	type key struct{ id, name string }
	keys, err := Collect(ctx, s, "the keys", query.KeysLike(), query.Params{Keys: []string{f.Key}},
		func(scan Scan) (k key, err error) {
			err = scan(&k.id, &k.name)
			return k, err
		})
	switch {
	case err != nil:
		return f, err
	case len(keys) == 0:
		return f, fmt.Errorf("key: got %q, and no stored key begins so or is called so; statline key-id turns a key into its id", f.Key)
	case len(keys) > 1:
		var list []string
		for _, k := range keys {
			list = append(list, strings.TrimSpace(k.id+" "+k.name))
		}
		return f, fmt.Errorf("key: got %q, which several keys begin with or are called: %s; give more of the id", f.Key,
			strings.Join(list, ", "))
	}
	f.Key = keys[0].id
	return f, nil
}

func scanName(scan Scan) (name string, err error) {
	err = scan(&name)
	return name, err
}
