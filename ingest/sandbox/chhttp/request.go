package chhttp

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	chcompress "github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"statline/ingest/sandbox/chquery"
	"statline/ingest/sandbox/libchdb"
)

// headBytes is how much of a body is read to tell an INSERT's text from its rows:
// ClickHouse's max_query_size.
const headBytes = 256 << 10

// request is one HTTP request as the engine needs it.
type request struct {
	chquery.Query
	revision uint64 // of the Native format that the client asks for; 0 = oldest

	frames     bool              // answer in ClickHouse's compressed frames
	frameCodec chcompress.Method // of those frames
	encoding   string            // HTTP content encoding of the answer, "" = none
	bufferSize int               // bytes held back before the answer starts; -1 = all
}

// handlerParams are URL parameters that are not settings of the query.
var handlerParams = []string{
	"query", "database", "user", "password", "quota_key", "query_id", "default_format",
	"compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version",
	"stacktrace", "role", "session_timeout", "session_check", "close_session",
}

// parseRequest reads everything of r but an INSERT's rows.
func parseRequest(r *http.Request) (*request, error) {
	values := r.URL.Query()
	if values.Get("session_id") != "" {
		return nil, chquery.NotImplemented("Sessions over HTTP are not supported by the embedded engine")
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return nil, chquery.NotImplemented("External tables are not supported by the embedded engine")
	}
	q := &request{
		Query: chquery.Query{
			ID:       cmp.Or(values.Get("query_id"), chquery.NewID()),
			Database: cmp.Or(values.Get("database"), r.Header.Get("X-ClickHouse-Database")),
			Format:   cmp.Or(values.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), "TabSeparated"),
			ReadOnly: r.Method == http.MethodGet || r.Method == http.MethodHead,
		},
		bufferSize: 1 << 20,
		frameCodec: chcompress.LZ4,
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
	var settings []chquery.Setting
	for name, v := range values {
		param, isParam := strings.CutPrefix(name, "param_")
		switch {
		case isParam:
			q.Params = append(q.Params, libchdb.Param{Name: param, Value: v[0]})
		case slices.Contains(handlerParams, name):
		default:
			settings = append(settings, chquery.Setting{Name: name, Value: v[0]})
		}
	}
	return q.SetSettings(settings)
}

// parseBody splits the query parameter and the body, which are one text with a line end
// between them, into the query's text and an INSERT's rows.
func (q *request) parseBody(values url.Values, body io.Reader) error {
	if text := strings.TrimSpace(values.Get("query")); text != "" {
		q.SQL = []byte(text)
		q.Stmt = chquery.ParseStatement(q.SQL)
		if q.Stmt.TakesData {
			q.Rows = chquery.FromReader(io.MultiReader(bytes.NewReader(q.Stmt.Inline), body))
			return nil
		}
		q.SQL = append(q.SQL, '\n')
	}
	var head bytes.Buffer
	head.Write(q.SQL)
	if _, err := io.CopyN(&head, body, headBytes); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read query: %w", err)
	}
	q.SQL = head.Bytes()
	q.Stmt = chquery.ParseStatement(q.SQL)
	if q.Stmt.TakesData {
		q.Rows = chquery.FromReader(io.MultiReader(bytes.NewReader(q.Stmt.Inline), body))
		return nil
	}
	if _, err := io.CopyN(&head, body, chquery.MaxQueryBytes); err == nil {
		return chquery.TooLarge()
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read query: %w", err)
	}
	q.SQL = bytes.TrimSpace(head.Bytes())
	q.Stmt = chquery.ParseStatement(q.SQL)
	return q.CheckSingle()
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
		return nil, chquery.NotImplemented("Content-Encoding " + enc + " is not supported by the embedded engine")
	}
	if frames {
		body = chquery.NewFrameReader(body)
	}
	return body, nil
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
