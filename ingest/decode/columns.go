package decode

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// The columns of W3C lines are named by a line before them.

// dateInFront reports that b begins like 2026-03-01 12:00.
func dateInFront(b []byte) bool {
	return len(b) >= 20 && b[4] == '-' && b[7] == '-' && (b[10] == ' ' || b[10] == '\t') && b[13] == ':'
}

// columns are the names in Columns.
func (c *Config) columns() ([][]byte, error) {
	if c.Columns == "" {
		return nil, nil
	}
	names := columnNames(c.Columns)
	for _, need := range [...]string{"date", "time", "cs-method", "sc-status"} {
		if !slices.ContainsFunc(names, func(name []byte) bool { return string(name) == need }) {
			return nil, fmt.Errorf("w3c-fields: got no %s in %q; want the names of a #Fields line", need, c.Columns)
		}
	}
	return names, nil
}

// fieldsPrefix begins the line that names columns.
const fieldsPrefix = "#Fields:"

func columnNames(fields string) [][]byte {
	return bytes.Fields([]byte(strings.TrimPrefix(strings.TrimPrefix(fields, mark), fieldsPrefix)))
}

// mark is a byte order mark.
const mark = "\xef\xbb\xbf"

// FieldsLine reports that a line names the columns of the W3C lines after it.
func FieldsLine(line []byte) bool {
	return hasPrefix(line, fieldsPrefix) || hasPrefix(line, mark+fieldsPrefix)
}

// Columns sets the #Fields line that precedes the next records in their file, "" for
// none. Kafka's records stand alone.
func (d *Decoder) Columns(fields string) {
	if fields == d.named {
		return
	}
	d.named = fields
	if fields != "" {
		d.inForce = columnNames(fields)
		return
	}
	d.inForce, _ = d.cfg.columns() // New has read them already
}

// fileLine decodes a line of a file that is read from beginning to end.
func (d *Decoder) fileLine(line []byte, sink Sink) {
	d.Decode(line, sink)
	if FieldsLine(line) {
		d.Columns(string(line))
	}
}

// misfit says why a line does not fit the columns of #Fields.
func (d *Decoder) misfit(b []byte) string {
	if n := 1 + bytes.Count(b, b[10:11]); n != len(d.columns) {
		return fmt.Sprintf("w3c: the line has %d columns, and #Fields names %d", n, len(d.columns))
	}
	return "w3c: no date, time, method or status in the columns that #Fields names so"
}
