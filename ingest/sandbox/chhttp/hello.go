package chhttp

import (
	"bytes"
	"encoding/binary"

	"statline/ingest/sandbox/chquery"
)

// helloQuery is what clickhouse-go asks first on each connection.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

// A server writes the Native format in the revision that the client asks for;
// the library always writes revision 0. So the hello says that this server is
// of revision 0, and clickhouse-go reads every later answer as that. Only the
// answer to the hello itself must come in the client's revision.
func (q *request) isHello() bool {
	return q.revision > 0 && q.Format == "Native" && string(q.SQL) == helloQuery
}

// Revisions of ClickHouse's protocol at which the Native format changed.
const (
	revisionBlockInfo           = 51903
	revisionCustomSerialization = 54454
)

// encodeHello writes the hello's answer in the client's revision.
func encodeHello(version, zone string, revision uint64) []byte {
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
	text(chquery.DisplayName)
	column("version()", "String")
	text(version)
	column("revision()", "UInt32")
	b.Write([]byte{0, 0, 0, 0})
	column("timezone()", "String")
	text(zone)
	return b.Bytes()
}
