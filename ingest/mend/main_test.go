package mend

import (
	"testing"

	"statline/ingest/fold"
	"statline/ingest/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }

func newBuilder(t testing.TB, c fold.Config) *fold.Builder {
	t.Helper()
	f, err := fold.New(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
