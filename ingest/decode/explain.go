package decode

import "strings"

// Rejects help: they name the nearest format and what the line lacks for it.

// maxSaw is how many member names of a record a reject lists.
const maxSaw = 8

// lacking says what the JSON object raw lacks to be a response, by the nodes that were
// seen.
func (d *Decoder) lacking(raw []byte) string {
	own, seen := d.own, &d.scan.seen
	var lacks []string
	if !seen.containsAny(&own.times) {
		lacks = append(lacks, "no time field")
	}
	if !seen.containsAny(&own.results) {
		lacks = append(lacks, "no status field")
	}
	if len(lacks) == 0 {
		lacks = append(lacks, "no field of a known format")
	}
	return "json: " + strings.Join(lacks, ", ") + d.saw(raw)
}

// saw lists the names of raw's members, without possible secrets.
func (d *Decoder) saw(raw []byte) string {
	var names []string
	more := false
	eachMember(raw, func(name, _ []byte, _ uint8) {
		if more = more || len(names) == maxSaw; more {
			return
		}
		text := string(appendValid(nil, cut(name, 40)))
		if looksSecret(name) {
			text = redacted
		}
		names = append(names, text)
	})
	switch {
	case len(names) == 0:
		return ""
	case more:
		names = append(names, "...")
	}
	return "; saw " + strings.Join(names, ", ")
}

// noShape is the detail of a line that fits no format.
const noShape = "the line has the shape of no known format"

// unshaped says what a line lacks that no text format takes.
func unshaped(b []byte) string {
	switch {
	case len(b) > 22 && b[4] == '/' && b[7] == '/' && b[10] == ' ' && b[13] == ':' &&
		contains(b[:min(len(b), 40)], "["):
		return "a line of nginx's error log, not of its access log"
	case len(b) > 30 && b[0] == '[' && charClass[b[1]]&anyLetter != 0 && contains(b[:min(len(b), 60)], "] ["):
		return "a line of Apache's error log, not of its access log"
	}
	var l ncsaLine
	if at := indexByte(b, 0, '['); at > 0 && at+22 < len(b) && b[at+3] == '/' && !l.parse(b) {
		return "combined: the line lacks " + l.lacks
	}
	if eq := indexByte(b[:min(len(b), 32)], 0, '='); eq > 0 && indexByte(b[:eq], 0, ' ') < 0 {
		return "logfmt: no mapping says which fields these are"
	}
	return noShape
}
