package chquery

import (
	"bytes"
	"slices"
	"strings"
)

// Statement is what a server must know of a SQL text before it runs it.
type Statement struct {
	Verb   string // first keyword in upper case: SELECT, INSERT, …
	Format string // of a FORMAT clause outside parentheses, "" when none
	Multi  bool   // a second statement follows
	Totals bool   // WITH TOTALS stands in it, outside parentheses

	// Where the FORMAT clause stands, [0, 0) when there is none.
	formatAt, formatEnd int
	end                 int // where the statement ends: before its semicolon, if any

	// Where the SYNC that ends a DROP stands, 0 when there is none.
	syncAt int

	// For an INSERT whose rows are data and not a query: the text up to where
	// FROM INFILE goes, the clauses after that place, and the rows that follow
	// in the same text.
	TakesData  bool
	head, tail []byte
	Inline     []byte
}

// ParseStatement reads sql as far as necessary. It is no parser: the engine reports what
// is wrong with a text.
func ParseStatement(sql []byte) Statement {
	s := scanner{text: sql}
	var st Statement
	first, ok := s.next()
	for ok && first.is("(") { // (SELECT …) UNION …
		first, ok = s.next()
	}
	if !ok {
		return st
	}
	st.Verb = strings.ToUpper(string(first.text))
	if st.Verb == "INSERT" {
		parseInsert(&s, &st)
		if st.TakesData || st.Multi {
			return st
		}
	}
	for before := first; ; {
		t, ok := s.next()
		if !ok {
			st.end = len(sql)
			return st
		}
		if t.is(";") {
			st.end = t.at
			_, st.Multi = s.next()
			return st
		}
		st.syncAt = 0
		switch {
		case st.Verb == "DROP" && t.is("SYNC") && !beforeName(before):
			st.syncAt = t.at
		case t.depth == 0 && t.is("FORMAT") && !wantsOperand(before):
			if name, ok := s.next(); ok && name.word && s.atClauseEnd() {
				st.Format = string(name.text)
				st.formatAt, st.formatEnd = t.at, name.at+len(name.text)
			}
		case t.depth == 0 && t.is("TOTALS") && before.is("WITH"):
			st.Totals = true
		}
		before = t
	}
}

// wantsOperand reports whether an operand follows t, so that the word FORMAT after it is a
// column and no clause.
func wantsOperand(t token) bool {
	return slices.ContainsFunc([]string{",", "=", "<", ">", "+", "-", "/", "%", "|", ".", ":", "BY", "SELECT",
		"DISTINCT", "WHERE", "PREWHERE",
		"HAVING", "QUALIFY", "AND", "OR", "NOT", "ON", "IN", "LIKE", "ILIKE", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE",
		"AS", "FROM", "JOIN", "USING"}, t.is)
}

// atClauseEnd reports whether the text ends here, or the only clause that may follow
// FORMAT comes.
func (s *scanner) atClauseEnd() bool {
	ahead := *s
	t, ok := ahead.next()
	return !ok || t.is(";") || t.is("SETTINGS")
}

// beforeName says whether t is followed by a name in a DROP.
func beforeName(t token) bool {
	return slices.ContainsFunc([]string{"TABLE", "VIEW", "DATABASE", "DICTIONARY", "EXISTS", "."}, t.is)
}

// parseInsert finds out whether an INSERT takes data, and where its parts are.
func parseInsert(s *scanner, st *Statement) {
	cut := -1 // where FROM INFILE goes
	for {
		t, ok := s.next()
		if !ok {
			// INSERT INTO t: the rows come with the request.
			if cut < 0 {
				cut = len(s.text)
			}
			st.setData("Values", cut, len(s.text), s.text, nil)
			return
		}
		if t.depth > 0 {
			continue
		}
		if cut < 0 && slices.ContainsFunc([]string{";", "SETTINGS", "VALUES", "FORMAT"}, t.is) {
			cut = t.at
		}
		switch {
		case t.is(";"):
			if _, st.Multi = s.next(); st.Multi {
				return
			}
			st.setData("Values", cut, t.at, s.text, nil)
			return
		case t.is("SELECT"), t.is("WITH"), t.is("FROM"), t.is("WATCH"):
			return
		case t.is("VALUES"):
			st.setData("Values", cut, t.at, s.text, s.text[s.at:])
			return
		case t.is("FORMAT"):
			name, ok := s.next()
			if !ok {
				return
			}
			st.setData(string(name.text), cut, t.at, s.text, inlineRows(s.text[s.at:]))
			return
		}
	}
}

func (st *Statement) setData(format string, cut, end int, text, rows []byte) {
	st.TakesData, st.Format = true, format
	st.head, st.tail, st.Inline = text[:cut], text[cut:end], rows
}

