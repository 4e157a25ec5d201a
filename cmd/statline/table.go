package main

import (
	"fmt"
	"io"
	"strings"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

const (
	gap      = "  " // between columns
	minText  = 14   // cells that a column of text keeps in a narrow table
	minWord  = 26   // the same for its longest word, which is not cut
	maxLines = 4    // of a cell on a terminal; the rest is cut
)

// widthOf is the number of cells in a terminal's line. It is 0 for other outputs,
// whose readers want each text on one line.
func widthOf(w io.Writer) int {
	f := terminal(w)
	if f == nil {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// table prints rows with aligned columns; align has a letter for each: r aligns a column
// to the right. The first row has the names. On a terminal columns of text are wrapped so
// that each row fits; when that is impossible, each row is printed as a list of names and
// values.
func table(w io.Writer, indent string, align string, rows [][]string) {
	tableWithin(w, widthOf(w), indent, align, rows)
}

// tableWithin is table for lines of so many cells; 0 is any.
func tableWithin(w io.Writer, line int, indent string, align string, rows [][]string) {
	width := columnWidths(rows)
	if line > 0 && !squeeze(width, leastWidths(rows, align), line-len(indent)-len(gap)*(len(width)-1)) {
		records(w, line, indent, rows)
		return
	}
	for _, row := range rows {
		cells, height := make([][]string, len(row)), 1
		for i, cell := range row {
			cells[i] = wrapped(cell, width[i])
			height = max(height, len(cells[i]))
		}
		for n := range height {
			line := indent
			for i := range cells {
				cell := ""
				if n < len(cells[i]) {
					cell = cells[i][n]
				}
				pad := strings.Repeat(" ", max(0, width[i]-lipgloss.Width(cell)))
				if right(align, i) {
					line += pad + cell
				} else {
					line += cell + pad
				}
				line += gap
			}
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
}

func right(align string, column int) bool { return column < len(align) && align[column] == 'r' }

func columnWidths(rows [][]string) []int {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], lipgloss.Width(cell))
		}
	}
	return width
}

// leastWidths are the least widths of the columns: text is wrapped, numbers are not,
// but the names above them are.
func leastWidths(rows [][]string, align string) []int {
	least := make([]int, len(columnWidths(rows)))
	for n, row := range rows {
		for i, cell := range row {
			need := lipgloss.Width(cell)
			switch {
			case !right(align, i):
				need = min(need, max(minText, min(minWord, longestWord(cell))))
			case n == 0:
				need = longestWord(cell)
			}
			least[i] = max(least[i], need)
		}
	}
	return least
}

func longestWord(cell string) (width int) {
	for _, word := range strings.Fields(cell) {
		width = max(width, lipgloss.Width(word))
	}
	return width
}

// squeeze makes the widest columns narrower until a row fits into a line; it reports
// whether that is possible.
func squeeze(width, least []int, line int) bool {
	sum := 0
	for _, n := range width {
		sum += n
	}
	for sum > line {
		widest := -1
		for i, n := range width {
			if n > least[i] && (widest < 0 || n > width[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		width[widest]--
		sum--
	}
	return true
}

// wrapped splits a cell into lines of at most so many cells.
func wrapped(cell string, width int) []string {
	if lipgloss.Width(cell) <= width {
		return []string{cell}
	}
	lines := folded(cell, width)
	if len(lines) > maxLines {
		lines = lines[:maxLines]
		lines[maxLines-1] = strings.TrimRight(shorten(lines[maxLines-1], width-1), " …") + "…"
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// seams are where a word is broken that no line has room for.
const seams = "/,._-:=&?"

// folded wraps a text, which may have colours, to lines of at most so many cells. A
// word that fits on a line is never broken, so that times and names can be read and
// copied.
func folded(text string, width int) []string {
	const within = 0x10ff00 // private characters that replace the seams inside such a word
	words := strings.Split(text, " ")
	for i, word := range words {
		if lipgloss.Width(word) > width {
			continue
		}
		words[i] = strings.Map(func(r rune) rune {
			if at := strings.IndexRune(seams, r); at >= 0 {
				return rune(within + at)
			}
			return r
		}, word)
	}
	whole := strings.Map(func(r rune) rune {
		if at := int(r) - within; at >= 0 && at < len(seams) {
			return rune(seams[at])
		}
		return r
	}, lipgloss.Wrap(strings.Join(words, " "), width, seams))
	return strings.Split(whole, "\n")
}

// records prints each row below the first as names and values.
func records(w io.Writer, line int, indent string, rows [][]string) {
	for i, row := range rows[1:] {
		if i > 0 {
			fmt.Fprintln(w)
		}
		var pairs [][]string
		for j, cell := range row {
			if strings.TrimSpace(cell) != "" && j < len(rows[0]) {
				pairs = append(pairs, []string{rows[0][j], cell})
			}
		}
		factsWithin(w, line, indent, pairs)
	}
}

// facts prints names and values, a long value over several lines.
func facts(w io.Writer, rows [][]string) { factsWithin(w, widthOf(w), "  ", rows) }

func factsWithin(w io.Writer, line int, indent string, rows [][]string) {
	name := 0
	for _, row := range rows {
		name = max(name, lipgloss.Width(row[0]))
	}
	for _, row := range rows {
		lines := []string{row[1]}
		if line > 0 {
			lines = folded(row[1], max(20, line-len(indent)-name-len(gap)))
		}
		for i, text := range lines {
			label := row[0]
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(w, "%s%-*s%s%s\n", indent, name, label, gap, strings.TrimRight(text, " "))
		}
	}
}
