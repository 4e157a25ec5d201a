package file

import (
	"fmt"
	"slices"

	"github.com/dustin/go-humanize"

	"statline/ingest/block"
)

// State is what became of a file.
type State string

// The states of a file.
const (
	Empty  State = "empty"  // it has no line
	Fresh  State = "new"    // the store had nothing of it
	Added  State = "added"  // it goes on where what the store had of it ends
	Stored State = "stored" // the store had all of it
	Unread State = "unread" // reading ended before it was known whether the store has it
)

// Result is what became of a file.
type Result struct {
	File  string `json:"file"`
	State State  `json:"state"`
	// Of is another name for the file, or for one that begins with it or that it begins
	// with; "" when it is known by its own name.
	Of string `json:"of,omitempty"`
	// Part: the file is the beginning of another that is stored.
	Part  bool   `json:"part,omitempty"`
	Lines uint64 `json:"lines"` // that were added
	// UnfinishedBytes follow the last line feed of a plain file; they are left
	// for a later run.
	UnfinishedBytes int64 `json:"unfinished_bytes,omitempty"`
	// Restored are rows of an earlier run that were lost when it was killed, and
	// were inserted again.
	Restored []block.RestoredDay `json:"restored,omitempty"`
	// Interrupted: the rest of the file was not read.
	Interrupted bool `json:"interrupted,omitempty"`
}

// describe says what was done, by what was found at the beginning.
func (r *Result) describe(m match, j *job) {
	switch {
	case m.stream == nil:
		r.State = Fresh
	case len(j.blocks) > 0:
		r.State = Added
	default:
		r.State = Stored
	}
	path := absolute(r.File)
	if s := m.stream; s != nil {
		r.Part = r.State == Stored && m.covered < s.end()
		switch {
		case s.claimed != "" && s.claimed != r.File:
			r.Of = s.claimed
		case !slices.Contains(s.names, path):
			r.Of = s.name()
		}
	}
	if s := j.stream; s != nil && !r.Part {
		s.called(path)
		if s.claimed == "" {
			s.claimed = r.File
		}
	}
}

// String is the result in words.
func (r Result) String() string {
	text := r.File + ": "
	switch r.State {
	case Empty:
		text += "empty"
	case Unread:
		return text + "interrupted before it was read"
	case Fresh:
		text += "new, " + lines(r.Lines)
	case Added:
		if r.Of != "" {
			text += "goes on after " + r.Of + ", "
		}
		text += lines(r.Lines) + " added"
	default:
		switch {
		case r.Part && r.Of != "":
			text += "the beginning of " + r.Of + ", counted once"
		case r.Of != "":
			text += "the same as " + r.Of + ", counted once"
		default:
			text += "already stored"
		}
	}
	if r.UnfinishedBytes > 0 {
		text += fmt.Sprintf("; its last line is unfinished (%s bytes) and left for a later run",
			humanize.Comma(r.UnfinishedBytes))
	}
	for _, d := range r.Restored {
		text += fmt.Sprintf("; %s of %s restored in %s, lost when an earlier run was killed",
			responses(d.Responses), d.Day, d.Table)
	}
	if r.Interrupted {
		text += "; interrupted, the rest was not read"
	}
	return text
}

func lines(n uint64) string {
	if n == 1 {
		return "1 line"
	}
	return humanize.Comma(int64(n)) + " lines"
}

func responses(n uint64) string {
	if n == 1 {
		return "1 response"
	}
	return humanize.Comma(int64(n)) + " responses"
}
