package chhttp

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"statline/ingest/sandbox/libchdb"
)

// run runs the request's statement on a session of its own and writes its
// output to out.
func (s *Server) run(ctx context.Context, req *request, out io.Writer) (libchdb.Stats, error) {
	if req.stmt.takesData {
		return s.insert(ctx, req)
	}
	conn, err := s.session(req)
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer conn.Close()
	defer s.cancelWith(ctx, req.id)()
	switch {
	case req.isHello():
		return s.hello(conn, req, out)
	case req.stmt.verb == "SELECT" || req.stmt.verb == "WITH":
		return stream(ctx, conn, req, out)
	}
	return whole(conn, req.statement(), req, out)
}

// statement is the text to run. DROP … SYNC never returns in the library;
// without SYNC the table is gone just the same and its files follow later.
func (q *request) statement() []byte {
	if q.stmt.syncAt > 0 {
		return q.sql[:q.stmt.syncAt]
	}
	return q.sql
}

// session opens a session with the request's settings and database.
func (s *Server) session(req *request) (*libchdb.Conn, error) {
	conn, err := s.engine.Conn()
	if err != nil {
		return nil, err
	}
	if err := exec(conn, req.preamble()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// preamble is the SQL that gives a session the request's settings. A server's
// own defaults come first where the library's differ, and no query is compiled
// to machine code: its third run would take a second longer, which a small
// store never earns back. A request can ask for it.
func (q *request) preamble() string {
	var b strings.Builder
	b.WriteString("SET implicit_select = 0, allow_introspection_functions = 0" +
		", compile_expressions = 0, compile_aggregate_expressions = 0, compile_sort_description = 0")
	comment := ""
	for _, p := range q.settings {
		if p.name == "log_comment" {
			comment = p.value + " "
			continue
		}
		fmt.Fprintf(&b, ", %s = %s", p.name, quote(p.value))
	}
	// The query is found again by its comment, to cancel it.
	fmt.Fprintf(&b, ", log_comment = %s", quote(comment+killMark(q.id)))
	if q.readOnly {
		b.WriteString(", readonly = 2")
	}
	if q.database != "" && q.database != "default" {
		b.WriteString("; USE " + quoteName(q.database))
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
func whole(conn *libchdb.Conn, sql []byte, req *request, out io.Writer) (libchdb.Stats, error) {
	res, err := conn.Query(sql, req.format, req.params)
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer res.Free()
	_, err = out.Write(res.Bytes())
	return res.Stats(), err
}

// stream runs a SELECT and writes its output as it comes.
func stream(ctx context.Context, conn *libchdb.Conn, req *request, out io.Writer) (total libchdb.Stats, err error) {
	rows, err := conn.Stream(req.sql, req.format, req.params)
	if err != nil {
		if strings.Contains(err.Error(), "Streaming query is not supported") {
			return whole(conn, req.sql, req, out)
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

func (s *Server) hello(conn *libchdb.Conn, req *request, out io.Writer) (libchdb.Stats, error) {
	res, err := conn.Query([]byte(helloSQL), "TabSeparated", nil)
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer res.Free()
	block, err := encodeHello(res.Bytes(), req.revision)
	if err != nil {
		return libchdb.Stats{}, err
	}
	_, err = out.Write(block)
	return res.Stats(), err
}

// insert runs an INSERT whose rows came with the request. It reads them from
// a file, INSERT … FROM INFILE, which keeps the semantics of an insert of
// blocks: the deduplication token counts, as it would not for INSERT SELECT.
func (s *Server) insert(ctx context.Context, req *request) (libchdb.Stats, error) {
	file, err := s.spools.get()
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer s.spools.put(file)
	if err := file.fill(req.rows); err != nil {
		return libchdb.Stats{}, err
	}
	conn, err := s.session(req)
	if err != nil {
		return libchdb.Stats{}, err
	}
	defer conn.Close()
	defer s.cancelWith(ctx, req.id)()
	// On a line of its own: the head may end with a comment.
	sql := fmt.Sprintf("%s\nFROM INFILE %s COMPRESSION 'none' %s\nFORMAT %s",
		req.stmt.head, quote(file.path), req.stmt.tail, req.stmt.format)
	return whole(conn, []byte(sql), req, io.Discard)
}

// cancelWith kills the query when ctx ends before the returned function is
// called. It asks again and again: the query may not have started yet.
func (s *Server) cancelWith(ctx context.Context, id string) (done func()) {
	finished := make(chan struct{})
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		for {
			s.kill(id)
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

func (s *Server) kill(id string) {
	conn, err := s.engine.Conn()
	if err != nil {
		s.log.Warn("cancel query", "query_id", id, "error", err)
		return
	}
	defer conn.Close()
	err = exec(conn, "KILL QUERY WHERE endsWith(Settings['log_comment'], "+quote(killMark(id))+") ASYNC")
	if err != nil {
		s.log.Warn("cancel query", "query_id", id, "error", err)
	}
}
