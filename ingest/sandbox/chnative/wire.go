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

// wire reads the values that packets are made of.
type wire struct{ in *bufio.Reader }

func (w wire) uvarint() (uint64, error) {
	n, err := binary.ReadUvarint(w.in)
	if err != nil {
		return 0, fmt.Errorf("read a number: %w", err)
	}
	return n, nil
}

// count is a number that must not be over a limit.
func (w wire) count(what string, limit uint64) (int, error) {
	n, err := w.uvarint()
	if err == nil && n > limit {
		err = fmt.Errorf("%s: got %d; want at most %d", what, n, limit)
	}
	return int(n), err
}

func (w wire) text(what string, limit int) (string, error) {
	n, err := w.count("length of "+what, uint64(limit))
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(w.in, b); err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	return string(b), nil
}

// skip passes over n bytes.
func (w wire) skip(n int) error {
	_, err := w.in.Discard(n)
	return err
}

func (w wire) byte() (byte, error) { return w.in.ReadByte() }

// clientHello is the client's part of a handshake.
type clientHello struct {
	revision                 int
	database, user, password string
}

func (w wire) hello() (h clientHello, err error) {
	var parts [3]string
	if _, err = w.text("client's name", maxName); err != nil {
		return h, err
	}
	for range 2 { // version
		if _, err = w.uvarint(); err != nil {
			return h, err
		}
	}
	if h.revision, err = w.count("protocol revision", 1<<31); err != nil {
		return h, err
	}
	for i, what := range []string{"database", "user", "password"} {
		if parts[i], err = w.text(what, maxName); err != nil {
			return h, err
		}
	}
	h.database, h.user, h.password = parts[0], parts[1], parts[2]
	return h, nil
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

func (w wire) query(revision int) (q queryPacket, err error) {
	if q.id, err = w.text("query id", maxName); err != nil {
		return q, err
	}
	if revision >= 54032 { // client info, older than all that ch-go names
		if err = w.clientInfo(revision); err != nil {
			return q, fmt.Errorf("client info: %w", err)
		}
	}
	if q.settings, err = w.settings(revision); err != nil {
		return q, err
	}
	if has(proto.FeatureInterServerSecret, revision) {
		secret, err := w.text("inter-server secret", maxName)
		if err != nil {
			return q, err
		}
		if secret != "" {
			return q, chquery.NotImplemented("Queries of other servers are not supported by the embedded engine")
		}
	}
	if stage, err := w.uvarint(); err != nil {
		return q, err
	} else if stage != uint64(proto.StageComplete) {
		return q, chquery.NotImplemented(fmt.Sprintf("Query stage %d is not supported by the embedded engine", stage))
	}
	compression, err := w.count("compression", 1)
	if err != nil {
		return q, err
	}
	q.compressed = compression == 1
	if q.body, err = w.text("query", chquery.MaxQueryBytes); err != nil {
		return q, err
	}
	if has(proto.FeatureParameters, revision) {
		params, err := w.namedValues("parameter", chquery.MaxQueryBytes)
		if err != nil {
			return q, err
		}
		for _, p := range params {
			q.params = append(q.params, libchdb.Param{Name: p.Name, Value: unquote(p.Value)})
		}
	}
	return q, nil
}

func (w wire) clientInfo(revision int) error {
	kind, err := w.byte()
	if err != nil || kind == byte(proto.ClientQueryNone) {
		return err
	}
	for _, what := range []string{"initial user", "initial query id", "initial address"} {
		if _, err := w.text(what, maxName); err != nil {
			return err
		}
	}
	if has(proto.FeatureQueryStartTime, revision) {
		if err := w.skip(8); err != nil {
			return err
		}
	}
	iface, err := w.byte()
	if err != nil {
		return err
	}
	if iface != byte(proto.InterfaceTCP) {
		return fmt.Errorf("interface: got %d; want %d, that of this port", iface, proto.InterfaceTCP)
	}
	for _, what := range []string{"operating system's user", "host name", "client's name"} {
		if _, err := w.text(what, maxName); err != nil {
			return err
		}
	}
	if err := w.numbers(3); err != nil { // version and revision
		return err
	}
	if has(proto.FeatureQuotaKeyInClientInfo, revision) {
		if _, err := w.text("quota key", maxName); err != nil {
			return err
		}
	}
	return w.laterClientInfo(revision)
}

func (w wire) laterClientInfo(revision int) error {
	if has(proto.FeatureDistributedDepth, revision) {
		if err := w.numbers(1); err != nil {
			return err
		}
	}
	if has(proto.FeatureVersionPatch, revision) {
		if err := w.numbers(1); err != nil {
			return err
		}
	}
	if has(proto.FeatureOpenTelemetry, revision) {
		traced, err := w.byte()
		if err != nil {
			return err
		}
		if traced != 0 {
			if err := w.skip(16 + 8); err != nil { // trace and span
				return err
			}
			if _, err := w.text("trace state", maxName); err != nil {
				return err
			}
			if err := w.skip(1); err != nil { // flags
				return err
			}
		}
	}
	if has(proto.FeatureParallelReplicas, revision) {
		return w.numbers(3)
	}
	return nil
}

// numbers passes over n numbers.
func (w wire) numbers(n int) error {
	for range n {
		if _, err := w.uvarint(); err != nil {
			return err
		}
	}
	return nil
}

func (w wire) settings(revision int) ([]chquery.Setting, error) {
	if has(proto.FeatureSettingsSerializedAsStrings, revision) {
		return w.namedValues("setting", maxName)
	}
	name, err := w.text("setting", maxName)
	if err == nil && name != "" {
		err = chquery.NotImplemented(fmt.Sprintf("The setting %s in the binary form of a client of revision %d"+
			" (before %d) is not supported by the embedded engine: send it with SET or in the query's SETTINGS",
			name, revision, int(proto.FeatureSettingsSerializedAsStrings)))
	}
	return nil, err
}

// namedValues reads triples of name, flags and value up to an empty name.
func (w wire) namedValues(what string, limit int) ([]chquery.Setting, error) {
	var all []chquery.Setting
	total := 0
	for {
		name, err := w.text(what, maxName)
		if err != nil || name == "" {
			return all, err
		}
		if err := w.numbers(1); err != nil { // flags: important, custom
			return nil, err
		}
		value, err := w.text("value of "+what+" "+name, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, chquery.Setting{Name: name, Value: value})
		if total += len(value); len(all) > maxSettings || total > chquery.MaxQueryBytes {
			return nil, fmt.Errorf("more than %d of a kind, or %d bytes: %s", maxSettings, chquery.MaxQueryBytes, what)
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
