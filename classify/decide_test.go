package classify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// catalogue is the seed's table, written out a second time: code, HTTP
// status, message, outcome.
var catalogue = []struct {
	code    uint16
	status  int16
	message string
	outcome Outcome
}{
	{1, 200, "Success.", Success},
	{2, 501, "Invalid service: this service does not exist.", Unsupported},
	{3, 401, "Authentication failed: You do not have permissions to access the service.", AccessDenied},
	{4, 405, "Invalid format: This service doesn't exist in that format.", Unsupported},
	{5, 422, "Invalid parameters: Your request parameters are incorrect.", InvalidRequest},
	{6, 404, "Invalid id: The pre-requisite id is invalid or not found.", NotFound},
	{7, 401, "Invalid API key: You must be granted a valid key.", InvalidKey},
	{8, 403, "Duplicate entry: The data you tried to submit already exists.", Duplicate},
	{9, 503, "Service offline: This service is temporarily offline, try again later.", Offline},
	{10, 401, "Suspended API key: Access to your account has been suspended, contact TMDb.", SuspendedKey},
	{11, 500, "Internal error: Something went wrong, contact TMDb.", InternalError},
	{12, 201, "The item/record was updated successfully.", Success},
	{13, 200, "The item/record was deleted successfully.", Success},
	{14, 401, "Authentication failed.", AuthFailed},
	{15, 500, "Failed.", InternalError},
	{16, 401, "Device denied.", AccessDenied},
	{17, 401, "Session denied.", AccessDenied},
	{18, 400, "Validation failed.", InvalidRequest},
	{19, 406, "Invalid accept header.", Unsupported},
	{20, 422, "Invalid date range: Should be a range no longer than 14 days.", InvalidRequest},
	{21, 200, "Entry not found: The item you are trying to edit cannot be found.", NotFound},
	{22, 400, "Invalid page: Pages start at 1 and max at 1000. They are expected to be an integer.", InvalidRequest},
	{23, 400, "Invalid date: Format needs to be YYYY-MM-DD.", InvalidRequest},
	{24, 504, "Your request to the backend server timed out. Try again.", Timeout},
	{25, 429, "Your request count (#) is over the allowed limit of (40).", RateLimited},
	{26, 400, "You must provide a username and password.", AuthFailed},
	{27, 400, "Too many append to response objects: The maximum number of remote calls is 20.", InvalidRequest},
	{28, 400, "Invalid timezone: Please consult the documentation for a valid timezone.", InvalidRequest},
	{29, 400, "You must confirm this action: Please provide a confirm=true parameter.", InvalidRequest},
	{30, 401, "Invalid username and/or password: You did not provide a valid login.", AuthFailed},
	{31, 401, "Account disabled: Your account is no longer active. Contact TMDb if this is an error.", DisabledAccount},
	{32, 401, "Email not verified: Your email address has not been verified.", UnverifiedAccount},
	{33, 401, "Invalid request token: The request token is either expired or invalid.", AuthFailed},
	{34, 401, "The resource you requested could not be found.", NotFound},
}

func response(status int16, code uint16, message string) *Response {
	var r Response
	r.Reset()
	r.Status, r.Code, r.Message = status, code, []byte(message)
	return &r
}

func decide(status int16, code uint16, message string) Decision {
	return Builtin().Decide(response(status, code, message))
}

// later is what the documentation has added since: code, HTTP status, message,
// outcome.
var later = []struct {
	code    uint16
	status  int16
	message string
	outcome Outcome
}{
	{35, 401, "Invalid token.", AuthFailed},
	{36, 401, "This token hasn't been granted write permission by the user.", AccessDenied},
	{37, 404, "The requested session could not be found.", NotFound},
	{38, 401, "You don't have permission to edit this resource.", AccessDenied},
	{39, 401, "This resource is private.", AccessDenied},
	{40, 200, "Nothing to update.", Success},
	{41, 422, "This request token hasn't been approved by the user.", InvalidRequest},
	{42, 405, "This request method is not supported for this resource.", Unsupported},
	{43, 502, "Couldn't connect to the backend server.", Offline},
	{44, 500, "The ID is invalid.", InternalError},
	{45, 403, "This user has been suspended.", DisabledAccount},
	{46, 503, "The API is undergoing maintenance. Try again later.", Offline},
	{47, 400, "The input is not valid.", InvalidRequest},
}