// query returns a SELECT of sql without its FORMAT clause and the semicolon
// that ends it.
func (st Statement) query(sql []byte) []byte {
	text := slices.Clone(sql[:st.end])
	if st.formatEnd > 0 {
		for i := st.formatAt; i < st.formatEnd; i++ {
			text[i] = ' '
		}
	}
	return text
}

// target returns the table of an INSERT that takes data, and the list of its
// columns as it stands between the parentheses, "" when there is none. A table
// function has no target.
func (st Statement) target() (table, columns string, found bool) {
	s := scanner{text: st.head}
	_, _ = s.next() // INSERT
	t, ok := s.next()
	if ok && t.is("INTO") {
		t, ok = s.next()
	}
	if ok && t.is("TABLE") {
		t, ok = s.next()
	}
	if !ok || t.is("FUNCTION") {
		return "", "", false
	}
	from, to := t.at, len(st.head)
	for ok {
		t, ok = s.next()
		if ok && t.depth == 0 && t.is("(") {
			to = t.at
			columns = strings.TrimSpace(string(st.head[t.at:]))
			break
		}
	}
	columns = strings.TrimSuffix(strings.TrimPrefix(columns, "("), ")")
	return strings.TrimSpace(string(st.head[from:to])), columns, true
}

// inlineRows skips what may stand between the format's name and its rows: one
// line end, blanks before it, a semicolon that ends the statement.
func inlineRows(rest []byte) []byte {
	trimmed := bytes.TrimLeft(rest, " \t\f\r")
	if len(bytes.TrimSpace(trimmed)) == 0 || bytes.Equal(bytes.TrimSpace(trimmed), []byte(";")) {
		return nil
	}
	return bytes.TrimPrefix(trimmed, []byte("\n"))
}

// token is one word, string or sign of SQL.
type token struct {
	text  []byte
	at    int
	depth int // of brackets around it
	word  bool
}

func (t token) is(keyword string) bool {
	return len(t.text) == len(keyword) && strings.EqualFold(string(t.text), keyword)
}

type scanner struct {
	text  []byte
	at    int
	depth int
}

// next returns the next token; comments and blanks are none.
func (s *scanner) next() (token, bool) {
	s.skipBlank()
	if s.at >= len(s.text) {
		return token{}, false
	}
	t, c := token{at: s.at, depth: s.depth}, s.text[s.at]
	switch {
	case c == '\'' || c == '"' || c == '`':
		s.skipQuoted(c)
	case isWord(c):
		for s.at < len(s.text) && (isWord(s.text[s.at]) || s.text[s.at] == '$') {
			s.at++
		}
		t.word = c < '0' || c > '9'
	case c == '$' && s.skipHeredoc():
	case c == '(' || c == '[' || c == '{':
		s.at++
		s.depth++
	case c == ')' || c == ']' || c == '}':
		s.at++
		s.depth--
		t.depth--
	default:
		s.at++
	}
	t.text = s.text[t.at:s.at]
	return t, true
}

func (s *scanner) skipBlank() {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch {
		case rest[0] == ' ' || rest[0] >= '\t' && rest[0] <= '\r':
			s.at++
		case bytes.HasPrefix(rest, []byte("--")), bytes.HasPrefix(rest, []byte("#!")),
			bytes.HasPrefix(rest, []byte("# ")):
			s.skipPast(rest, "\n")
		case bytes.HasPrefix(rest, []byte("/*")):
			s.skipPast(rest, "*/")
		default:
			return
		}
	}
}

func (s *scanner) skipPast(rest []byte, end string) {
	if i := bytes.Index(rest, []byte(end)); i >= 0 {
		s.at += i + len(end)
		return
	}
	s.at = len(s.text)
}

// skipQuoted passes a quoted text. A doubled quote reads as two adjacent texts, which makes
// no difference here.
func (s *scanner) skipQuoted(quote byte) {
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case quote:
			s.at++
			return
		}
	}
	s.at = len(s.text)
}

// skipHeredoc passes $tag$…$tag$.
func (s *scanner) skipHeredoc() bool {
	end := bytes.IndexByte(s.text[s.at+1:], '$')
	if end < 0 {
		return false
	}
	tag := s.text[s.at : s.at+end+2]
	for _, c := range tag[1 : len(tag)-1] {
		if !isWord(c) {
			return false
		}
	}
	s.at += len(tag)
	s.skipPast(s.text[s.at:], string(tag))
	return true
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// Quote writes s as a SQL string.
func Quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// QuoteName writes s as a SQL identifier.
func QuoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}
