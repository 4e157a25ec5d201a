// Package chquery runs statements on an embedded engine as a ClickHouse server does:
// settings and parameters of one query, rows of an INSERT under its deduplication token,
// streamed output, cancellation. chhttp and chnative are the protocols over it.
package chquery

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"statline/ingest/sandbox/libchdb"
)

// MaxQueryBytes bounds a query's text; an INSERT's rows do not count.
const MaxQueryBytes = 16 << 20

// DisplayName is what the servers call themselves.
const DisplayName = "statline"

// Query is one statement as the engine needs it.
type Query struct {
	ID       string
	SQL      []byte
	Stmt     Statement // of SQL
	Settings []Setting
	Params   []libchdb.Param
	Database string
	Format   string // of the output, unless the statement names one
	ReadOnly bool
	Rows     Rows     // of an INSERT, nil for other statements
	Session  []string // SET statements that came before on the same connection
}

// Setting is a setting of one query.
type Setting struct{ Name, Value string }

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// SetSettings takes the settings in the order of their names.
func (q *Query) SetSettings(all []Setting) error {
	for _, s := range all {
		if !settingName.MatchString(s.Name) {
			return Exception{115, "UNKNOWN_SETTING", "Unknown setting " + Quote(s.Name)}
		}
	}
	slices.SortFunc(all, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	q.Settings = all
	return nil
}

// CheckSingle refuses a text of no or of several statements.
func (q *Query) CheckSingle() error {
	switch {
	case q.Stmt.Multi:
		return SyntaxError("Syntax error (Multi-statements are not allowed)")
	case q.Stmt.Verb == "":
		return SyntaxError("Empty query")
	}
	return nil
}

// DropFormat removes the FORMAT clause, for a protocol with one form of rows.
func (q *Query) DropFormat() {
	if !q.Stmt.TakesData && q.Stmt.formatEnd > 0 {
		q.SQL = q.Stmt.query(q.SQL)
		q.Stmt = ParseStatement(q.SQL)
	}
}

// NewID is a random version 4 UUID, ClickHouse's form of a query id.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Runner runs queries on one engine, any number at a time.
type Runner struct {
	engine *libchdb.Engine
	log    *slog.Logger
	spools spools

	described described
}

// New returns a runner for engine.
func New(engine *libchdb.Engine, log *slog.Logger) *Runner {
	return &Runner{engine: engine, log: log}
}

// Close gives back what is kept for the next INSERT. No query may run.
func (r *Runner) Close() { r.spools.close() }

// Run runs a query on a session of its own and writes its output to out: each
// Write holds whole blocks of the output format.
func (r *Runner) Run(ctx context.Context, q *Query, out io.Writer) (libchdb.Stats, error) {
	if q.Stmt.TakesData {
		return r.insert(ctx, q)
	}
	if q.alters() {
		r.described.forget()
		defer r.described.forget()
	}
	conn, err := r.session(q)
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer conn.Close()
	defer r.cancelWith(ctx, q.ID)()
	if q.IsSelect() {
		return stream(ctx, conn, q, out)
	}
	return whole(conn, q.statement(), q, out)
}

// IsSelect says whether the statement's rows come as a stream.
func (q *Query) IsSelect() bool { return q.Stmt.Verb == "SELECT" || q.Stmt.Verb == "WITH" }

// alters reports a statement that may change a table's columns.
func (q *Query) alters() bool {
	return !q.IsSelect() && q.Stmt.Verb != "INSERT" && !slices.Contains(describing, q.Stmt.Verb)
}

// Ask runs a statement of ours in q's place, with its settings and parameters,
// and returns the whole output.
func (r *Runner) Ask(ctx context.Context, q *Query, sql, format string) ([]byte, error) {
	conn, err := r.session(q)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer r.cancelWith(ctx, q.ID)()
	res, err := conn.Query([]byte(sql), format, q.Params)
	if err != nil {
		return nil, err
	}
	defer res.Free()
	return slices.Clone(res.Bytes()), nil
}

// Server asks the engine for its version and time zone.
func (r *Runner) Server(ctx context.Context) (version, zone string, err error) {
	row, err := r.Ask(ctx, &Query{ID: NewID()}, "SELECT version(), timezone()", "TabSeparatedRaw")
	if err != nil {
		return "", "", fmt.Errorf("ask the engine for its version and time zone: %w", err)
	}
	version, zone, ok := strings.Cut(strings.TrimSuffix(string(row), "\n"), "\t")
	if !ok {
		return "", "", fmt.Errorf("engine's version and time zone: got %q; want two columns", row)
	}
	return version, zone, nil
}

// statement is the text to run. DROP … SYNC never returns in the library; without SYNC the
// table is gone too, and its files are removed later.
func (q *Query) statement() []byte {
	if q.Stmt.syncAt > 0 {
		return q.SQL[:q.Stmt.syncAt]
	}
	return q.SQL
}

// session opens a session with the query's settings and database.
func (r *Runner) session(q *Query) (*libchdb.Conn, error) {
	conn, err := r.engine.Conn()
	if err != nil {
		return nil, err
	}
	if err := exec(conn, q.preamble()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// preamble is the SQL that sets a session's settings. The server's defaults come first
// where the library's differ. Queries are not compiled to machine code unless they ask for
// it: their third run would take a second longer, which does not pay in a small store.
func (q *Query) preamble() string {
	var b strings.Builder
	b.WriteString("SET implicit_select = 0, allow_introspection_functions = 0" +
		", compile_expressions = 0, compile_aggregate_expressions = 0, compile_sort_description = 0")
	for _, set := range q.Session {
		b.WriteString("; " + set + "\n")
	}
	if len(q.Session) > 0 {
		b.WriteString("; SET implicit_select = 0")
	}
	comment := ""
	for _, p := range q.Settings {
		if p.Name == "log_comment" {
			comment = p.Value + " "
			continue
		}
		fmt.Fprintf(&b, ", %s = %s", p.Name, Quote(p.Value))
	}
	// The query is found again by its comment, to cancel it.
	fmt.Fprintf(&b, ", log_comment = %s", Quote(comment+killMark(q.ID)))
	if q.ReadOnly {
		b.WriteString(", readonly = 2")
	}
	if q.Database != "" && q.Database != "default" {
		b.WriteString("; USE " + QuoteName(q.Database))
	}
	return b.String()
}

func killMark(id string) string { return "query_id=" + id }

func exec(conn *libchdb.Conn, sql string) error {
	res, err := conn.Query([]byte(sql), "Null", nil)
	if err != nil {
		return err
	}
	res.Free()
	return nil
}

// whole runs a statement and writes its output at once.
func whole(conn *libchdb.Conn, sql []byte, q *Query, out io.Writer) (libchdb.Stats, error) {
	res, err := conn.Query(sql, q.Format, q.Params)
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer res.Free()
	_, err = out.Write(res.Bytes())
	return res.Stats(), err
}

// stream runs a SELECT and writes its output as it comes.
func stream(ctx context.Context, conn *libchdb.Conn, q *Query, out io.Writer) (total libchdb.Stats, err error) {
	rows, err := conn.Stream(q.SQL, q.Format, q.Params)
	if err != nil {
		if strings.Contains(err.Error(), "Streaming query is not supported") {
			return whole(conn, q.SQL, q, out)
		}
		return total, err
	}
	defer rows.Close()
	for {
		chunk, err := rows.Next()
		if err != nil || chunk == nil {
			return total, err
		}
		part := chunk.Stats()
		total.ReadRows, total.ReadBytes = max(total.ReadRows, part.ReadRows), max(total.ReadBytes, part.ReadBytes)
		total.ResultRows += part.ResultRows
		total.ResultBytes += part.ResultBytes
		_, err = out.Write(chunk.Bytes())
		chunk.Free()
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return total, err
		}
	}
}

// insert runs an INSERT whose rows came with the query. The engine reads them from a file,
// INSERT … FROM INFILE, which honours the deduplication token; INSERT SELECT would not.
func (r *Runner) insert(ctx context.Context, q *Query) (libchdb.Stats, error) {
	file, err := r.spools.get()
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer r.spools.put(file)
	if err := file.fill(q.Rows); err != nil {
		return libchdb.Stats{}, err
	}
	conn, err := r.session(q)
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer conn.Close()
	defer r.cancelWith(ctx, q.ID)()
	// On a line of its own: the head may end with a comment.
	sql := fmt.Sprintf("%s\nFROM INFILE %s COMPRESSION 'none' %s\nFORMAT %s",
		q.Stmt.head, Quote(file.path), q.Stmt.tail, q.Stmt.Format)
	return whole(conn, []byte(sql), q, io.Discard)
}

// cancelWith kills the query when ctx ends before the returned function is called. It
// repeats that, since the query may not have started yet.
func (r *Runner) cancelWith(ctx context.Context, id string) (done func()) {
	finished := make(chan struct{})
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		for {
			r.kill(id)
			select {
			case <-finished:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	return func() {
		close(finished)
		if !stop() {
			<-ended
		}
	}
}

func (r *Runner) kill(id string) {
	conn, err := r.engine.Conn()
	if err != nil {
		r.log.Warn("cancel query", "query_id", id, "err", err)
		return
	}
	defer conn.Close()
	err = exec(conn, "KILL QUERY WHERE endsWith(Settings['log_comment'], "+Quote(killMark(id))+") ASYNC")
	if err != nil {
		r.log.Warn("cancel query", "query_id", id, "err", err)
	}
}
