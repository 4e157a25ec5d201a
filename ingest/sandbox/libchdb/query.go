package libchdb

import (
	"errors"
	"runtime"
	"unsafe"
)

// Param is one value for a {name:Type} placeholder, in ClickHouse's escaped
// text form.
type Param struct{ Name, Value string }

// Stats is what a query read and wrote so far.
type Stats struct {
	ReadRows, ReadBytes       uint64
	WrittenRows, WrittenBytes uint64
	ResultRows, ResultBytes   uint64
}

// Result is a query's output or one chunk of it. Free it exactly once.
type Result struct {
	lib    *Library
	handle unsafe.Pointer
}

// Query runs sql and returns its whole output in the given format. The error
// text is ClickHouse's: "Code: N. DB::Exception: …".
func (c *Conn) Query(sql []byte, format string, params []Param) (*Result, error) {
	handle := c.call(c.lib.query, c.lib.queryParams, sql, format, params)
	return c.lib.result(handle)
}

// Stream starts sql and returns its output chunk by chunk.
func (c *Conn) Stream(sql []byte, format string, params []Param) (*Stream, error) {
	handle := c.call(c.lib.stream, c.lib.streamParams, sql, format, params)
	res, err := c.lib.result(handle)
	if err != nil {
		return nil, err
	}
	return &Stream{conn: c, result: res}, nil
}

type (
	plainCall = func(conn, sql unsafe.Pointer, n uintptr, format unsafe.Pointer, fn uintptr) unsafe.Pointer
	paramCall = func(conn, sql unsafe.Pointer, n uintptr, format unsafe.Pointer, fn uintptr, names, nameLens, values,
		valueLens unsafe.Pointer, count uintptr) unsafe.Pointer
)

func (c *Conn) call(plain plainCall, param paramCall, sql []byte, format string, params []Param) unsafe.Pointer {
	f := []byte(format)
	var handle unsafe.Pointer
	if len(params) == 0 {
		handle = plain(c.raw(), bytesPointer(sql), uintptr(len(sql)), bytesPointer(f), uintptr(len(f)))
	} else {
		handle = c.callParams(param, sql, f, params)
	}
	runtime.KeepAlive(sql)
	runtime.KeepAlive(f)
	return handle
}

func (c *Conn) callParams(call paramCall, sql, format []byte, params []Param) unsafe.Pointer {
	var pin runtime.Pinner
	defer pin.Unpin()
	text := func(s string) unsafe.Pointer {
		b := append([]byte(s), 0)
		pin.Pin(&b[0])
		return unsafe.Pointer(&b[0])
	}
	names, values := make([]unsafe.Pointer, len(params)), make([]unsafe.Pointer, len(params))
	nameLens, valueLens := make([]uintptr, len(params)), make([]uintptr, len(params))
	for i, p := range params {
		names[i], nameLens[i] = text(p.Name), uintptr(len(p.Name))
		values[i], valueLens[i] = text(p.Value), uintptr(len(p.Value))
	}
	return call(c.raw(), bytesPointer(sql), uintptr(len(sql)), bytesPointer(format), uintptr(len(format)),
		unsafe.Pointer(&names[0]), unsafe.Pointer(&nameLens[0]),
		unsafe.Pointer(&values[0]), unsafe.Pointer(&valueLens[0]), uintptr(len(params)))
}

func bytesPointer(b []byte) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(b))
}

// result wraps a handle, or turns its error text into an error and frees it.
func (l *Library) result(handle unsafe.Pointer) (*Result, error) {
	if handle == nil {
		return nil, errors.New("libchdb returned no result")
	}
	if text := l.errorText(handle); text != nil {
		err := errors.New(goString(text))
		l.destroy(handle)
		return nil, err
	}
	return &Result{lib: l, handle: handle}, nil
}

// Bytes is the output. It is libchdb's memory: valid until Free.
func (r *Result) Bytes() []byte {
	n := r.lib.length(r.handle)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(r.lib.buffer(r.handle)), n)
}

// Stats is what the query read and wrote.
func (r *Result) Stats() Stats {
	return Stats{
		ReadRows: r.lib.storageRows(r.handle), ReadBytes: r.lib.storageBytes(r.handle),
		WrittenRows: r.lib.rowsWritten(r.handle), WrittenBytes: r.lib.bytesWritten(r.handle),
		ResultRows: r.lib.rowsRead(r.handle), ResultBytes: r.lib.bytesRead(r.handle),
	}
}

// Free gives the memory back.
func (r *Result) Free() {
	if r.handle != nil {
		r.lib.destroy(r.handle)
		r.handle = nil
	}
}

// Stream is a running query. Close it exactly once, finished or not.
type Stream struct {
	conn   *Conn
	result *Result
	done   bool
	empty  bool // the last chunk held no row
}

// noStream is libchdb's error for a fetch after a chunk without rows, such as a header of
// column names: it has ended the query then.
const noStream = "No active streaming query"

// Next returns the next chunk, nil at the end. The caller frees it.
func (s *Stream) Next() (*Result, error) {
	if s.done {
		return nil, nil
	}
	handle := s.conn.lib.streamFetch(s.conn.raw(), s.result.handle)
	res, err := s.conn.lib.result(handle)
	if err != nil {
		s.done = true
		if s.empty && err.Error() == noStream {
			return nil, nil
		}
		return nil, err
	}
	s.empty = s.conn.lib.rowsRead(res.handle) == 0
	if s.conn.lib.length(res.handle) == 0 {
		s.done = true
		res.Free()
		return nil, nil
	}
	return res, nil
}

// Close ends the query, cancelling what is left of it.
func (s *Stream) Close() {
	if !s.done {
		s.conn.lib.streamCancel(s.conn.raw(), s.result.handle)
		s.done = true
	}
	s.result.Free()
}

func goString(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}
