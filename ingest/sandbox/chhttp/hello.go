package chhttp

import (
	"github.com/ClickHouse/ch-go/proto"

	"statline/ingest/sandbox/chquery"
)

// helloQuery is what clickhouse-go asks first on each connection.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

// A server writes the Native format in the client's revision; the library always writes
// revision 0. So the hello announces revision 0, and clickhouse-go reads all later answers
// as that. Only the answer to the hello itself must be in the client's revision.
func (q *request) isHello() bool {
	return q.revision > 0 && q.Format == "Native" && string(q.SQL) == helloQuery
}

// encodeHello writes the hello's answer in the client's revision.
func encodeHello(version, zone string, revision int) []byte {
	var b proto.Buffer
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: 4, Rows: 1}.EncodeAware(&b, revision)
	column := func(name, kind string) {
		b.PutString(name)
		b.PutString(kind)
		if proto.FeatureCustomSerialization.In(revision) {
			b.PutBool(false)
		}
	}
	column("displayName()", "String")
	b.PutString(chquery.DisplayName)
	column("version()", "String")
	b.PutString(version)
	column("revision()", "UInt32")
	b.PutUInt32(0)
	column("timezone()", "String")
	b.PutString(zone)
	return b.Buf
}
