package chnative

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/proto"

	"statline/ingest/sandbox/chquery"
	"statline/ingest/sandbox/libchdb"
)

// What a client may send, checked before it is allocated.
const (
	maxName     = 64 << 10 // names, passwords, a setting's value
	maxSettings = 10_000
	maxColumns  = 10_000
	maxRows     = 1 << 30
)

// wire reads the values that packets are made of. It keeps the first error; what is read
// after it is zero.
type wire struct {
	in  *bufio.Reader
	err error
}

func (w *wire) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *wire) uvarint() uint64 {
	if w.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(w.in)
	if err != nil {
		w.err = fmt.Errorf("read a number: %w", err)
		return 0
	}
	return n
}

// count is a number that must not be over a limit.
func (w *wire) count(what string, limit uint64) int {
	n := w.uvarint()
	if n > limit {
		w.err = fmt.Errorf("%s: got %d; want at most %d", what, n, limit)
		return 0
	}
	return int(n)
}

func (w *wire) text(what string, limit int) string {
	b := make([]byte, w.count("length of "+what, uint64(limit)))
	if _, err := io.ReadFull(w.in, b); err != nil {
		w.fail(fmt.Errorf("read %s: %w", what, err))
	}
	return string(b)
}

// skip passes over n bytes.
func (w *wire) skip(n int) {
	if w.err == nil {
		_, w.err = w.in.Discard(n)
	}
}

func (w *wire) byte() (c byte) {
	if w.err == nil {
		c, w.err = w.in.ReadByte()
	}
	return c
}

// numbers passes over n numbers.
func (w *wire) numbers(n int) {
	for range n {
		w.uvarint()
	}
}

// clientHello is the client's part of a handshake.
type clientHello struct {
	revision                 int
	database, user, password string
}

func (w *wire) hello() (h clientHello) {
	w.text("client's name", maxName)
	w.numbers(2) // version
	h.revision = w.count("protocol revision", 1<<31)
	h.database = w.text("database", maxName)
	h.user = w.text("user", maxName)
	h.password = w.text("password", maxName)
	return h
}

// queryPacket is a query as a client sends it.
type queryPacket struct {
	id         string
	settings   []chquery.Setting
	compressed bool
	body       string
	params     []libchdb.Param
}

func has(f proto.Feature, revision int) bool { return f.In(revision) }

func (w *wire) query(revision int) (q queryPacket) {
	q.id = w.text("query id", maxName)
	if w.err == nil && revision >= 54032 { // client info, older than all that ch-go names
		if w.clientInfo(revision); w.err != nil {
			w.err = fmt.Errorf("client info: %w", w.err)
		}
	}
	q.settings = w.settings(revision)
	if has(proto.FeatureInterServerSecret, revision) && w.text("inter-server secret", maxName) != "" {
		w.fail(chquery.NotImplemented("Queries of other servers are not supported by the embedded engine"))
	}
	if stage := w.uvarint(); stage != uint64(proto.StageComplete) {
		w.fail(chquery.NotImplemented(fmt.Sprintf("Query stage %d is not supported by the embedded engine", stage)))
	}
	q.compressed = w.count("compression", 1) == 1
	q.body = w.text("query", chquery.MaxQueryBytes)
	if has(proto.FeatureParameters, revision) {
		for _, p := range w.namedValues("parameter", chquery.MaxQueryBytes) {
			q.params = append(q.params, libchdb.Param{Name: p.Name, Value: unquote(p.Value)})
		}
	}
	return q
}

func (w *wire) clientInfo(revision int) {
	if w.byte() == byte(proto.ClientQueryNone) {
		return
	}
	for _, what := range []string{"initial user", "initial query id", "initial address"} {
		w.text(what, maxName)
	}
	if has(proto.FeatureQueryStartTime, revision) {
		w.skip(8)
	}
	if iface := w.byte(); iface != byte(proto.InterfaceTCP) {
		w.fail(fmt.Errorf("interface: got %d; want %d, that of this port", iface, proto.InterfaceTCP))
	}
	for _, what := range []string{"operating system's user", "host name", "client's name"} {
		w.text(what, maxName)
	}
	w.numbers(3) // version and revision
	if has(proto.FeatureQuotaKeyInClientInfo, revision) {
		w.text("quota key", maxName)
	}
	if has(proto.FeatureDistributedDepth, revision) {
		w.numbers(1)
	}
	if has(proto.FeatureVersionPatch, revision) {
		w.numbers(1)
	}
	if has(proto.FeatureOpenTelemetry, revision) && w.byte() != 0 {
		w.skip(16 + 8) // trace and span
		w.text("trace state", maxName)
		w.skip(1) // flags
	}
	if has(proto.FeatureParallelReplicas, revision) {
		w.numbers(3)
	}
}

func (w *wire) settings(revision int) []chquery.Setting {
	if has(proto.FeatureSettingsSerializedAsStrings, revision) {
		return w.namedValues("setting", maxName)
	}
	if name := w.text("setting", maxName); name != "" {
		w.fail(chquery.NotImplemented(fmt.Sprintf("The setting %s in the binary form of a client of revision %d"+
			" (before %d) is not supported by the embedded engine: send it with SET or in the query's SETTINGS",
			name, revision, int(proto.FeatureSettingsSerializedAsStrings))))
	}
	return nil
}

// namedValues reads triples of name, flags and value up to an empty name.
func (w *wire) namedValues(what string, limit int) (all []chquery.Setting) {
	total := 0
	for {
		name := w.text(what, maxName)
		if name == "" {
			return all
		}
		w.numbers(1) // flags: important, custom
		value := w.text("value of "+what+" "+name, limit)
		all = append(all, chquery.Setting{Name: name, Value: value})
		if total += len(value); len(all) > maxSettings || total > chquery.MaxQueryBytes {
			w.fail(fmt.Errorf("more than %d of a kind, or %d bytes: %s", maxSettings, chquery.MaxQueryBytes, what))
		}
	}
}

// unquote reads a parameter's value, which comes as a quoted string.
func unquote(dump string) string {
	if len(dump) < 2 || dump[0] != '\'' || dump[len(dump)-1] != '\'' {
		return dump
	}
	inner := dump[1 : len(dump)-1]
	out := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c == '\\' && i+1 < len(inner) {
			i++
			switch c = inner[i]; c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case '0':
				c = 0
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			}
		}
		out = append(out, c)
	}
	return string(out)
}
