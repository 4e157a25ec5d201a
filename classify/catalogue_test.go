package classify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A catalogue written as YAML reads back as the same catalogue.
func TestCatalogueRoundTrip(t *testing.T) {
	text, err := Builtin().YAML()
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCatalogue(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Builtin().Entries(), c.Entries()); diff != "" {
		t.Error(diff)
	}
	if c.Hash() != Builtin().Hash() {
		t.Errorf("got hash %s; want %s", c.Hash(), Builtin().Hash())
	}
}

const otherAPI = `
codes:
  - code: 40001
    http_status: 429
    message: "Slow down: # calls, # allowed."
    hint: Wait.
  - code: 7
    http_status: 200
    message: Quota used up.
    outcome: rate_limited
  - {code: 8, http_status: 404, message: Nothing here.}
  - {code: 9, http_status: 410, message: "nothing HERE"}
`

// Another API's catalogue classifies: outcomes left out follow from the HTTP
// status, numbers are read out of any message with "#", and a text that two
// codes share recognises neither.
func TestOtherCatalogue(t *testing.T) {
	c, err := ParseCatalogue([]byte(otherAPI))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		r    *Response
		want Decision
	}{
		{response(200, 7, ""), Decision{Outcome: RateLimited, DecidedBy: ByCode, Code: 7}},
		{response(503, 40001, "Slow down: 12 calls, 10 allowed."),
			Decision{Outcome: RateLimited, DecidedBy: ByCode, Code: 40001, Drift: true, Count: 12, Limit: 10}},
		{response(429, 0, "slow down: 12 calls, 10 allowed"),
			Decision{Outcome: RateLimited, DecidedBy: ByMessage, Code: 40001, Count: 12, Limit: 10}},
		{response(404, 0, "Nothing here."), Decision{Outcome: NotFound, DecidedBy: ByStatus}},
		{response(410, 9, "Nothing here."), Decision{Outcome: NotFound, DecidedBy: ByCode, Code: 9}},
		{response(200, 0, "Success."), Decision{Outcome: Success, DecidedBy: ByStatus}},
	} {
		if got := c.Decide(x.r); got != x.want {
			t.Errorf("%+v %q: got %+v; want %+v", x.r.Code, x.r.Message, got, x.want)
		}
	}
	if c.Hash() == Builtin().Hash() {
		t.Error("two catalogues have one hash")
	}
}

const namedAPI = `
codes:
  - {name: quota.exceeded, http_status: [429, 403], outcome: rate_limited}
  - {name: quota.*, outcome: access_denied}
  - {name: card_declined, http_status: 402, message: "Your card was declined.", messages: ["Card * declined by *."], outcome: invalid_request}
  - {message: "Try again in # seconds*", outcome: offline}
  - {name: all_good, http_status: 404, outcome: success}
`

