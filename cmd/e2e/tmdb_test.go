package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tmdbAnswers are answers of today's API: later codes, and wordings and statuses
// that were others once.
var tmdbAnswers = []struct {
	code, status   int
	message, named string
}{
	{34, 404, "The resource you requested could not be found.", "not_found"},
	{36, 401, "This token hasn't been granted write permission by the user.", "access_denied"},
	{45, 403, "This user has been suspended.", "disabled_account"},
	{46, 503, "The API is undergoing maintenance. Try again later.", "offline"},
	{22, 400, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer.", "invalid_request"},
}

// tmdbLog is two hours in which every answer comes twice a minute among
// successes, as the API's envelope in a body or as fields of the line.
func tmdbLog(code34 int) []byte {
	var b bytes.Buffer
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n := range 120 * 60 {
		at := start.Add(time.Duration(n) * time.Second).Format(time.RFC3339)
		head := fmt.Sprintf(`{"ts":%q,"service":"tmdb","method":"GET","path":"/3/movie/%d","api_key":"0123456789abcdef0123456789abcd%02d"`, at, n, n%50)
		i := n % 30
		if i >= 2*len(tmdbAnswers) {
			fmt.Fprintf(&b, "%s,\"status\":200}\n", head)
			continue
		}
		a := tmdbAnswers[i/2]
		if a.code == 34 {
			a.status = code34
		}
		if i%2 == 0 {
			body := fmt.Sprintf(`{"success":false,"status_code":%d,"status_message":%q}`, a.code, a.message)
			fmt.Fprintf(&b, "%s,\"status\":%d,\"body\":%q}\n", head, a.status, body)
		} else {
			fmt.Fprintf(&b, "%s,\"status\":%d,\"status_code\":%d,\"status_message\":%q}\n", head, a.status, a.code,
				a.message)
		}
	}
	return b.Bytes()
}

// Promise: the API as it is today breaks no contract and has no unknown code;
// each answer has its outcome. One whose HTTP status changes does break it.
func TestTodaysCodesAreNoDrift(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		code34 int
		drift  bool
	}{{404, false}, {500, true}} {
		log, data := filepath.Join(dir, fmt.Sprint(test.code34, ".log")), filepath.Join(dir, fmt.Sprint(test.code34))
		if err := os.WriteFile(log, tmdbLog(test.code34), 0o600); err != nil {
			t.Fatal(err)
		}
		got := decodeJSON[report](t, must(t, "analyze", "--json", "--data", data, log).stdout)
		drift, unknown := false, false
		for _, i := range got.Incidents {
			drift = drift || i.Kind == "contract_drift"
			unknown = unknown || i.Kind == "unknown_code"
		}
		drifted := strings.Fields(must(t, "sql", "--data", data, "SELECT sum(drift) FROM responses").stdout)
		if drift != test.drift || unknown || (drifted[len(drifted)-1] != "0") != test.drift {
			t.Errorf("34 with HTTP %d: got contract_drift %v, unknown_code %v, responses with drift %v; want drift %v and no unknown code",
				test.code34, drift, unknown, drifted, test.drift)
		}
		for _, a := range tmdbAnswers {
			if n := got.ByCode[fmt.Sprint(a.code)]; n != 480 {
				t.Errorf("code %d: got %d responses; want 480", a.code, n)
			}
			if !test.drift && got.ByOutcome[a.named] != 480 {
				t.Errorf("%s: got %d responses; want the 480 of code %d: %v", a.named, got.ByOutcome[a.named], a.code,
					got.ByOutcome)
			}
		}
		if got.Responses != 7200 || got.Rejected != 0 {
			t.Errorf("got %d responses, %d rejected; want 7200, 0", got.Responses, got.Rejected)
		}
	}
}
