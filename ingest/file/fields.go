package file

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"statline/ingest/decode"
)

// fields records the #Fields lines of a text that is read from beginning to end: each
// names the columns of the W3C lines after it, up to the next.
type fields struct {
	at    int64 // how much is read
	last  byte  // before that
	lines []fieldsLine

	begun bool // a line that begins with # is in hand
	begin int64
	line  []byte
}

type fieldsLine struct {
	at   int64
	text string
}

// mark is a byte order mark.
const mark = "\xef\xbb\xbf"

// maxFields bounds a #Fields line.
const maxFields = 64 << 10

func (f *fields) read(text []byte) {
	for i := 0; i < len(text); {
		if f.begun {
			end := bytes.IndexByte(text[i:], '\n')
			if end < 0 {
				f.line = append(f.line, text[i:]...)
				f.line = f.line[:min(len(f.line), maxFields)]
				break
			}
			f.line = append(f.line, text[i:i+end]...)
			if decode.FieldsLine(f.line) && len(f.line) < maxFields {
				f.lines = append(f.lines, fieldsLine{f.begin, strings.TrimRight(string(f.line), " \r")})
			}
			f.begun, i = false, i+end
			continue
		}
		hash := bytes.IndexByte(text[i:], '#')
		if hash < 0 {
			break
		}
		i += hash
		if f.beginsLine(text, i) {
			f.begun, f.begin, f.line = true, f.at+int64(i), f.line[:0]
		} else {
			i++
		}
	}
	if len(text) > 0 {
		f.at, f.last = f.at+int64(len(text)), text[len(text)-1]
	}
}

// beginsLine reports that a line begins at text[i].
func (f *fields) beginsLine(text []byte, i int) bool {
	switch {
	case i > 0:
		return text[i-1] == '\n' || f.at == 0 && i == 3 && string(text[:3]) == mark
	case f.at > 0:
		return f.last == '\n'
	}
	return true
}

// before is the #Fields line that holds at an offset, "" for none.
func (f *fields) before(at int64) string {
	for i := len(f.lines) - 1; i >= 0; i-- {
		if f.lines[i].at < at {
			return f.lines[i].text
		}
	}
	return ""
}

// plainFields are those of a plain file, which is read from any position. The file is
// read once more from its beginning, as far as needed.
type plainFields struct {
	mu sync.Mutex
	fields
	buf []byte
}

func (f *plainFields) find(in *Input, at int64) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.buf == nil {
		f.buf = make([]byte, chunkBytes)
	}
	for f.fields.at < at {
		n, err := in.plain.ReadAt(f.buf[:min(int64(len(f.buf)), at-f.fields.at)], f.fields.at)
		f.read(f.buf[:n])
		if err != nil && (err != io.EOF || f.fields.at < at) {
			return "", in.readError(err)
		}
	}
	return f.before(at), nil
}

// wantsFields reports a line that begins with a date and a time, as W3C lines do.
func wantsFields(line []byte) bool {
	return len(line) >= 20 && line[4] == '-' && line[7] == '-' && line[13] == ':' &&
		(line[10] == ' ' || line[10] == '\t')
}
