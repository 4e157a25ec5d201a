package classify

import "bytes"

// OfName is the outcome that an API's own name of an error implies, by the
// words in it: RESOURCE_EXHAUSTED, rateLimitExceeded and ThrottlingException
// are one. Unset when no word is known.
func OfName(name []byte) Outcome {
	if len(name) == 0 {
		return Unset
	}
	if o := grpcOutcome(name); o != Unset {
		return o
	}
	var buf [64]byte
	word := squash(buf[:0], name)
	for i := range nameWords {
		if w := &nameWords[i]; w.in(word) {
			return w.outcome
		}
	}
	return Unset
}

// grpcOutcome is the outcome of a canonical gRPC status name, by the HTTP
// status that google.rpc.Code gives each. Their words alone would mislead for
// some (UNKNOWN, ABORTED, OUT_OF_RANGE).
func grpcOutcome(name []byte) Outcome {
	switch string(name) {
	case "CANCELLED":
		return ClientClosed
	case "UNKNOWN", "INTERNAL", "DATA_LOSS":
		return InternalError
	case "INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE":
		return InvalidRequest
	case "ABORTED":
		return Duplicate
	}
	return Unset
}

// nameWord says that a name with any of words, any of with (if given) and none
// of without means outcome. The first that holds wins: the closer reasons come
// first, the general words last.
type nameWord struct {
	outcome              Outcome
	words, with, without []string
}

func (w *nameWord) in(name []byte) bool {
	return holdsAny(name, w.words) && (len(w.with) == 0 || holdsAny(name, w.with)) && !holdsAny(name, w.without)
}

func holdsAny(name []byte, words []string) bool {
	for _, w := range words {
		if bytes.Contains(name, []byte(w)) {
			return true
		}
	}
	return false
}

var wrong = []string{"invalid", "missing", "unknown", "expired", "notfound", "bad", "wrong", "required", "incorrect",
	"rejected", "revoked", "not"}

var nameWords = [...]nameWord{
	{outcome: RateLimited, words: []string{"ratelimit", "ratelimt", "throttl", "toomanyrequest", "quota", "slowdown",
		"requestlimit", "enhanceyourcalm", "floodwait", "spikearrest", "resourceexhausted", "rateexceeded",
		"toomanycalls", "throughputexceeded"}, without: []string{"quotation"}},
	{outcome: RateLimited, words: []string{"limit"}, with: []string{"exceed", "reached", "hit"}, without: []string{"size", "length", "time", "credit", "depth"}},
	{outcome: SuspendedKey, words: []string{"suspend", "revoked", "blocked"}, with: []string{"key", "app", "client"}},
	{outcome: DisabledAccount, words: []string{"suspend", "disabled", "inactive", "deactivated", "closed", "locked",
		"banned"}, with: []string{"account", "user", "customer", "merchant", "developer", "tenant", "project",
		"suspend"}},
	{outcome: UnverifiedAccount, words: []string{"unverified", "notverified", "verificationrequired", "notconfirmed", "unconfirmed"}},
	{outcome: InvalidKey, words: []string{"apikey", "accesskey", "appkey", "subscriptionkey"}, with: wrong},
	{outcome: InvalidKey, words: []string{"invalidkey", "keyinvalid", "unknownkey"}},
	{outcome: Unsupported, words: []string{"methodnotallowed", "notimplemented", "unimplemented", "unsupported",
		"notsupported", "notacceptable", "methodnotfound", "unknownmethod", "deprecated"}},
	{outcome: AuthFailed, words: []string{"unauthenticated", "unauthorized", "unauthorised", "invalidauth", "notauthed",
		"notauthenticated", "authentication", "authfailed", "authrequired", "credential", "invalidgrant",
		"invalidclient", "loginrequired", "loginfailed", "invalidlogin", "password", "signature",
		"unrecognizedclient"}},
	{outcome: AuthFailed, words: []string{"token", "session", "jwt"}, with: wrong},
	{outcome: AccessDenied, words: []string{"accessdenied", "forbidden", "permission", "denied", "notallowed",
		"notpermitted", "insufficientscope", "missingscope", "insufficientprivilege", "notauthorized",
		"paymentrequired", "insufficientfunds", "insufficientcredit"}},
	{outcome: NotFound, words: []string{"notfound", "nosuch", "doesnotexist", "notexist", "resourcemissing",
		"unknownresource", "isgone", "deleted"}},
	{outcome: Duplicate, words: []string{"alreadyexist", "duplicate", "conflict", "alreadytaken", "alreadyin",
		"notunique", "alreadyused"}},
	{outcome: Timeout, words: []string{"timeout", "timedout", "deadlineexceeded"}},
	{outcome: Offline, words: []string{"unavailable", "maintenance", "offline", "overload", "connectionrefused",
		"connectionfailed", "badgateway", "upstream", "outofservice", "capacity"}},
	{outcome: InternalError, words: []string{"internal", "servererror", "unexpected", "dataloss", "fatal",
		"databaseerror", "dberror", "crash", "panic"}},
	{outcome: ClientClosed, words: []string{"cancelled", "canceled", "clientclosed"}},
	{outcome: InvalidRequest, words: []string{"invalid", "malformed", "missing", "required", "validation", "parse",
		"outofrange", "failedprecondition", "toolarge", "toolong", "unprocessable", "argument", "parameter",
		"badrequest", "illegal", "mustbe", "sizelimit", "badformat", "badinput"}},
}

// squash appends the letters and digits of name in lower case, at most 64.
func squash(dst, name []byte) []byte {
	for _, c := range name[:min(len(name), 64)] {
		switch {
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c|0x20)
		case c >= 'a' && c <= 'z' || isDigit(c):
			dst = append(dst, c)
		}
	}
	return dst
}

// behind is what the body of a failure says more closely than its HTTP status:
// a rate limit behind 400, 403 or 503 (AWS, GitHub, Google), a refused key.
// Unset when it does not.
func (r *Response) behind() Outcome {
	switch o := OfName(r.ErrorType); o {
	case RateLimited, InvalidKey:
		if r.Status < 500 || o == RateLimited && r.Status == 503 {
			return o
		}
	case Unset:
		if (r.Status == 400 || r.Status == 403) && limitMessage(r.Message) {
			return RateLimited
		}
	}
	return Unset
}

// limitMessage reports that a message says that a rate limit was exceeded, in
// the words of the large APIs that answer it with 403 or 400.
func limitMessage(msg []byte) bool {
	if len(msg) == 0 {
		return false
	}
	var buf [256]byte
	n := 0
	for _, c := range msg[:min(len(msg), len(buf))] {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		buf[n] = c
		n++
	}
	text := buf[:n]
	if holdsAny(text, []string{"rate exceeded", "too many requests", "quota exceeded", "abuse detection",
		"request was throttled"}) {
		return true
	}
	return holdsAny(text, []string{"rate limit", "daily limit", "request limit", "user limit"}) &&
		holdsAny(text, []string{"exceed", "reached", "hit"})
}
