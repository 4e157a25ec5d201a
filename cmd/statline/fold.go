package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"charm.land/lipgloss/v2"
)

// prose wraps text to lines of width cells, at words; further lines are indented to
// where the text began. 0 is any width. Words are never cut, so that an address can be
// copied.
func prose(text string, width int) string {
	if width <= 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if lipgloss.Width(line) > width {
			lines[i] = foldLine(line, width)
		}
	}
	return strings.Join(lines, "\n")
}

// widestText is the longest line of a paragraph that reads well.
const widestText = 100

// paragraphs wraps a description to the terminal's width, whatever its line breaks
// are. Lines that are columns stay lines.
func paragraphs(text string, width int) string {
	if width <= 0 {
		return text
	}
	text = strings.ReplaceAll(text, "\t", "    ")
	var lines []string
	joins := false // the line before belongs to a paragraph
	for line := range strings.SplitSeq(text, "\n") {
		plain := line != "" && line[0] != ' ' && !strings.Contains(line, "  ")
		if plain && joins {
			lines[len(lines)-1] += " " + line
		} else {
			lines = append(lines, line)
		}
		joins = plain
	}
	return prose(strings.Join(lines, "\n"), min(width, widestText))
}

// columns matches the name that a line begins with, and the space before its text.
var columns = regexp.MustCompile(`^ *(\S+( \S+)* {2,})+`)

// leastText is how many cells the text beside a name must have; with fewer it goes
// below.
const leastText = 24

func foldLine(line string, width int) string {
	first := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if named := columns.FindString(line); named != "" && lipgloss.Width(named) <= width-leastText {
		first = named
	}
	indent := strings.Repeat(" ", lipgloss.Width(first))
	return broken(strings.Split(line[len(first):], " "), first, indent, "", width)
}

// broken puts as many words as fit on each line. The first line begins with first, the
// others with indent; all but the last end with more.
func broken(words []string, first, indent, more string, width int) string {
	var b strings.Builder
	b.WriteString(first)
	at, begun := lipgloss.Width(first), false
	for _, word := range words {
		need := lipgloss.Width(word)
		switch {
		case begun && at+1+need+len(more) > width:
			b.WriteString(more + "\n" + indent)
			at, begun = len(indent), false
		case begun:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at, begun = at+need, begun || need > 0
	}
	return b.String()
}

// shell wraps a command line for a terminal so that it can be copied whole: lines that
// go on end with a backslash. A comment behind # then goes above it.
func shell(line string, width int) string {
	if width <= 0 || lipgloss.Width(line) <= width {
		return line
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if command, about, ok := strings.Cut(line, "  # "); ok {
		return prose(indent+"# "+about, width) + "\n" + shell(strings.TrimRight(command, " "), width)
	}
	return broken(shellWords(line[len(indent):]), indent, indent+"    ", " \\", width)
}

// shellWords splits a command line; a quoted text is one word.
func shellWords(line string) (all []string) {
	var quote byte
	begin := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == ' ':
			all = append(all, line[begin:i])
			begin = i + 1
		}
	}
	return append(all, line[begin:])
}

// sentence prints prose wrapped for the terminal behind w, and a line feed.
func sentence(w io.Writer, text string) { fmt.Fprintln(w, prose(text, widthOf(w))) }

// folding is standard output for people on a terminal: it wraps lines at words where
// the terminal would cut them.
type folding struct {
	*output
	width int
	rest  []byte // an unfinished line
}

// Write writes whole lines, and keeps the rest.
func (f *folding) Write(p []byte) (int, error) {
	f.rest = append(f.rest, p...)
	end := bytes.LastIndexByte(f.rest, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	whole := prose(string(f.rest[:end]), f.width)
	f.rest = f.rest[end:]
	_, err := f.output.Write([]byte(whole))
	return len(p), err
}

// readable writes an answer for people, wrapped to the terminal if it is one.
func readable(out io.Writer, write func(io.Writer)) {
	o, ok := out.(*output)
	if width := widthOf(out); ok && width > 0 {
		f := &folding{output: o, width: width}
		write(f)
		o.Write(f.rest)
		return
	}
	write(out)
}
