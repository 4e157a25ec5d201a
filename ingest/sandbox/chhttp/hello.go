package chhttp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// helloQuery is what clickhouse-go asks first on each connection.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

// A server writes the Native format in the revision that the client asks for;
// the library always writes revision 0. So the hello says that this server is
// of revision 0, and clickhouse-go reads every later answer as that. Only the
// answer to the hello itself must come in the client's revision.
func (q *request) isHello() bool {
	return q.revision > 0 && q.format == "Native" && string(q.sql) == helloQuery
}

const helloSQL = "SELECT version(), timezone()"

// Revisions of ClickHouse's protocol at which the Native format changed.
const (
	revisionBlockInfo           = 51903
	revisionCustomSerialization = 54454
)

// encodeHello writes the hello's answer in the client's revision; row is the
// tab-separated answer to helloSQL.
func encodeHello(row []byte, revision uint64) ([]byte, error) {
	version, zone, ok := strings.Cut(strings.TrimSuffix(string(row), "\n"), "\t")
	if !ok {
		return nil, fmt.Errorf("engine's hello: got %q; want version and time zone", row)
	}
	var b bytes.Buffer
	uvarint := func(n uint64) { b.Write(binary.AppendUvarint(nil, n)) }
	text := func(s string) { uvarint(uint64(len(s))); b.WriteString(s) }
	if revision >= revisionBlockInfo {
		// Field 1: no overflow block; field 2: bucket -1; end.
		b.Write([]byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0})
	}
	uvarint(4) // columns
	uvarint(1) // rows
	column := func(name, kind string) {
		text(name)
		text(kind)
		if revision >= revisionCustomSerialization {
			b.WriteByte(0)
		}
	}
	column("displayName()", "String")
	text(displayName)
	column("version()", "String")
	text(version)
	column("revision()", "UInt32")
	b.Write([]byte{0, 0, 0, 0})
	column("timezone()", "String")
	text(zone)
	return b.Bytes(), nil
}
