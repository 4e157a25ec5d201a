package file

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"statline/ingest/block"
)

// w3cText is lines of a W3C log among others, with #Fields lines at any place; of
// maps the offset of each line to the #Fields line in force, "" for lines that
// want none.
func w3cText(rng *rand.Rand, size int) (text []byte, of map[int64]string) {
	of = map[int64]string{}
	inForce := ""
	if rng.IntN(4) == 0 {
		text = append(text, mark...)
	}
	for len(text) < size {
		at, line := int64(len(text)), ""
		switch n := rng.IntN(400); {
		case at == 3: // behind a mark, which is of the first line
			inForce = "#Fields: date time behind-the-mark"
			line, of[0] = inForce, ""
		case n == 0:
			inForce = fmt.Sprintf("#Fields: date time c%d", len(text))
			line = inForce + [...]string{"", "\r"}[rng.IntN(2)]
			of[at] = ""
		case n == 1:
			line, of[at] = "#Software: nobody's # and #Fields: of nothing", ""
		case n < 20:
			line, of[at] = `{"path":"/#Fields: x","at":"2026-03-01 12:00:00"}`, ""
		case n < 22:
			line, of[at] = strings.Repeat("x", 70<<10), ""
		default:
			line, of[at] = fmt.Sprintf("2026-03-01 12:00:%02d %s", n%60, strings.Repeat("y#", rng.IntN(40))), inForce
		}
		text = append(append(text, line...), '\n')
	}
	return text, of
}

// Promise: a line of a W3C log is decoded with the #Fields line before it in its
// file, wherever a block begins, in whatever compression, when a killed run or a
// file that has grown goes on in the middle.
func TestFieldsOfEveryLine(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(3, seed))
		content, want := w3cText(rng, 1+rng.IntN(3<<20))
		cfg := Config{BlockBytes: 1 << (14 + rng.IntN(8)), BlockMemory: 1 << (14 + rng.IntN(20)),
			Workers: 1 + rng.IntN(3)}
		form := [...]string{"plain", "gzip", "stdin"}[rng.IntN(3)]
		kills, grows := rng.IntN(3), rng.IntN(2) == 0
		t.Run(fmt.Sprintf("%d/%s,kills=%d,grows=%t,%+v", seed, form, kills, grows, cfg), func(t *testing.T) {
			store := &ledgerStore{rows: map[block.ID][]block.RejectRow{}, fail: func() bool { return false }}
			sizes := []int{len(content)}
			if cut := bytes.LastIndexByte(content[:len(content)/2], '\n'); grows && cut >= 0 {
				sizes = []int{cut + 1, len(content)}
			}
			for _, size := range sizes {
				for range kills {
					calls, at := 0, rng.IntN(1+rng.IntN(30))
					store.fail = func() bool { calls++; return calls > at }
					if err := load(t, cfg, form, content[:size], store); err != nil && !errors.Is(err, errKilled) {
						t.Fatal(err)
					}
				}
				store.fail = func() bool { return false }
				if err := load(t, cfg, form, content[:size], store); err != nil {
					t.Fatal(err)
				}
			}
			got := 0
			for id, rows := range store.rows {
				for _, r := range rows {
					got++
					if columns, ok := want[r.Offset]; !ok || r.Detail != columns {
						t.Fatalf("block %s, line at %d (%.30q): got columns %q; want %q", id, r.Offset, r.Raw, r.Detail,
							columns)
					}
				}
			}
			if got != len(want) {
				t.Errorf("got %d lines; want %d", got, len(want))
			}
		})
	}
}

// A #Fields line that is read in parts, ends with the text, or is too long.
func TestFieldsReadInParts(t *testing.T) {
	text := "#Fields: a b\n2026 #Fields: no\n#Field\n\n#Fields: c\r\n##Fields: x\n#Fields:" +
		strings.Repeat(" long", maxFields) + "\n#Fields: d"
	for size := 1; size < 40; size++ {
		var f fields
		for b := []byte(text); len(b) > 0; b = b[min(size, len(b)):] {
			f.read(b[:min(size, len(b))])
		}
		if len(f.lines) != 2 || f.before(0) != "" || f.before(1) != "#Fields: a b" ||
			f.before(int64(strings.Index(text, "#Fields: c"))) != "#Fields: a b" ||
			f.before(int64(len(text))) != "#Fields: c" {
			t.Errorf("in parts of %d: got %+v", size, f.lines)
		}
	}
}
