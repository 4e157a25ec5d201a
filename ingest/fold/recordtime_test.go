package fold

import (
	"testing"

	"statline/ingest/block"
	"statline/ingest/decode"
)

// A line whose format has no time has its record's; where that has none either
// it is a reject.
func TestRecordTime(t *testing.T) {
	f, err := New(DefaultConfig(), 0)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(`INFO:     192.0.2.1:40000 - "GET /v1/x HTTP/1.1" 404 Not Found`)
	f.Add([]block.Record{{Offset: 1, UnixMilli: 1772366400250, Value: line}, {Offset: 2, Value: line}})
	got := f.Contents()
	if got.Responses != 1 || got.Rejected != 1 || got.Rejects[0].Reason != decode.ReasonNoTime || got.Rows.Responses[0].Minute != 1772366400 {
		t.Errorf("got %d responses, rejects %+v, rows %+v", got.Responses, got.Rejects, got.Rows.Responses)
	}
}
