package chhttp

import (
	"bytes"
	"compress/zlib"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	chcompress "github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"statline/ingest/sandbox/libchdb"
)

// maxQueryBytes bounds a query's text; an INSERT's rows do not count.
const maxQueryBytes = 16 << 20

// headBytes is how much of a body is looked at to tell an INSERT's text from
// its rows; a ClickHouse server's max_query_size.
const headBytes = 256 << 10

// request is one HTTP request as the engine needs it.
type request struct {
	id       string // query id
	settings []setting
	params   []libchdb.Param
	database string
	format   string // the default, when the query names none
	revision uint64 // of the Native format that the client asks for; 0 = oldest
	readOnly bool

	sql  []byte
	stmt statement
	rows io.Reader // an INSERT's rows, nil for other statements

	frames     bool              // answer in ClickHouse's compressed frames
	frameCodec chcompress.Method // of those frames
	encoding   string            // HTTP content encoding of the answer, "" = none
	bufferSize int               // bytes held back before the answer starts; -1 = all
}

type setting struct{ name, value string }

// handlerParams are URL parameters that are not settings of the query.
var handlerParams = []string{
	"query", "database", "user", "password", "quota_key", "query_id", "default_format",
	"compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version",
	"stacktrace", "role", "session_timeout", "session_check", "close_session",
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseRequest reads everything of r but an INSERT's rows.
func parseRequest(r *http.Request) (*request, error) {
	values := r.URL.Query()
	if values.Get("session_id") != "" {
		return nil, notImplemented("Sessions over HTTP are not supported by the embedded engine")
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, notImplemented("External tables are not supported by the embedded engine")
	}
	q := &request{
		id:         values.Get("query_id"),
		database:   firstOf(values.Get("database"), r.Header.Get("X-ClickHouse-Database")),
		format:     firstOf(values.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), "TabSeparated"),
		readOnly:   r.Method == http.MethodGet || r.Method == http.MethodHead,
		bufferSize: 1 << 20,
		frameCodec: chcompress.LZ4,
	}
	if q.id == "" {
		q.id = newID()
	}
	q.revision, _ = strconv.ParseUint(values.Get("client_protocol_version"), 10, 32)
	if n, err := strconv.Atoi(values.Get("buffer_size")); err == nil && n >= 0 {
		q.bufferSize = n
	}
	if isOn(values.Get("wait_end_of_query")) {
		q.bufferSize = -1
	}
	if err := q.parseSettings(values); err != nil {
		return nil, err
	}
	q.frames = isOn(values.Get("compress"))
	if strings.EqualFold(values.Get("network_compression_method"), "ZSTD") {
		q.frameCodec = chcompress.ZSTD
	}
	if !q.frames && values.Get("enable_http_compression") != "0" {
		q.encoding = acceptedEncoding(r.Header.Get("Accept-Encoding"))
	}
	body, err := decodedBody(r, isOn(values.Get("decompress")))
	if err != nil {
		return nil, err
	}
	return q, q.parseBody(values, body)
}

func (q *request) parseSettings(values url.Values) error {
	for name, v := range values {
		param, isParam := strings.CutPrefix(name, "param_")
		switch {
		case isParam:
			q.params = append(q.params, libchdb.Param{Name: param, Value: v[0]})
		case slices.Contains(handlerParams, name):
		case !settingName.MatchString(name):
			return exception{115, "UNKNOWN_SETTING", "Unknown setting " + quote(name)}
		default:
			q.settings = append(q.settings, setting{name, v[0]})
		}
	}
	slices.SortFunc(q.settings, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	return nil
}

// parseBody splits the query parameter and the body into the query's text and
// an INSERT's rows. Together they are one text: the parameter, a line end, the
// body.
func (q *request) parseBody(values url.Values, body io.Reader) error {
	if text := strings.TrimSpace(values.Get("query")); text != "" {
		q.sql = []byte(text)
		q.stmt = parseStatement(q.sql)
		if q.stmt.takesData {
			q.rows = io.MultiReader(bytes.NewReader(q.stmt.inline), body)
			return nil
		}
		q.sql = append(q.sql, '\n')
	}
	var head bytes.Buffer
	head.Write(q.sql)
	if _, err := io.CopyN(&head, body, headBytes); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read query: %w", err)
	}
	q.sql = head.Bytes()
	q.stmt = parseStatement(q.sql)
	if q.stmt.takesData {
		q.rows = io.MultiReader(bytes.NewReader(q.stmt.inline), body)
		return nil
	}
	if _, err := io.CopyN(&head, body, maxQueryBytes); err == nil {
		return exception{229, "QUERY_IS_TOO_LARGE", fmt.Sprintf("Query is larger than %d bytes", maxQueryBytes)}
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read query: %w", err)
	}
	q.sql = bytes.TrimSpace(head.Bytes())
	q.stmt = parseStatement(q.sql)
	switch {
	case q.stmt.multi:
		return syntaxError("Syntax error (Multi-statements are not allowed)")
	case q.stmt.verb == "":
		return syntaxError("Empty query")
	}
	return nil
}

// decodedBody undoes the request's compression.
func decodedBody(r *http.Request, frames bool) (io.Reader, error) {
	var body io.Reader = r.Body
	switch enc := strings.ToLower(r.Header.Get("Content-Encoding")); enc {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("read gzip body: %w", err)
		}
		body = z
	case "deflate":
		z, err := zlib.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("read deflate body: %w", err)
		}
		body = z
	case "zstd":
		z, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("read zstd body: %w", err)
		}
		body = z.IOReadCloser()
	default:
		return nil, notImplemented("Content-Encoding " + enc + " is not supported by the embedded engine")
	}
	if frames {
		body = frameReader{chcompress.NewReader(body)}
	}
	return body, nil
}

// frameReader gives the bare io.EOF that io.Copy and friends compare with;
// the library wraps it.
type frameReader struct{ r io.Reader }

func (f frameReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// acceptedEncoding picks the answer's content encoding.
func acceptedEncoding(header string) string {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(strings.ToLower(part)), ";")
		if strings.ReplaceAll(weight, " ", "") == "q=0" {
			continue
		}
		if name == "gzip" || name == "deflate" || name == "zstd" {
			return name
		}
	}
	return ""
}

func isOn(v string) bool { return v == "1" || strings.EqualFold(v, "true") }

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// newID is a random version 4 UUID, ClickHouse's form of a query id.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
