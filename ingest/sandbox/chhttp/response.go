package chhttp

import (
	"bytes"
	"compress/zlib"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"statline/ingest/sandbox/chquery"
	"statline/ingest/sandbox/libchdb"
)

// response writes an answer. It holds back the first bytes, so that a query that fails
// early still gets a status and an exception header.
type response struct {
	w       http.ResponseWriter
	req     *request
	zone    string // the engine's time zone
	tag     string // marks an exception in the midst of an answer
	begun   time.Time
	held    bytes.Buffer
	started bool
	out     io.Writer
	closer  io.Closer
	frames  *chquery.FrameWriter
}

func (s *Server) newResponse(w http.ResponseWriter, req *request) *response {
	return &response{w: w, req: req, zone: s.zone, tag: strings.ToLower(rand.Text()[:16]), begun: time.Now()}
}

// Write takes a part of the result.
func (r *response) Write(p []byte) (int, error) {
	if !r.started {
		if r.req.bufferSize < 0 || r.held.Len()+len(p) <= r.req.bufferSize {
			return r.held.Write(p)
		}
		if err := r.start(http.StatusOK); err != nil {
			return 0, err
		}
	}
	return len(p), r.emit(p)
}

// finish ends a good answer.
func (r *response) finish(stats libchdb.Stats) error {
	if !r.started {
		r.w.Header().Set("X-ClickHouse-Summary", r.summary(stats))
		if r.held.Len() == 0 {
			r.setHeaders()
			r.w.WriteHeader(http.StatusOK)
			return nil
		}
		if err := r.start(http.StatusOK); err != nil {
			return err
		}
	}
	return r.end()
}

// fail ends the answer with an exception: as status and body if nothing has been sent,
// otherwise in the frame that clients look for.
func (r *response) fail(cause error) error {
	text := cause.Error()
	code := chquery.CodeOf(cause)
	if !r.started {
		r.held.Reset()
		if code > 0 {
			r.w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(code))
		}
		r.held.WriteString(text + "\n")
		if err := r.start(statusOf(code)); err != nil {
			return err
		}
		return r.end()
	}
	const mark = "\r\n__exception__\r\n"
	body := mark + r.tag + "\r\n" + text + "\n" + fmt.Sprintf("%d %s", len(text)+1, r.tag) + mark
	// A frame of its own: what came before stays readable.
	if err := r.flushFrame(); err != nil {
		return err
	}
	if err := r.emit([]byte(body)); err != nil {
		return err
	}
	return r.end()
}

func (r *response) setHeaders() {
	h := r.w.Header()
	h.Set("X-ClickHouse-Query-Id", r.req.ID)
	h.Set("X-ClickHouse-Format", r.outputFormat())
	h.Set("X-ClickHouse-Timezone", r.zone)
	h.Set("X-ClickHouse-Server-Display-Name", chquery.DisplayName)
	h.Set("X-ClickHouse-Exception-Tag", r.tag)
	h.Set("Content-Type", contentType(r.outputFormat()))
}

func (r *response) outputFormat() string {
	if r.req.Stmt.Format != "" && !r.req.Stmt.TakesData {
		return r.req.Stmt.Format
	}
	return r.req.Format
}

// start sends the headers and what was held back.
func (r *response) start(status int) error {
	r.started = true
	r.setHeaders()
	h := r.w.Header()
	if status != http.StatusOK {
		h.Set("Content-Type", "text/plain; charset=UTF-8")
	}
	r.out = r.w
	switch {
	case r.req.frames:
		r.frames = chquery.NewFrameWriter(r.w, r.req.frameCodec)
		r.out = r.frames
	case r.req.encoding != "":
		h.Set("Content-Encoding", r.req.encoding)
		z, err := encoder(r.w, r.req.encoding)
		if err != nil {
			return err
		}
		r.out, r.closer = z, z
	default:
		if h.Get("X-ClickHouse-Summary") != "" || status != http.StatusOK {
			h.Set("Content-Length", strconv.Itoa(r.held.Len()))
		}
	}
	r.w.WriteHeader(status)
	return r.emit(r.held.Bytes())
}

func encoder(w io.Writer, encoding string) (io.WriteCloser, error) {
	switch encoding {
	case "deflate":
		return zlib.NewWriterLevel(w, zlib.BestSpeed)
	case "zstd":
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	default:
		return gzip.NewWriterLevel(w, gzip.BestSpeed)
	}
}

func (r *response) emit(p []byte) error {
	_, err := r.out.Write(p)
	return err
}

func (r *response) flushFrame() error {
	if r.frames == nil {
		return nil
	}
	return r.frames.Flush()
}

func (r *response) end() error {
	if err := r.flushFrame(); err != nil {
		return err
	}
	if r.closer != nil {
		return r.closer.Close()
	}
	return nil
}

func (r *response) summary(s libchdb.Stats) string {
	return fmt.Sprintf(`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d",`+
		`"total_rows_to_read":"0","result_rows":"%d","result_bytes":"%d","elapsed_ns":"%d"}`,
		s.ReadRows, s.ReadBytes, s.WrittenRows, s.WrittenBytes, s.ResultRows, s.ResultBytes,
		time.Since(r.begun).Nanoseconds())
}

func contentType(format string) string {
	switch {
	case format == "JSON" || strings.HasPrefix(format, "JSONCompact") && !strings.Contains(format, "EachRow"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "JSONEachRow") || strings.HasPrefix(format, "JSONCompactEachRow"):
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8"
	case strings.HasPrefix(format, "TabSeparated") || strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case strings.HasPrefix(format, "Pretty") || format == "Vertical" || format == "Markdown":
		return "text/plain; charset=UTF-8"
	}
	return "application/octet-stream"
}