// The built-in catalogue is the published one, row by row: the first 34 word
// for word, the others marked as later.
func TestBuiltinCatalogue(t *testing.T) {
	entries := Builtin().Entries()
	all := append(slices.Clone(catalogue), later...)
	if len(catalogue) != 34 || len(entries) != len(all) {
		t.Fatalf("got %d entries; want %d", len(entries), len(all))
	}
	for i, want := range all {
		e := entries[i]
		if e.Code != want.code || e.HTTPStatus != want.status || e.Message != want.message ||
			e.Outcome != want.outcome || e.Later != (i >= 34) {
			t.Errorf("got %+v; want %+v", e, want)
		}
		if e.Hint == "" {
			t.Errorf("code %d has no hint", e.Code)
		}
		if got, ok := Builtin().Entry(want.code); !ok || got.Message != e.Message {
			t.Errorf("Entry(%d) = %+v, %v", want.code, got, ok)
		}
	}
	for _, code := range []uint16{0, 48, 65535} {
		if _, ok := Builtin().Entry(code); ok {
			t.Errorf("Entry(%d) exists", code)
		}
	}
}

// What the documentation says today is no drift, neither is what it said at
// first; anything else still is.
func TestTodaysDocumentation(t *testing.T) {
	for _, c := range []struct {
		status  int16
		code    uint16
		message string
		drift   bool
	}{
		{404, 34, "The resource you requested could not be found.", false},
		{401, 34, "The resource you requested could not be found.", false},
		{400, 34, "", true},
		{400, 22, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer.", false},
		{400, 0, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer.", false},
		{401, 0, "Suspended API key: Access to your account has been suspended, contact TMDB.", false},
	} {
		d := decide(c.status, c.code, c.message)
		if d.Drift != c.drift || c.code == 0 && d.DecidedBy != ByMessage {
			t.Errorf("%+v: got %+v", c, d)
		}
	}
}

// Each code decides its outcome, whatever the HTTP status and the message say.
func TestDecideByCode(t *testing.T) {
	for _, want := range catalogue {
		for _, d := range []Decision{
			decide(want.status, want.code, want.message),
			decide(want.status, want.code, ""),
			decide(want.status, want.code, "Device denied."), // contradicts all but one
		} {
			if d.Outcome != want.outcome || d.DecidedBy != ByCode || d.Code != want.code || d.Drift {
				t.Errorf("code %d: got %+v; want %v by code", want.code, d, want.outcome)
			}
		}
		r := response(want.status, want.code, want.message)
		r.Gateway = ClientClosed
		if got := builtin.Decide(r).Outcome; got != want.outcome {
			t.Errorf("code %d with a gateway flag: got %v; want %v", want.code, got, want.outcome)
		}
	}
}

// Each message gives its code and outcome when the record has no code.
func TestDecideByMessage(t *testing.T) {
	for _, want := range catalogue {
		r := response(want.status, 0, want.message)
		r.Gateway = ClientClosed // the message wins
		d := Builtin().Decide(r)
		if d.Outcome != want.outcome || d.DecidedBy != ByMessage || d.Code != want.code || d.Drift {
			t.Errorf("message %q: got %+v; want code %d", want.message, d, want.code)
		}
	}
}

// decorations are what logs do to a message.
var decorations = map[string]func(string) string{
	"spaces":      func(s string) string { return " \t" + s + "\n " },
	"upper":       strings.ToUpper,
	"lower":       strings.ToLower,
	"no period":   func(s string) string { return strings.TrimSuffix(s, ".") },
	"two periods": func(s string) string { return s + "." },
	"wide":        func(s string) string { return strings.ReplaceAll(s, " ", "  ") },
	"quoted":      func(s string) string { return `"` + s + `"` },
	"envelope": func(s string) string {
		return `{"status_code":7,"status_message":"` + s + `","success":false}`
	},
	"envelope, message first": func(s string) string { return `{ "status_message" : "` + s + `", "status_code" : 7 }` },
	"envelope, escaped": func(s string) string {
		return `{\"status_code\":7,\"status_message\":\"` + s + `\"}`
	},
	"envelope, PHP": func(s string) string {
		return `{"status_message":"` + strings.ReplaceAll(s, "/", `\/`) + `"}`
	},
	"envelope, apostrophe": func(s string) string {
		return `{"status_message":"` + strings.ReplaceAll(s, "'", `\u0027`) + `"}`
	},
	"tail of an envelope": func(s string) string { return s + `","success":false}` },
	"head of an envelope": func(s string) string { return `status_message":"` + s },
	"typographic":         func(s string) string { return strings.ReplaceAll(s, "'", "’") },
	"an array around it":  func(s string) string { return `["` + s + `"]` },
}

// recognised is the entry of the built-in catalogue whose message text is.
func recognised(text []byte) (Entry, bool) { return recognisedBy(Builtin(), text) }

func recognisedBy(c *Catalogue, text []byte) (Entry, bool) {
	at, _, _ := c.messages.recognise(text)
	if at == 0 {
		return Entry{}, false
	}
	return c.entries[at-1], true
}

// A message is recognised through what logs do to it.
func TestRecogniseDecorated(t *testing.T) {
	for name, decorate := range decorations {
		for _, want := range catalogue {
			text := decorate(want.message)
			if e, ok := recognised([]byte(text)); !ok || e.Code != want.code {
				t.Errorf("%s: %q: got code %d; want %d", name, text, e.Code, want.code)
			}
		}
	}
}

// What is no message of the catalogue is not taken for one.
func TestRecogniseNothing(t *testing.T) {
	for _, text := range []string{
		"", " ", ".", "{}", `""`, "null", "Succes.", "Success. And more.", "Failed to fetch", "Not Success.",
		"Invalid API key", "Your request count (many) is over the allowed limit of (40).",
		"Your request count (41) is over the allowed limit of (40). Really.",
		"Your request count (41 is over the allowed limit of (40).",
		"Invalid date range: Should be a range no longer than 15 days.",
		strings.Repeat("Success. ", 200), "\\", "\\u", "\\u00", strings.Repeat("\\", 1000), "\xff\xfe",
	} {
		if e, ok := recognised([]byte(text)); ok {
			t.Errorf("%q: got code %d; want none", text, e.Code)
		}
	}
}

// Code 25's numbers are read for any count and limit, with and without the
// code, and never overflow.
func TestRateLimitNumbers(t *testing.T) {
	const top = 4294967295
	for _, c := range []struct {
		message      string
		count, limit uint32
	}{
		{"Your request count (41) is over the allowed limit of (40).", 41, 40},
		{"Your request count (0) is over the allowed limit of (0).", 0, 0},
		{"Your request count (1234567) is over the allowed limit of (1000).", 1234567, 1000},
		{"Your request count (#) is over the allowed limit of (40).", 0, 40},
		{"Your request count (#) is over the allowed limit of (#).", 0, 0},
		{"Your request count (4294967296) is over the allowed limit of (40).", top, 40},
		{"Your request count (99999999999999999999999999) is over the allowed limit of (18446744073709551616).", top,
			top},
		{`{"status_code":25,"status_message":"Your request count (41) is over the allowed limit of (40)."}`, 41, 40},
		{" your REQUEST count (41) is over the allowed limit of (40) ", 41, 40},
	} {
		for _, code := range []uint16{0, 25} {
			d := decide(429, code, c.message)
			if d.Code != 25 || d.Outcome != RateLimited || d.Count != c.count || d.Limit != c.limit {
				t.Errorf("code %d, %q: got %+v; want count %d, limit %d", code, c.message, d, c.count, c.limit)
			}
		}
	}
	if d := decide(401, 7, "Your request count (41) is over the allowed limit of (40)."); d.Count != 0 || d.Limit != 0 {
		t.Errorf("a contradicting message's numbers were read: %+v", d)
	}
}

// An unknown code stays as its number; message, gateway and status decide.
func TestUnknownCode(t *testing.T) {
	if d := decide(429, 77, ""); d != (Decision{Outcome: RateLimited, DecidedBy: ByStatus, Code: 77}) {
		t.Errorf("by status: got %+v", d)
	}
	d := decide(200, 77, "Your request count (41) is over the allowed limit of (40).")
	if d != (Decision{Outcome: RateLimited, DecidedBy: ByMessage, Code: 77, Count: 41, Limit: 40}) {
		t.Errorf("by message: got %+v", d)
	}
	r := response(200, 77, "who knows")
	r.Gateway = Timeout
	if d := Builtin().Decide(r); d != (Decision{Outcome: Timeout, DecidedBy: ByGateway, Code: 77}) {
		t.Errorf("by gateway: got %+v", d)
	}
}

// The HTTP status alone decides as the issue says, for every int16.
func TestDecideByHTTPStatus(t *testing.T) {
	special := map[int16]Outcome{
		0: ClientClosed, 499: ClientClosed, 401: AuthFailed, 403: AccessDenied, 404: NotFound, 410: NotFound,
		405: Unsupported, 406: Unsupported, 415: Unsupported, 501: Unsupported, 409: Duplicate,
		400: InvalidRequest, 413: InvalidRequest, 414: InvalidRequest, 422: InvalidRequest, 429: RateLimited,
		500: InternalError, 503: Offline, 504: Timeout, 522: Timeout, 524: Timeout, 598: Timeout, 599: Timeout,
		460: ClientClosed, 407: AuthFailed, 419: AuthFailed, 440: AuthFailed, 495: AuthFailed, 496: AuthFailed,
		498: AuthFailed, 511: AuthFailed, 561: AuthFailed, 402: AccessDenied, 450: AccessDenied, 451: AccessDenied,
		426: Unsupported, 464: Unsupported, 505: Unsupported, 411: InvalidRequest, 416: InvalidRequest,
		417: InvalidRequest,
		428: InvalidRequest, 431: InvalidRequest, 463: InvalidRequest, 494: InvalidRequest, 497: InvalidRequest,
		420: RateLimited, 509: RateLimited, 408: Timeout, 521: Offline, 523: Offline, 525: Offline, 526: Offline,
		527: Offline, 529: Offline, 530: Offline,
	}
	byHundred := map[int16]Outcome{1: Success, 2: Success, 3: Redirect, 4: ClientError, 5: ServerError}
	for status := int16(0); ; status++ {
		want, ok := special[status]
		if !ok {
			want = Unknown
			if o, ok := byHundred[status/100]; ok {
				want = o
			}
		}
		if d := decide(status, 0, ""); d != (Decision{Outcome: want, DecidedBy: ByStatus}) {
			t.Fatalf("status %d: got %+v; want %v", status, d, want)
		}
		if status == 32767 {
			break
		}
	}
	for _, want := range catalogue {
		if got := decide(want.status, 0, "").Outcome; got == Unset || got == Unknown {
			t.Errorf("HTTP %d of code %d: got %v", want.status, want.code, got)
		}
	}
}

// Nothing known is Unknown, decided by nothing; a flag is better than nothing.
func TestDecideEmpty(t *testing.T) {
	if d := decide(-1, 0, ""); d != (Decision{Outcome: Unknown}) {
		t.Errorf("got %+v; want unknown by nothing", d)
	}
	r := response(-1, 0, "")
	r.Gateway = Offline
	if d := Builtin().Decide(r); d != (Decision{Outcome: Offline, DecidedBy: ByGateway}) {
		t.Errorf("got %+v; want offline by gateway", d)
	}
}

// For each code, any other HTTP status is drift, by code and by message; the
// right one, none, and a client that left are not.
func TestDrift(t *testing.T) {
	for _, e := range catalogue {
		for status := int16(-1); status < 1000; status++ {
			want := status > 0 && status != e.status && (e.code != 34 || status != 404)
			if d := decide(status, e.code, ""); d.Drift != want {
				t.Errorf("code %d with HTTP %d: drift %v; want %v", e.code, status, d.Drift, want)
			}
			if d := decide(status, 0, e.message); d.Drift != want {
				t.Errorf("message of %d with HTTP %d: drift %v; want %v", e.code, status, d.Drift, want)
			}
		}
	}
	if decide(404, 77, "").Drift {
		t.Error("an unknown code drifts")
	}
}

// Decide is on the hot path: it never allocates.
func TestDecideDoesNotAllocate(t *testing.T) {
	responses := []*Response{
		response(200, 1, "Success."), response(404, 0, "<html>not found</html>"),
		response(401, 0, catalogue[6].message),
		response(429, 25, "Your request count (41) is over the allowed limit of (40)."),
		response(429, 0, `{"status_message":"your request count (41) is over the allowed limit of (40)"}`),
	}
	n := testing.AllocsPerRun(100, func() {
		for _, r := range responses {
			Builtin().Decide(r)
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations; want 0", n)
	}
}

// FuzzRecognise: any text and status gives a valid outcome without a panic,
// and a decorated message of the catalogue keeps its code.
func FuzzRecognise(f *testing.F) {
	for _, e := range catalogue {
		f.Add([]byte(e.message), e.code, e.status)
	}
	for name := range decorations {
		f.Add([]byte(decorations[name](catalogue[24].message)), uint16(0), int16(429))
	}
	f.Fuzz(func(t *testing.T, message []byte, code uint16, status int16) {
		r := response(status, code, string(message))
		d := Builtin().Decide(r)
		if d.Outcome == Unset || d.Outcome >= outcomeCount {
			t.Fatalf("got outcome %d", d.Outcome)
		}
		if code != 0 && d.Code != code {
			t.Fatalf("code %d became %d", code, d.Code)
		}
		if string(r.Message) != string(message) {
			t.Fatal("Decide changed the message")
		}
		e, ok := recognised(message)
		spaced, again := recognised(fmt.Appendf(nil, " %s ", message))
		if ok && (!again || spaced.Code != e.Code) {
			t.Fatalf("%q is code %d, but not with spaces around", message, e.Code)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	for name, r := range map[string]*Response{
		"code":    response(200, 1, "Success."),
		"code25":  response(429, 25, "Your request count (41) is over the allowed limit of (40)."),
		"message": response(401, 0, catalogue[6].message),
		"envelope": response(401, 0,
			`{"status_code":7,"status_message":"Invalid API key: You must be granted a valid key."}`),
		"unrecognised": response(502, 0, "<html><head><title>502 Bad Gateway</title></head></html>"),
		"status":       response(404, 0, ""),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			c := Builtin()
			for b.Loop() {
				c.Decide(r)
			}
		})
	}
}
