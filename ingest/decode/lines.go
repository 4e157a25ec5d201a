package decode

import "bytes"

func indexLine(b []byte, i int) int {
	if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(b)
}

func trimLine(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\r' || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	return b
}

// arrayAhead tells a JSON array from a text line that begins with a bracket.
func arrayAhead(b []byte, i int) bool {
	for i++; i < len(b) && b[i] <= ' '; i++ {
	}
	return i < len(b) && (b[i] == '{' || b[i] == ']')
}

// object decodes the JSON object at i and returns the index after it, or after its
// line if it is broken.
func (d *Decoder) object(b []byte, i int) int {
	d.scan.reset()
	end := d.scan.object(b, i+1, root)
	if end >= 0 {
		j := end
		for j < len(b) && b[j] <= ' ' && b[j] != '\n' {
			j++
		}
		if j == len(b) || b[j] == '\n' {
			d.seen(b, i, end)
			return j
		}
	}
	stop := indexLine(b, i)
	d.begin("")
	d.reject(ReasonSyntax, "broken JSON", trimLine(b[i:stop]))
	return stop
}

// array decodes the JSON array of records at i.
func (d *Decoder) array(b []byte, i int) int {
	line := indexLine(b, i)
	for i++; ; {
		for i < len(b) && (b[i] <= ' ' || b[i] == ',') {
			i++
		}
		if i < len(b) && b[i] == ']' {
			return i + 1
		}
		if i >= len(b) {
			return i
		}
		start := i
		if b[i] == '{' {
			d.scan.reset()
			if end := d.scan.object(b, i+1, root); end >= 0 {
				d.seen(b, start, end)
				i = end
				continue
			}
		} else if b[i] == '[' || b[i] == '"' {
			if end := skipValue(b, i); end >= 0 {
				d.begin("")
				d.reject(ReasonSyntax, "array element is no object", b[start:end])
				i = end
				continue
			}
		}
		stop := max(line, indexLine(b, start))
		d.begin("")
		d.reject(ReasonSyntax, "broken JSON in an array", trimLine(b[start:stop]))
		return stop
	}
}

// skipValue returns the index after the string, array or object at i.
func skipValue(b []byte, i int) int {
	if b[i] != '"' {
		return skipNested(b, i)
	}
	end, _ := stringEnd(b, i+1)
	if end < 0 {
		return -1
	}
	return end + 1
}

// lines decodes everything that value holds.
func (d *Decoder) lines(value []byte) {
	for i := 0; i < len(value); {
		switch c := value[i]; {
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
			i++
		case c == '{':
			i = d.object(value, i)
		case c == '[' && arrayAhead(value, i):
			i = d.array(value, i)
		default:
			end := indexLine(value, i)
			d.line(trimLine(value[i:end]))
			i = end
		}
	}
}
