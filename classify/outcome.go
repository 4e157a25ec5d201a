package classify

// Outcome is why a response was what it was, in one of twenty words. The
// numbers are internal; the names are stored and stable.
type Outcome uint8

// The outcomes. Unset is never the result of a classification.
const (
	Unset Outcome = iota
	Success
	Redirect
	RateLimited
	SuspendedKey
	DisabledAccount
	InvalidKey
	UnverifiedAccount
	AuthFailed
	AccessDenied
	InvalidRequest
	NotFound
	Duplicate
	Unsupported
	Timeout
	Offline
	InternalError
	ClientError
	ServerError
	ClientClosed
	Unknown
	outcomeCount
)

var outcomeNames = [outcomeCount]string{
	"", "success", "redirect", "rate_limited", "suspended_key", "disabled_account",
	"invalid_key", "unverified_account", "auth_failed", "access_denied",
	"invalid_request", "not_found", "duplicate", "unsupported", "timeout", "offline",
	"internal_error", "client_error", "server_error", "client_closed", "unknown",
}

// String is the stored name.
func (o Outcome) String() string {
	if o >= outcomeCount {
		return "unknown"
	}
	return outcomeNames[o]
}

// Failure reports whether o is anything but success and redirect.
func (o Outcome) Failure() bool { return Failed.Has(o) }

// Outcomes lists every outcome, in the order of their numbers.
func Outcomes() []Outcome {
	all := make([]Outcome, 0, outcomeCount-1)
	for o := Success; o < outcomeCount; o++ {
		all = append(all, o)
	}
	return all
}

// ParseOutcome is the inverse of String; ok is false for an unknown name.
func ParseOutcome(name string) (o Outcome, ok bool) {
	for i, n := range outcomeNames {
		if n == name && i > 0 {
			return Outcome(i), true
		}
	}
	return Unset, false
}

// DecidedBy says which part of a response decided its outcome.
type DecidedBy uint8

// What can decide. The numbers are internal; the names are stored and stable.
const (
	ByNothing DecidedBy = iota
	ByCode
	ByMessage
	ByGateway
	ByStatus
	// ByBody: an error inside the response, under an HTTP status that says
	// success or something else (gRPC status, JSON-RPC, "ok": false, a rate
	// limit behind 403).
	ByBody
	// ByPartial: a success with errors beside its data, as GraphQL answers.
	ByPartial
	// ByName: the API's own name of the error, which the catalogue has.
	ByName
)

// String is the stored name.
func (d DecidedBy) String() string {
	names := [...]string{"", "code", "message", "gateway", "status", "body", "partial", "name"}
	if int(d) >= len(names) {
		return ""
	}
	return names[d]
}

// Decision is what classification says of one response.
type Decision struct {
	Outcome   Outcome
	DecidedBy DecidedBy
	// Code is the API's code, given or recognised in the message; 0 for none.
	// An unknown code stays as its number.
	Code uint16
	// Drift is set when the catalogue has Code with another HTTP status than
	// the one observed: the API breaks its own contract.
	Drift bool
	// Count and Limit are the numbers in code 25's message ("Your request
	// count (41) is over the allowed limit of (40)."), 0 when absent.
	Count, Limit uint32
}
