package classify

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
)

// Entry is one row of a catalogue: an API's own status code, the HTTP status
// that the API promises with it, its message, and what it means.
type Entry struct {
	Code       uint16
	HTTPStatus int16
	// Message is the text exactly as the API sends it. When it contains "#",
	// every "#" and every number in it stands for any number: the first is the
	// request count, the second the limit (see Decision).
	Message string
	Outcome Outcome
	// Hint says in a sentence or two what the code means in practice and what
	// to look at next. It does not take part in Hash.
	Hint string
}

// builtinTable is the built-in catalogue: the 34 status codes of the TMDB API,
// messages and HTTP statuses verbatim, 34 with its 401 included.
var builtinTable = [...]Entry{
	{1, 200, "Success.", Success,
		"The request was answered. Nothing to do."},
	{2, 501, "Invalid service: this service does not exist.", Unsupported,
		"The path names a service that the API does not have: an outdated client or a wrong base URL. See which routes and user agents send it."},
	{3, 401, "Authentication failed: You do not have permissions to access the service.", AccessDenied,
		"The caller is known but may not use this service. See which keys ask for it, then check their plan or grants."},
	{4, 405, "Invalid format: This service doesn't exist in that format.", Unsupported,
		"The service exists, the requested format or method does not. Look for clients that ask for an old format."},
	{5, 422, "Invalid parameters: Your request parameters are incorrect.", InvalidRequest,
		"A parameter is missing or malformed. A sudden rise on one route usually follows a client release or a change of the API."},
	{6, 404, "Invalid id: The pre-requisite id is invalid or not found.", NotFound,
		"The id in the path does not exist. Some are normal; one key with many is enumerating ids or works from a stale list."},
	{7, 401, "Invalid API key: You must be granted a valid key.", InvalidKey,
		"The key is unknown: mistyped, revoked, or guessed. Many different keys from one address are a guessing attack; one key from many is a shipped mistake."},
	{8, 403, "Duplicate entry: The data you tried to submit already exists.", Duplicate,
		"The submitted data is already there, most often a retry of a request that had succeeded. Check that client's retry rule."},
	{9, 503, "Service offline: This service is temporarily offline, try again later.", Offline,
		"The service is down or in maintenance. If no maintenance is planned, treat it as an outage of that service."},
	{10, 401, "Suspended API key: Access to your account has been suspended, contact TMDb.", SuspendedKey,
		"The key was suspended and is still in use. Find its owner by the key's id; the traffic stops only when their deployment changes."},
	{11, 500, "Internal error: Something went wrong, contact TMDb.", InternalError,
		"The API itself failed. Compare routes and upstream latency around the first occurrence; the request ids of the samples lead to the server's logs."},
	{12, 201, "The item/record was updated successfully.", Success,
		"A write was accepted. Nothing to do."},
	{13, 200, "The item/record was deleted successfully.", Success,
		"A deletion was accepted. Nothing to do."},
	{14, 401, "Authentication failed.", AuthFailed,
		"Credentials were refused without a closer reason. Many from one address are a password attack; many from one key are an expired login."},
	{15, 500, "Failed.", InternalError,
		"The API failed and says nothing more. Look at the route, the upstream status and the samples' request ids."},
	{16, 401, "Device denied.", AccessDenied,
		"The device is not allowed for this account. See which user agents are refused and whether a device list changed."},
	{17, 401, "Session denied.", AccessDenied,
		"The session may not do this, or is no longer valid. A rise for everybody at once points at the session store."},
	{18, 400, "Validation failed.", InvalidRequest,
		"The body did not pass validation. One key or one user agent behind most of them means a client bug."},
	{19, 406, "Invalid accept header.", Unsupported,
		"The Accept header asks for a type that the API does not produce. Usually one client library's default."},
	{20, 422, "Invalid date range: Should be a range no longer than 14 days.", InvalidRequest,
		"The client asks for more than 14 days at once. It has to split its range."},
	{21, 200, "Entry not found: The item you are trying to edit cannot be found.", NotFound,
		"A failure although HTTP says 200: the item to edit does not exist. Monitoring by HTTP status alone does not see it."},
	{22, 400, "Invalid page: Pages start at 1 and max at 1000. They are expected to be an integer.", InvalidRequest,
		"A page number outside 1 to 1000: a client that pages from 0, or one that crawls past the end."},
	{23, 400, "Invalid date: Format needs to be YYYY-MM-DD.", InvalidRequest,
		"A date in another format, often a client's locale. See which user agent sends it."},
	{24, 504, "Your request to the backend server timed out. Try again.", Timeout,
		"The backend did not answer in time. Look for the service and route where it spikes, and compare the upstream latency with the minutes before."},
	{25, 429, "Your request count (#) is over the allowed limit of (40).", RateLimited,
		"The key is over its rate limit; the first number is its request count, the second the limit. Find the keys with most refused slots: a client that ignores 429 needs a back-off, one that is always a little over needs another plan."},
	{26, 400, "You must provide a username and password.", AuthFailed,
		"The login came without credentials: a broken form or a probe. See the addresses and user agents."},
	{27, 400, "Too many append to response objects: The maximum number of remote calls is 20.", InvalidRequest,
		"The client appends more than 20 sub-requests to one. It has to split them."},
	{28, 400, "Invalid timezone: Please consult the documentation for a valid timezone.", InvalidRequest,
		"The timezone name is unknown to the API. Often an abbreviation instead of a name such as Europe/Paris."},
	{29, 400, "You must confirm this action: Please provide a confirm=true parameter.", InvalidRequest,
		"The action needs confirm=true. The client skipped the confirmation step."},
	{30, 401, "Invalid username and/or password: You did not provide a valid login.", AuthFailed,
		"A wrong login. Many from few addresses over many accounts are credential stuffing."},
	{31, 401, "Account disabled: Your account is no longer active. Contact TMDb if this is an error.", DisabledAccount,
		"The account is disabled and its key is still in use. Tell the owner, or find the deployment that was forgotten."},
	{32, 401, "Email not verified: Your email address has not been verified.", UnverifiedAccount,
		"The account never confirmed its address. A wave of them is a wave of new sign-ups, or mail that does not arrive."},
	{33, 401, "Invalid request token: The request token is either expired or invalid.", AuthFailed,
		"The request token ran out before it was used, or is forged. A rise for everybody at once points at clocks or at the token store."},
	{34, 401, "The resource you requested could not be found.", NotFound,
		"There is nothing at this path, although the catalogue promises 401 and not 404. Look for stale links and probes by path in the samples."},
}

