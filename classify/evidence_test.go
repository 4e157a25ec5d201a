package classify

import "testing"

// What a code's word is worth: the catalogue's own envelope alone makes a
// success of a failing HTTP status, and a code that may be anybody's counts
// only where it agrees with the HTTP status or with the message.
func TestEvidence(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int16
		code    uint16
		from    Evidence
		message string
		want    Decision
	}{
		{"google.rpc.Code INTERNAL", 500, 13, CodeBare, "boom", Decision{Outcome: InternalError, DecidedBy: ByStatus}},
		{"google.rpc.Code RESOURCE_EXHAUSTED", 429, 8, CodeBare, "slow down", Decision{Outcome: RateLimited, DecidedBy: ByStatus}},
		{"a voucher's code", 200, 25, CodeBare, "", Decision{Outcome: Success, DecidedBy: ByStatus}},
		{"a bare code that agrees", 429, 25, CodeBare, "", Decision{Outcome: RateLimited, DecidedBy: ByCode, Code: 25}},
		{"a bare code of a success", 200, 1, CodeBare, "", Decision{Outcome: Success, DecidedBy: ByStatus}},
		{"a bare code and its message", 403, 7, CodeBare, "Invalid API key: You must be granted a valid key.", Decision{Outcome: InvalidKey, DecidedBy: ByMessage, Code: 7, Drift: true}},
		{"an unknown bare code", 400, 4711, CodeBare, "", Decision{Outcome: InvalidRequest, DecidedBy: ByStatus}},
		{"a named success under 500", 500, 1, CodeNamed, "", Decision{Outcome: InternalError, DecidedBy: ByStatus, Code: 1, Drift: true}},
		{"a named failure under 200", 200, 25, CodeNamed, "", Decision{Outcome: RateLimited, DecidedBy: ByCode, Code: 25, Drift: true}},
		{"the envelope's success under 500", 500, 1, CodeEnvelope, "", Decision{Outcome: Success, DecidedBy: ByCode, Code: 1, Drift: true}},
		{"the envelope denies it", 500, 1, CodeDenied, "", Decision{Outcome: InternalError, DecidedBy: ByStatus, Code: 1, Drift: true}},
		{"a success's words under 500", 500, 0, CodeNamed, "Success.", Decision{Outcome: InternalError, DecidedBy: ByStatus, Code: 1, Drift: true}},
	} {
		r := response(c.status, c.code, c.message)
		r.CodeFrom = c.from
		if d := Builtin().Decide(r); d != c.want {
			t.Errorf("%s: got %+v; want %+v", c.name, d, c.want)
		}
	}
}

// An error inside a response, a success with gaps, a rate limit behind another
// status.
func TestMarks(t *testing.T) {
	for _, c := range []struct {
		name         string
		status       int16
		mark         Mark
		typ, message string
		want         Outcome
		by           DecidedBy
		gateway      Outcome
	}{
		{"gRPC under 200", 200, MarkError, "RESOURCE_EXHAUSTED", "", RateLimited, ByBody, Unset},
		{"gRPC without HTTP", -1, MarkError, "UNAVAILABLE", "", Offline, ByBody, Unset},
		{"gRPC OK without HTTP", -1, MarkFine, "", "", Success, ByBody, Unset},
		{"an error without a name", 200, MarkError, "", "", Unknown, ByBody, Unset},
		{"a failing HTTP status is closer", 404, MarkError, "", "", NotFound, ByStatus, Unset},
		{"GraphQL with gaps", 200, MarkPartial, "FORBIDDEN", "", Success, ByPartial, Unset},
		{"AWS", 400, MarkNone, "ThrottlingException", "Rate exceeded", RateLimited, ByBody, Unset},
		{"Google", 403, MarkNone, "rateLimitExceeded", "Rate Limit Exceeded", RateLimited, ByBody, Unset},
		{"GitHub", 403, MarkNone, "", "API rate limit exceeded for user ID 1.", RateLimited, ByBody, Unset},
		{"GitHub, secondary", 403, MarkNone, "", "You have exceeded a secondary rate limit.", RateLimited, ByBody, Unset},
		{"S3", 503, MarkNone, "SlowDown", "Please reduce your request rate.", RateLimited, ByBody, Unset},
		{"a name under 500", 500, MarkNone, "rate_limit_lookup_failed", "", InternalError, ByStatus, Unset},
		{"a plain 403", 403, MarkNone, "", "You may not see the rate limit page.", AccessDenied, ByStatus, Unset},
		{"the gateway knows better", 200, MarkError, "UNKNOWN", "", Timeout, ByGateway, Timeout},
		{"a redirect with an error's words", 302, MarkError, "invalid_grant", "", Redirect, ByStatus, Unset},
	} {
		r := response(c.status, 0, c.message)
		r.Mark, r.ErrorType, r.Gateway = c.mark, []byte(c.typ), c.gateway
		if d := Builtin().Decide(r); d.Outcome != c.want || d.DecidedBy != c.by {
			t.Errorf("%s: got %v by %v; want %v by %v", c.name, d.Outcome, d.DecidedBy, c.want, c.by)
		}
	}
}

