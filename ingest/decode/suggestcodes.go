package decode

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"statline/classify"
)

// SuggestCodes proposes a catalogue for the API whose log it reads.
func SuggestCodes(cfg Config, log io.Reader) ([]classify.Entry, error) {
	d, err := New(cfg)
	if err != nil {
		return nil, err
	}
	var s suggesting
	lines := bufio.NewReaderSize(log, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			d.fileLine(line, &s)
		}
		if errors.Is(err, io.EOF) {
			return s.Entries(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// suggesting is a Sink that proposes a catalogue.
type suggesting struct{ classify.Suggester }

func (s *suggesting) Response(r *classify.Response) { s.Add(r, 1) }
func (s *suggesting) Reject(Reject)                 {}
