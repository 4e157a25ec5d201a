package decode

import (
	"fmt"
	"strings"
	"testing"

	"statline/classify"
)

// Of an API that nobody has seen, with names of errors of its own, each is
// proposed once, with the right outcome for most, in a file that is a
// catalogue.
func TestSuggestCodes(t *testing.T) {
	errors := []struct {
		status        int
		name, message string
		outcome       classify.Outcome
	}{
		{429, "quota_exceeded", "Quota of 40 calls used up.", classify.RateLimited},
		{401, "api_key_unknown", "No such key.", classify.InvalidKey},
		{401, "token_expired", "The token has run out.", classify.AuthFailed},
		{403, "scope_not_granted", "This key may not do that.", classify.AccessDenied},
		{404, "film_not_found", "There is no film %d.", classify.NotFound},
		{409, "already_reviewed", "You have reviewed film %d.", classify.Duplicate},
		{422, "invalid_rating", "A rating is a number from 1 to 10.", classify.InvalidRequest},
		{503, "maintenance_window", "Back soon.", classify.Offline},
		{504, "search_timeout", "The search took too long.", classify.Timeout},
		{403, "account_suspended", "The account was suspended.", classify.DisabledAccount},
	}
	var log strings.Builder
	for i := range 1000 {
		e := errors[i%len(errors)]
		message := e.message
		if strings.Contains(message, "%d") {
			message = fmt.Sprintf(message, i)
		}
		log.WriteString(withBody(e.status, fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, e.name, message)) + "\n")
		log.WriteString(withBody(200, `{"id":1}`) + "\n")
	}
	entries, err := SuggestCodes(Config{}, strings.NewReader(log.String()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := classify.EntriesYAML(entries)
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := classify.ParseCatalogue(text)
	if err != nil {
		t.Fatalf("the proposal is no catalogue: %v\n%s", err, text)
	}
	found := map[string]classify.Entry{}
	for _, e := range catalogue.Entries() {
		found[e.Name] = e
	}
	right := 0
	for _, e := range errors {
		got := found[e.name]
		if got.Outcome == e.outcome {
			right++
		} else {
			t.Logf("%s: guessed %v; right is %v", e.name, got.Outcome, e.outcome)
		}
		if int(got.HTTPStatus) != e.status || !strings.Contains(got.Hint, "Seen 100 times") {
			t.Errorf("%s: got %+v", e.name, got)
		}
	}
	if len(entries) != len(errors) || right < 8 {
		t.Errorf("got %d entries, %d of 10 outcomes right; want each name once and 8:\n%s", len(entries), right, text)
	}
	// Messages without names are clustered.
	entries, err = SuggestCodes(Config{}, strings.NewReader(withBody(400,
		`{"message":"Film 12 has no cut 3."}`)+"\n"+withBody(400, `{"message":"Film 13 has no cut 9."}`)))
	if err != nil || len(entries) != 1 || entries[0].Message != "Film # has no cut #." {
		t.Errorf("got %+v, %v", entries, err)
	}
}