// Names of errors of public APIs, and what they mean.
func TestOfName(t *testing.T) {
	for name, want := range map[string]Outcome{
		"": Unset, "boom": Unset, "E1001": Unset,
		"RESOURCE_EXHAUSTED": RateLimited, "rate_limit_exceeded": RateLimited, "ratelimited": RateLimited, "quota.exceeded": RateLimited,
		"policies.ratelimit.QuotaViolation": RateLimited, "ThrottlingException": RateLimited,
		"TooManyRequestsException": RateLimited,
		"userRateLimitExceeded":    RateLimited, "dailyLimitExceeded": RateLimited, "insufficient_quota": RateLimited, "SlowDown": RateLimited,
		"invalid_api_key": InvalidKey, "API_KEY_INVALID": InvalidKey, "oauth.v2.InvalidApiKey": InvalidKey,
		"key_suspended": SuspendedKey, "account_inactive": DisabledAccount, "user.suspended": DisabledAccount, "email_not_verified": UnverifiedAccount,
		"invalid_grant": AuthFailed, "UNAUTHENTICATED": AuthFailed, "token_expired": AuthFailed,
		"invalid_auth": AuthFailed, "auth/wrong-password": AuthFailed,
		"PERMISSION_DENIED": AccessDenied, "AccessDeniedException": AccessDenied, "FORBIDDEN": AccessDenied, "missing_scope": AccessDenied,
		"NOT_FOUND": NotFound, "channel_not_found": NotFound, "NoSuchKey": NotFound, "resource_missing": NotFound,
		"ALREADY_EXISTS": Duplicate, "ConditionalCheckConflict": Duplicate, "UNIMPLEMENTED": Unsupported, "MethodNotFound": Unsupported,
		"DEADLINE_EXCEEDED": Timeout, "gateway_timeout": Timeout, "UNAVAILABLE": Offline, "overloaded_error": Offline,
		"INTERNAL": InternalError, "UNKNOWN": InternalError, "INTERNAL_SERVER_ERROR": InternalError, "CANCELLED": ClientClosed,
		"INVALID_ARGUMENT": InvalidRequest, "invalid_request_error": InvalidRequest,
		"validation_failed": InvalidRequest, "file_size_limit_exceeded": InvalidRequest,
	} {
		if got := OfName([]byte(name)); got != want {
			t.Errorf("%q: got %v; want %v", name, got, want)
		}
	}
}

// The catalogue without codes decides by everything else.
func TestNone(t *testing.T) {
	r := response(429, 7, "Success.")
	if d := None().Decide(r); d != (Decision{Outcome: RateLimited, DecidedBy: ByStatus}) {
		t.Errorf("got %+v; want the HTTP status to decide", d)
	}
}