// Catalogue is an immutable set of entries with their lookups. Any number of
// goroutines may use one.
type Catalogue struct {
	entries []Entry // ascending by code
	// rules holds what Decide needs, by code; its length is the highest code
	// plus one, so the lookup is one bounds check and one load.
	rules    []rule
	messages messageIndex
	hash     string
}

// rule is an entry as Decide sees it. Its outcome is Unset for a code that the
// catalogue does not have.
type rule struct {
	also     []int16 // further statuses that the API promises
	status   int16
	outcome  Outcome
	numbered bool // the message carries numbers to read
}

// noRule is the rule of the codes beyond the highest.
var noRule rule

var builtin = newCatalogue(builtinTable[:])

// None is the catalogue without a code: codes and messages decide nothing.
func None() *Catalogue { return none }

var none = newCatalogue(nil)

// Builtin is the catalogue of 34 codes that statline uses by default.
func Builtin() *Catalogue { return builtin }

// newCatalogue indexes entries whose codes are distinct and not zero.
func newCatalogue(entries []Entry) *Catalogue {
	c := &Catalogue{entries: slices.Clone(entries)}
	slices.SortFunc(c.entries, func(a, b Entry) int { return int(a.Code) - int(b.Code) })
	c.messages = indexMessages(c.entries)
	if n := len(c.entries); n > 0 {
		c.rules = make([]rule, int(c.entries[n-1].Code)+1)
	}
	for _, e := range c.entries {
		c.rules[e.Code] = rule{nil, e.HTTPStatus, e.Outcome, c.messages.numbered(e.Code)}
	}
	c.hash = hashEntries(c.entries)
	return c
}

// Entry is the catalogue's row for code; ok is false when it has none.
func (c *Catalogue) Entry(code uint16) (e Entry, ok bool) {
	i, ok := slices.BinarySearchFunc(c.entries, code, func(e Entry, code uint16) int { return int(e.Code) - int(code) })
	if !ok {
		return Entry{}, false
	}
	return c.entries[i], true
}

// Entries lists every row, ascending by code. The caller owns the slice.
func (c *Catalogue) Entries() []Entry { return slices.Clone(c.entries) }

// WithHTTPStatus lists the rows that promise the given HTTP status, ascending
// by code; nil when there are none.
func (c *Catalogue) WithHTTPStatus(status int16) []Entry {
	var found []Entry
	for _, e := range c.entries {
		if e.HTTPStatus == status {
			found = append(found, e)
		}
	}
	return found
}

// Hash identifies what the catalogue decides: 16 hexadecimal characters of the
// SHA-256 over every code, HTTP status, message and outcome. Two catalogues
// with the same Hash classify alike; hints do not count.
func (c *Catalogue) Hash() string { return c.hash }

// rule is the rule for code, with the outcome Unset when there is none.
func (c *Catalogue) rule(code uint16) *rule {
	if int(code) >= len(c.rules) {
		return &noRule
	}
	return &c.rules[code]
}

func hashEntries(entries []Entry) string {
	h := sha256.New()
	var line []byte
	for _, e := range entries {
		line = strconv.AppendUint(line[:0], uint64(e.Code), 10)
		line = append(line, ' ')
		line = strconv.AppendInt(line, int64(e.HTTPStatus), 10)
		line = append(line, ' ')
		line = append(line, e.Outcome.String()...)
		line = append(line, ' ')
		line = strconv.AppendQuote(line, e.Message)
		line = append(line, '\n')
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
