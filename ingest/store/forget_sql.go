package store

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"statline/classify"
	"statline/ingest/schema"
)

// The expressions of Forget, made of the columns' types, so that a column that comes to
// be later is not missed. None holds the id or the address: they are read from the table
// forgetting.

func (f *forgetting) said(what string) string {
	return "(SELECT " + what + " FROM " + f.s.Table(forgettingTable) + ")"
}

// pattern finds a person in texts: a key's id by the ten characters that are shown of
// it, whatever follows; an address where no digit continues it, also behind a
// percent-encoded character; one of IPv6 in full or as it is commonly shortened, with
// its colons encoded or not.
func pattern(who Person) string {
	if !who.Client.IsValid() {
		return "()(" + who.Key.Short() + "[a-z2-7]*)()"
	}
	ip := who.Client.Unmap().WithZone("")
	if ip.Is4() {
		return `(^|[^0-9.]|%[0-9A-Fa-f]{2})(` + regexp.QuoteMeta(ip.String()) + `)($|[^0-9])`
	}
	const colon = `(?::|%3[Aa])`
	groups := strings.Split(ip.StringExpanded(), ":")
	for i, g := range groups {
		if g = strings.TrimLeft(g, "0"); g == "" {
			g = "0"
		}
		groups[i] = "0{0,3}" + g
	}
	short := strings.ReplaceAll(ip.String(), ":", colon)
	return "(^|[^0-9A-Fa-f.:]|%[0-9A-Fa-f]{2})((?i:" + strings.Join(groups, colon) + "|" + short + "))($|[^0-9A-Fa-f])"
}

// replacement keeps what is around a name.
const replacement = `\\1` + forgottenText + `\\3`

// base is a column's type without how it is stored and merged.
func base(t string) string {
	if rest, ok := strings.CutPrefix(t, "SimpleAggregateFunction("); ok {
		_, t, _ = strings.Cut(strings.TrimSuffix(rest, ")"), ", ")
	}
	if rest, ok := strings.CutPrefix(t, "LowCardinality("); ok {
		t = strings.TrimSuffix(rest, ")")
	}
	return t
}

// names is where a column names the person, "" when its type cannot.
func (f *forgetting) names(c tableColumn) string {
	client := f.who.Client.IsValid()
	switch t := base(c.Type); {
	case t == "IPv6" && client:
		return c.Name + " = " + f.said("ip")
	case t == "Array(IPv6)" && client:
		return "has(" + c.Name + ", " + f.said("ip") + ")"
	case t == "String" && c.Name == string(schema.KeyID):
		if client {
			return ""
		}
		return c.Name + " = " + f.said("id")
	case t == "String":
		return "match(`" + c.Name + "`, " + f.said("pattern") + ")"
	case t == "Array(String)":
		return "arrayExists(x -> match(x, " + f.said("pattern") + "), " + c.Name + ")"
	}
	return ""
}

// given are the columns that operators fill: blocks are identified by their topic.
func given(t schema.Table, column string) bool {
	switch t {
	case schema.Meta, schema.Configs, schema.Pipeline, schema.Scores:
		return true
	case schema.Ledger:
		return column != string(schema.Note)
	}
	return slices.Contains([]schema.Column{schema.Cluster, schema.Topic, schema.Group, schema.Instance},
		schema.Column(column))
}

// concerned selects the rows of a table that Forget rewrites or deletes, "" for none.
func (f *forgetting) concerned(t schema.Table) (string, error) {
	var where []string
	for _, c := range f.columns[t] {
		switch kind := base(c.Type); {
		case given(t, c.Name):
		case f.names(c) != "":
			where = append(where, f.names(c))
		case (strings.Contains(kind, "String") && kind != "String" && kind != "Array(String)") ||
			strings.Contains(kind, "IPv4") ||
			strings.Contains(kind, "IPv6") && kind != "IPv6" && kind != "Array(IPv6)":
			return "", fmt.Errorf("%s.%s: forget does not know how to look for a person in a %s", t, c.Name, c.Type)
		}
	}
	switch t {
	case schema.IncidentNotes:
		where = append(where, "incident IN ("+f.incidents()+")")
	case schema.Incidents:
		where = append(where, "parent IN ("+f.incidents()+")")
	}
	return strings.Join(where, " OR "), nil
}

// incidents selects those about the person, which are deleted: an incident's id is a
// plain hash of whom it is about.
func (f *forgetting) incidents() string {
	return "SELECT id FROM " + f.s.Table(schema.Incidents) + " WHERE match(entity, " + f.said("pattern") + ")"
}

// deleted selects the rows of a table that are removed; the others are kept without
// the person.
func (f *forgetting) deleted(t schema.Table) string {
	switch t {
	case schema.Samples, schema.KeyNames, schema.KeyLabels:
		where, _ := f.concerned(t) // traces has asked
		return where
	case schema.Incidents:
		return "match(entity, " + f.said("pattern") + ")"
	case schema.IncidentNotes: // a label's incident is whom it names
		return "match(incident, " + f.said("pattern") + ") OR incident IN (" + f.incidents() + ")"
	}
	return ""
}

// without is a column's new value.
func (f *forgetting) without(t schema.Table, c tableColumn) string {
	column, kind := "`"+c.Name+"`", base(c.Type)
	names := f.names(c)
	switch {
	case t == schema.Incidents && c.Name == "parent":
		return "if(parent IN (" + f.incidents() + "), '', parent)"
	case t == schema.Incidents && c.Name == "silent_why":
		return "if(parent IN (" + f.incidents() + "), 'covered by an incident that was forgotten', silent_why)"
	case f.ofPerson(t) != "" && (kind == "Array(IPv6)" || kind == "Array(String)"):
		// Rows that are not told apart have no addresses, agents and keys of one person.
		rest := column
		if names != "" {
			rest = f.filtered(column, kind)
		}
		return "if(" + f.ofPerson(t) + ", [], " + rest + ")"
	case names == "" || given(t, c.Name):
		return column
	case c.Name == string(schema.KeyID):
		return "if(" + names + ", '" + classify.Other + "', " + column + ")"
	case kind == "IPv6":
		return "if(" + names + ", " + otherAddress + ", " + column + ")"
	case kind == "Array(IPv6)", kind == "Array(String)":
		return f.filtered(column, kind)
	case c.Name == string(schema.Raw): // half a line is no line
		return "if(" + names + ", '" + forgottenText + "', " + column + ")"
	}
	// Twice: what separates two names belongs to the first match.
	once := func(of string) string {
		return "replaceRegexpAll(" + of + ", " + f.said("pattern") + ", '" + replacement + "')"
	}
	return once(once(column))
}

// ofPerson selects the rows of a table of counts that are the person's own, "" where
// there are none.
func (f *forgetting) ofPerson(t schema.Table) string {
	switch client := f.who.Client.IsValid(); {
	case client && t == schema.Clients:
		return "client_ip = " + f.said("ip")
	case !client && (t == schema.Keys || t == schema.KeysHour):
		return "key_id = " + f.said("id")
	}
	return ""
}

func (f *forgetting) filtered(column, kind string) string {
	if kind == "Array(IPv6)" {
		return "arrayFilter(x -> x != " + f.said("ip") + ", " + column + ")"
	}
	return "arrayFilter(x -> NOT match(x, " + f.said("pattern") + "), " + column + ")"
}

// ParseClient reads a client's address in the form that is shown.
func ParseClient(s string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return ip, fmt.Errorf("got %q; want one address, such as 203.0.113.7 or 2001:db8::7", s)
	}
	return ip.Unmap().WithZone(""), nil
}
