package console

import (
	"testing"

	"statline/ingest/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { sandboxtest.Main(m) }
