package fold

import (
	"bytes"
	"testing"
	"time"

	"statline/classify"
	"statline/ingest/decode"
	"statline/ingest/fold/foldtest"
)

// every is a configuration with a value of its own in every field.
func every(t testing.TB) Config {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	catalogue,
		err := classify.ParseCatalogue([]byte("codes: [{code: 7, http_status: 429, message: 'Slow: #', hint: Wait.}, {code: 9, http_status: 200, message: ok}]"))
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Catalogue = catalogue
	c.Decode = decode.Config{
		Format: "json", Service: "billing", Secret: foldtest.Secret, Location: zone,
		Routes:    []decode.RouteRule{{Pattern: "/a/{x}/**", Route: "/a"}, {Pattern: "/b"}},
		RouteFrom: "path", KeyNames: []string{"x-customer"}, Columns: "date time cs-method sc-status",
		Mapping: &decode.Mapping{Time: "at", TimeLayout: "ms", Status: "answer.status", Key: "key"},
	}
	c.MaxAge, c.MaxAhead, c.AnyTime = 3*time.Hour, time.Second, true
	c.Aggregate.SlotSeconds, c.Aggregate.SetSize, c.Aggregate.SampleSlots = 20, 3, 1
	c.Aggregate.Budget.Services, c.Aggregate.Budget.Routes, c.Aggregate.Budget.Keys, c.Aggregate.Budget.Clients = 1, 2,
		3, 4
	return c
}

// A configuration that is written and read again has its hash, so that it folds
// as before: every field that the hash covers is written. The secret is not.
func TestWrittenKeepsTheHash(t *testing.T) {
	own := DefaultConfig()
	own.Decode.Secret, own.Decode.KeyMemo, own.Aggregate.Seed = foldtest.Secret, 99, 7
	simple := own
	for name, c := range map[string]Config{"default": simple, "every field": every(t)} {
		body, err := c.Written()
		if err != nil {
			t.Fatal(err)
		}
		got, err := own.Under(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Hash() != c.Hash() {
			t.Errorf("%s: read again it has the hash %s; want %s\n%s", name, got.Hash(), c.Hash(), body)
		}
		if got.Decode.KeyMemo != own.Decode.KeyMemo || got.Aggregate.Seed != own.Aggregate.Seed {
			t.Errorf("%s: memory is not the reader's own: %+v", name, got)
		}
		if bytes.Contains(body, foldtest.Secret) {
			t.Errorf("%s: the secret is written: %s", name, body)
		}
	}
	if every(t).Hash() == simple.Hash() {
		t.Error("two configurations have one hash")
	}
}

// What this binary does not understand whole is refused, not guessed.
func TestUnderRefuses(t *testing.T) {
	c := every(t)
	body, err := c.Written()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing":     nil,
		"a new field": bytes.Replace(body, []byte(`{"decoder"`), []byte(`{"error_types":[],"decoder"`), 1),
		"a zone":      bytes.Replace(body, []byte("Europe/Berlin"), []byte("Europe/Nowhere"), 1),
		"a format":    bytes.Replace(body, []byte(`"format":"json"`), []byte(`"format":"of tomorrow"`), 1),
		"catalogue":   bytes.Replace(body, []byte("http_status: 429"), []byte("http_status: 4290"), 1),
	} {
		if got, err := c.Under(b); err == nil {
			t.Errorf("%s: got %+v; want an error", name, got)
		}
	}
	other := c
	other.Decode.Secret = []byte("another secret that is long enough too")
	if _, err := other.Under(body); err == nil {
		t.Error("another secret: got no error")
	}
}

// FuzzUnder: any stored text gives a configuration that can be written again
// with the same hash, or an error.
func FuzzUnder(f *testing.F) {
	c := every(f)
	body, err := c.Written()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := c.Under(body)
		if err != nil {
			return
		}
		again, err := got.Written()
		if err != nil {
			t.Fatal(err)
		}
		back, err := c.Under(again)
		if err != nil || back.Hash() != got.Hash() {
			t.Fatalf("got hash %s, %v; want %s\n%s", back.Hash(), err, got.Hash(), again)
		}
	})
}