// An entry may have a name in place of a number, a family of names, several
// HTTP statuses, and several wordings.
func TestNamedCatalogue(t *testing.T) {
	c, err := ParseCatalogue([]byte(namedAPI))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		status        int16
		name, message string
		want          Decision
	}{
		{429, "quota.exceeded", "", Decision{Outcome: RateLimited, DecidedBy: ByName}},
		{400, "quota.unknown", "", Decision{Outcome: AccessDenied, DecidedBy: ByName}},
		{400, "quota", "", Decision{Outcome: AccessDenied, DecidedBy: ByName}},
		{400, "quotation", "", Decision{Outcome: InvalidRequest, DecidedBy: ByStatus}},
		{402, "", "Your card was declined", Decision{Outcome: InvalidRequest, DecidedBy: ByMessage}},
		{402, "", "Card 4711 declined by the bank.", Decision{Outcome: InvalidRequest, DecidedBy: ByMessage}},
		{503, "", "Try again in 12 seconds, please", Decision{Outcome: Offline, DecidedBy: ByMessage, Count: 12}},
		{404, "all_good", "", Decision{Outcome: Success, DecidedBy: ByName}},
		{500, "all_good", "", Decision{Outcome: InternalError, DecidedBy: ByStatus}},
	} {
		r := response(x.status, 0, x.message)
		r.ErrorType = []byte(x.name)
		if got := c.Decide(r); got != x.want {
			t.Errorf("%d %q %q: got %+v; want %+v", x.status, x.name, x.message, got, x.want)
		}
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseCatalogue(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if again.Hash() != c.Hash() {
		t.Errorf("written as YAML it reads back as another one:\n%s", text)
	}
}

// Hash depends on what is decided, not on hints or the order of the file.
func TestCatalogueHash(t *testing.T) {
	parse := func(s string) string {
		t.Helper()
		c, err := ParseCatalogue([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return c.Hash()
	}
	const a, b = "{code: 1, http_status: 200, message: ok}", "{code: 2, http_status: 500, message: no}"
	base := parse("codes: [" + a + "," + b + "]")
	if got := parse("codes: [" + b + "," + a + "]"); got != base {
		t.Error("the order changes the hash")
	}
	if got := parse("codes: [" + strings.Replace(a, "ok", "ok, hint: h", 1) + "," + b + "]"); got != base {
		t.Error("a hint changes the hash")
	}
	for _, other := range []string{
		"{code: 3, http_status: 200, message: ok}", "{code: 1, http_status: 201, message: ok}",
		"{code: 1, http_status: 200, message: okay}", "{code: 1, http_status: 200, message: ok, outcome: duplicate}",
	} {
		if parse("codes: ["+other+","+b+"]") == base {
			t.Errorf("%s does not change the hash", other)
		}
	}
}

// Every mistake in a catalogue is an error that names where it is, the value,
// and what is accepted.
func TestParseCatalogueErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                     {"nothing", "codes"},
		"[]":                                   {"a list", "codes"},
		"entries: []":                          {`"entries"`, "codes"},
		"codes: 3":                             {"codes", "3", "list"},
		"codes: []":                            {"no entry"},
		"codes: [7]":                           {"codes[0]", "7", "http_status"},
		"codes: [{http_status: 200}]":          {"codes[0]", "code: missing", "65535"},
		"codes: [{code: 1}]":                   {"http_status: missing", "599"},
		"codes: [{code: 0, http_status: 200}]": {"code: got 0", "from 1 to 65535"},
		"codes: [{code: 70000, http_status: 200}]": {"code: got 70000", "65535"},
		"codes: [{code: 1.5, http_status: 200}]":   {"code: got 1.5", "integer"},
		"codes: [{code: '1', http_status: 200}]":   {`code: got "1"`, "integer"},
		"codes: [{code: 1, http_status: 99}]":      {"http_status: got 99", "100 to 599"},
		"codes: [{code: 1, http_status: -200}]":    {"http_status: got -200"},
		"codes: [{code: 1, http_status: 200, outcome: fine}]": {`outcome: got "fine"`, "success",
			"rate_limited", "unknown"},
		"codes: [{code: 1, http_status: 200, outcome: ''}]":  {`outcome: got ""`},
		"codes: [{code: 1, http_status: 200, outcome: [a]}]": {"outcome: got a list"},
		"codes: [{code: 1, http_status: 200, status: x}]": {`unknown key "status"`,
			"http_status, message"},
		"codes: [{code: 1, http_status: 200, message: 5}]":                  {"message: got 5", "string"},
		"codes: [{code: 1, http_status: 200}, {code: 1, http_status: 300}]": {"codes[1]: code: got 1", "codes[0]"},
		"codes: [{code: 1, http_status: 200}]\ncodes: []":                   {"codes"},
		"codes: [{code: 1, code: 2, http_status: 200}]":                     {"code"},
		"codes: [{name: a b, outcome: success}]":                            {`name: got "a b"`, "64"},
		"codes: [{name: a}]":                                                {"outcome: missing"},
		"codes: [{name: a, code: 1, http_status: 200}]":                     {"want one of them"},
		"codes: [{name: a, http_status: 200}, {name: a, http_status: 404}]": {"codes[1]: name: got a", "codes[0]"},
		"codes: [{name: a, http_status: [200, 700]}]":                       {"http_status: got 700"},
		"codes: [{name: a, http_status: 200, messages: x}]":                 {"messages: got", "list"},
		"codes: [": {"catalogue"},
		"codes: [{code: 1, http_status: 200, message: " + long(maxMessage+1) + "}]": {"message: got 481 bytes", "480"},
	} {
		c, err := ParseCatalogue([]byte(text))
		if err == nil {
			t.Errorf("%q: got %d entries; want an error", text, len(c.Entries()))
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: error %q does not say %q", text, err, w)
			}
		}
	}
}

func long(n int) string { return strings.Repeat("m", n) }

// FuzzParseCatalogue: any text gives a catalogue or an error; what parses
// reads back from YAML with the same hash, and its messages do not mislead.
func FuzzParseCatalogue(f *testing.F) {
	text, err := Builtin().YAML()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(otherAPI))
	f.Add([]byte("codes: [{code: 1, http_status: 200, message: '#'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCatalogue(text)
		if err != nil {
			return
		}
		for _, e := range c.Entries() {
			if got, ok := recognisedBy(c, []byte(e.Message)); ok && got.Message != e.Message && got.Code != e.Code &&
				strings.EqualFold(got.Message, e.Message) {
				t.Fatalf("message %q of %d is recognised as %d", e.Message, e.Code, got.Code)
			}
		}
	})
}
