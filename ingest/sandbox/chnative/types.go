package chnative

import (
	"fmt"
	"strconv"
	"strings"

	"statline/ingest/sandbox/chquery"
)

// kind says how a type's values lie in a block.
type kind int

const (
	fixed          kind = iota // size bytes a value
	text                       // length and bytes
	nullable                   // a byte a value, then the values of elem
	array                      // the end of each array, then the values of elem
	tuple                      // the values of each elem, one after the other
	lowCardinality             // a dictionary of elem and the values' places in it
)

// layout is where the bytes of a type's values are.
type layout struct {
	kind  kind
	size  uint64 // of a fixed value
	elems []*layout
}

// maxDepth bounds the nesting of a type's name.
const maxDepth = 64

// fixedSizes are the types whose values have the same size for all parameters.
var fixedSizes = map[string]uint64{
	"Nothing": 1, "Bool": 1, "Int8": 1, "UInt8": 1, "Enum8": 1,
	"Int16": 2, "UInt16": 2, "Enum16": 2, "Date": 2, "BFloat16": 2,
	"Int32": 4, "UInt32": 4, "Float32": 4, "DateTime": 4, "Date32": 4, "Time": 4, "IPv4": 4, "Decimal32": 4,
	"Int64": 8, "UInt64": 8, "Float64": 8, "DateTime64": 8, "Time64": 8, "Decimal64": 8,
	"Int128": 16, "UInt128": 16, "UUID": 16, "IPv6": 16, "Decimal128": 16,
	"Int256": 32, "UInt256": 32, "Decimal256": 32,
}

// aliases are types that are stored as another one.
var aliases = map[string]string{
	"Point": "Tuple(Float64, Float64)", "Ring": "Array(Point)", "LineString": "Array(Point)",
	"Polygon": "Array(Ring)", "MultiLineString": "Array(LineString)", "MultiPolygon": "Array(Polygon)",
}

// parseType reads a type's name.
func parseType(name string) (*layout, error) {
	l, err := parseNested(strings.TrimSpace(name), 0)
	if err != nil {
		return nil,
			chquery.NotImplemented(fmt.Sprintf("Type %.200s over the native protocol is not supported by the embedded engine: %s", name, err))
	}
	return l, nil
}

func parseNested(name string, depth int) (*layout, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	base, params, err := splitType(name)
	if err != nil {
		return nil, err
	}
	if size := fixedSizes[base]; size > 0 {
		return &layout{kind: fixed, size: size}, nil
	}
	if alias := aliases[base]; alias != "" {
		return parseNested(alias, depth+1)
	}
	switch base {
	case "String":
		return &layout{kind: text}, nil
	case "FixedString", "Decimal":
		return parseSized(base, params)
	case "Nullable", "LowCardinality", "Array", "SimpleAggregateFunction", "Map", "Tuple", "Nested":
	default:
		if strings.HasPrefix(base, "Interval") {
			return &layout{kind: fixed, size: 8}, nil
		}
		return nil, fmt.Errorf("%s is not known", base)
	}
	return parseComposed(base, params, depth)
}

func parseComposed(base string, params []string, depth int) (*layout, error) {
	want := map[string]int{"Nullable": 1, "LowCardinality": 1, "Array": 1, "SimpleAggregateFunction": 2, "Map": 2}[base]
	if want > 0 && len(params) != want || len(params) == 0 {
		return nil, fmt.Errorf("%s of %d types", base, len(params))
	}
	if base == "SimpleAggregateFunction" {
		params = params[1:] // the function
	}
	elems := make([]*layout, len(params))
	for i, p := range params {
		if base == "Tuple" || base == "Nested" {
			p = withoutName(p)
		}
		var err error
		if elems[i], err = parseNested(p, depth+1); err != nil {
			return nil, err
		}
	}
	switch base {
	case "Nullable":
		return &layout{kind: nullable, elems: elems}, nil
	case "LowCardinality":
		if elems[0].kind == nullable { // the dictionary holds the bare values
			elems = elems[0].elems
		}
		if elems[0].kind != fixed && elems[0].kind != text {
			return nil, fmt.Errorf("a dictionary of composed values")
		}
		return &layout{kind: lowCardinality, elems: elems}, nil
	case "Array":
		return &layout{kind: array, elems: elems}, nil
	case "Map", "Nested":
		return &layout{kind: array, elems: []*layout{{kind: tuple, elems: elems}}}, nil
	case "Tuple":
		return &layout{kind: tuple, elems: elems}, nil
	}
	return elems[0], nil
}

// parseSized is a type whose size is in its parameters.
func parseSized(base string, params []string) (*layout, error) {
	n := 0
	if len(params) > 0 {
		n, _ = strconv.Atoi(params[0])
	}
	if n <= 0 || n > 1<<24 {
		return nil, fmt.Errorf("%s of size %q", base, params)
	}
	size := uint64(n)
	if base == "Decimal" {
		switch {
		case n <= 9:
			size = 4
		case n <= 18:
			size = 8
		case n <= 38:
			size = 16
		default:
			size = 32
		}
	}
	return &layout{kind: fixed, size: size}, nil
}

// splitType takes Base(a, b) apart.
func splitType(name string) (base string, params []string, err error) {
	open := strings.IndexByte(name, '(')
	if open < 0 {
		return name, nil, nil
	}
	if !strings.HasSuffix(name, ")") {
		return "", nil, fmt.Errorf("no closing bracket in %q", name)
	}
	base = strings.TrimSpace(name[:open])
	inner := name[open+1 : len(name)-1]
	start := 0
	err = topLevel(inner, func(at int, c byte) {
		if c == ',' {
			params = append(params, strings.TrimSpace(inner[start:at]))
			start = at + 1
		}
	})
	if rest := strings.TrimSpace(inner[start:]); rest != "" {
		params = append(params, rest)
	}
	return base, params, err
}

// withoutName drops the name of a tuple's element.
func withoutName(elem string) string {
	cut := 0
	_ = topLevel(elem, func(at int, c byte) {
		if c == ' ' && cut == 0 {
			cut = at + 1
		}
	})
	return strings.TrimSpace(elem[cut:])
}

// topLevel calls f with each byte outside brackets and quotes.
func topLevel(s string, f func(at int, c byte)) error {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '`' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return fmt.Errorf("too many closing brackets in %q", s)
			}
		case depth == 0:
			f(i, c)
		}
	}
	if depth != 0 || quote != 0 {
		return fmt.Errorf("unfinished %q", s)
	}
	return nil
}
