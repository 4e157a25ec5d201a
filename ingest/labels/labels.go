// Package labels reads the file that says which customer a key belongs to. Its
// guarantee: a file is taken whole or not at all, and what is wrong is named
// with its line. It never repeats an entry that may be an API key in clear.
// It does not write to the store.
package labels

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"statline/classify"
)

// maxName is the longest name in bytes, as for the names that gateways give.
const maxName = 200

// Labels maps a key's id to the customer's name.
type Labels map[classify.KeyID]string

// ReadFile is Read for the file at path.
func ReadFile(path string) (Labels, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key labels: %w", err)
	}
	return Read(path, b)
}

// Read reads a CSV file of two columns: a key's id as statline key-id prints
// it, and the customer's name. Blank lines and lines that begin with # are
// comments; a first line "key_id,name" is a header. A name may stand for many
// keys, a key has one name. path is what errors call the file.
func Read(path string, text []byte) (Labels, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace, r.ReuseRecord = '#', -1, true, true
	all := Labels{}
	seen := map[classify.KeyID]int{}
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("key labels %s: %w", path, err)
		}
		line, _ := r.FieldPos(0)
		fail := func(format string, args ...any) (Labels, error) {
			return nil, fmt.Errorf("key labels %s:%d: %s", path, line, fmt.Sprintf(format, args...))
		}
		if len(record) != 2 {
			return fail("got %d columns; want two: key_id,name (quote a name that holds a comma)", len(record))
		}
		id, name := strings.TrimSpace(record[0]), strings.TrimSpace(record[1])
		if first && strings.EqualFold(id, "key_id") {
			continue
		}
		key, ok := classify.ParseKeyID(id)
		if !ok {
			return fail("got key id %s; want the 26 characters that statline key-id prints for the key, such as %s",
				hidden(id), example)
		}
		if why := unfit(name); why != "" {
			return fail("name of key %s: got %.60q, %s; want the customer's name, up to %d bytes of text", key.Short(),
				name, why, maxName)
		}
		if before, ok := seen[key]; ok {
			return fail("key id %s is named in line %d already; want each key once", key, before)
		}
		seen[key], all[key] = line, name
	}
}

var example = classify.KeyID{0x53, 0x91, 0x0d, 0x42}.String()

// hidden shows enough of an entry to find it: what is no id may be a key.
func hidden(s string) string {
	if len(s) <= 8 {
		return fmt.Sprintf("%q", s)
	}
	head := 4
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	return fmt.Sprintf("%q (%d characters)", s[:head]+"…", utf8.RuneCountInString(s))
}

// unfit says why a name cannot be shown, "" when it can.
func unfit(name string) string {
	switch {
	case name == "":
		return "nothing"
	case len(name) > maxName:
		return fmt.Sprintf("%d bytes", len(name))
	case !utf8.ValidString(name):
		return "not UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "which holds control characters"
	}
	return ""
}
