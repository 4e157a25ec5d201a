// Package libchdb is a small binding to libchdb, ClickHouse as a library,
// loaded at run time without cgo.
//
// Its guarantee: query texts and results have explicit lengths, so NUL bytes pass, and
// loading, opening and closing leave the process's signal handlers as they were. It knows
// nothing of HTTP, formats or SQL.
//
// Load moves the process's standard input to another descriptor (see
// moveStdin): os.Stdin reads it as before.
//
// The library is a singleton: one data directory per process at a time, and it
// is never unloaded.
package libchdb

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ErrBusy is returned by Open while another Engine of this process is open:
// libchdb keeps its state in globals and has one data directory at a time.
var ErrBusy = errors.New("libchdb: another engine is open in this process")

// Library is a loaded libchdb.
type Library struct {
	path string

	connect                   func(argc int32, argv *unsafe.Pointer) unsafe.Pointer
	closeConn                 func(conn unsafe.Pointer)
	query, stream             plainCall
	queryParams, streamParams paramCall
	streamFetch               func(conn, stream unsafe.Pointer) unsafe.Pointer
	streamCancel              func(conn, stream unsafe.Pointer)
	destroy                   func(result unsafe.Pointer)

	buffer, errorText func(result unsafe.Pointer) unsafe.Pointer
	length            func(result unsafe.Pointer) uintptr

	rowsRead, bytesRead, storageRows, storageBytes, rowsWritten, bytesWritten func(result unsafe.Pointer) uint64

	signals *signalTable
	stdin   *os.File // of descriptor 0
	mu      sync.Mutex
	open    bool
}

// loaded holds the one Library of the process: libchdb keeps its state in globals.
var loaded struct {
	sync.Mutex
	library *Library
}

// Load loads libchdb from path, once per process: a second call with the same
// path returns the same Library, one with another path is an error.
func Load(path string) (*Library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if l := loaded.library; l != nil {
		if l.path != path {
			return nil, fmt.Errorf("load engine %s: this process has loaded %s", path, l.path)
		}
		return l, nil
	}
	l, err := load(path)
	if err != nil {
		return nil, fmt.Errorf("load engine %s: %w", path, err)
	}
	loaded.library = l
	return l, nil
}

func load(path string) (l *Library, err error) {
	signals, err := newSignalTable()
	if err != nil {
		return nil, err
	}
	// Static initializers run here and may install handlers already.
	defer signals.hold()()
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	l = &Library{path: path, signals: signals}
	for name, fn := range map[string]any{
		"chdb_connect":                    &l.connect,
		"chdb_close_conn":                 &l.closeConn,
		"chdb_query_n":                    &l.query,
		"chdb_query_with_params_n":        &l.queryParams,
		"chdb_stream_query_n":             &l.stream,
		"chdb_stream_query_with_params_n": &l.streamParams,
		"chdb_stream_fetch_result":        &l.streamFetch,
		"chdb_stream_cancel_query":        &l.streamCancel,
		"chdb_destroy_query_result":       &l.destroy,
		"chdb_result_buffer":              &l.buffer,
		"chdb_result_length":              &l.length,
		"chdb_result_error":               &l.errorText,
		"chdb_result_rows_read":           &l.rowsRead,
		"chdb_result_bytes_read":          &l.bytesRead,
		"chdb_result_storage_rows_read":   &l.storageRows,
		"chdb_result_storage_bytes_read":  &l.storageBytes,
		"chdb_result_rows_written":        &l.rowsWritten,
		"chdb_result_bytes_written":       &l.bytesWritten,
	} {
		sym, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("not a libchdb of the pinned version: %w", err)
		}
		purego.RegisterFunc(fn, sym)
	}
	if l.stdin, err = moveStdin(); err != nil {
		return nil, err
	}
	return l, nil
}

// Engine is libchdb opened on one data directory.
type Engine struct {
	lib  *Library
	args []string
	keep *Conn // keeps the engine open while no query runs
}

// Open opens the data directory dir (made when missing). config is a file with
// a ClickHouse server's configuration (clusters, macros, ZooKeeper), "" for
// none. Only one Engine may be open at a time; ErrBusy otherwise.
func (l *Library) Open(dir, config string) (*Engine, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		return nil, ErrBusy
	}
	e := &Engine{lib: l, args: []string{"clickhouse", "--path=" + dir}}
	if config != "" {
		e.args = append(e.args, "--config-file="+config)
	}
	// The first session starts ClickHouse, the last one ends it; those between
	// leave the signal handlers alone. (Switching libchdb's handlers off with
	// chdb_set_signal_handlers_enabled is no help: then every session resets
	// the crash signals to the system's default.)
	defer l.signals.hold()()
	keep, err := e.Conn()
	if err != nil {
		return nil, fmt.Errorf("open engine on %s: %w", dir, err)
	}
	e.keep = keep
	l.open = true
	return e, nil
}

// Close closes the engine. Every Conn must be closed before.
func (e *Engine) Close() {
	e.lib.mu.Lock()
	defer e.lib.mu.Unlock()
	defer e.lib.signals.hold()()
	e.keep.Close()
	e.lib.open = false
}

// Conn is one session: SET and USE last as long as it does. It runs one query
// at a time and is for one goroutine; several Conns run in parallel.
type Conn struct {
	lib    *Library
	handle unsafe.Pointer // chdb_connection*, freed by close
}

// Conn opens a session (about 0.15 ms).
func (e *Engine) Conn() (*Conn, error) {
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]unsafe.Pointer, len(e.args)+1)
	for i, a := range e.args {
		b := append([]byte(a), 0)
		pin.Pin(&b[0])
		argv[i] = unsafe.Pointer(&b[0])
	}
	handle := e.lib.connect(int32(len(e.args)), &argv[0])
	if handle == nil {
		return nil, errors.New("libchdb refused the connection")
	}
	return &Conn{lib: e.lib, handle: handle}, nil
}

// Close ends the session.
func (c *Conn) Close() {
	if c.handle == nil {
		return
	}
	c.lib.closeConn(c.handle)
	c.handle = nil
}

// raw is the chdb_connection that chdb_connect's pointer points to.
func (c *Conn) raw() unsafe.Pointer { return *(*unsafe.Pointer)(c.handle) }
