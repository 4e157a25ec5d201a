package traffic

// status is one row of the API's table of status codes, with the outcome that the
// generator means. It is this package's own copy: the code under test must not compute the
// truth.
type status struct {
	code    uint16
	http    int16
	outcome outcome
	message string
}

// outcome indexes outcomeNames.
type outcome uint8

const (
	success outcome = iota
	redirect
	rateLimited
	suspendedKey
	disabledAccount
	invalidKey
	unverifiedAccount
	authFailed
	accessDenied
	invalidRequest
	notFound
	duplicate
	unsupported
	timeout
	offline
	internalError
	serverError
	clientClosed
	outcomes
)

var outcomeNames = [outcomes]string{
	"success", "redirect", "rate_limited", "suspended_key", "disabled_account", "invalid_key",
	"unverified_account", "auth_failed", "access_denied", "invalid_request", "not_found",
	"duplicate", "unsupported", "timeout", "offline", "internal_error", "server_error",
	"client_closed",
}

// statuses is indexed by code; row 0 is a success without a code. Code 25's
// message is completed by appendOverLimit.
var statuses = [...]status{
	{0, 200, success, ""},
	{1, 200, success, "Success."},
	{2, 501, unsupported, "Invalid service: this service does not exist."},
	{3, 401, accessDenied, "Authentication failed: You do not have permissions to access the service."},
	{4, 405, unsupported, "Invalid format: This service doesn't exist in that format."},
	{5, 422, invalidRequest, "Invalid parameters: Your request parameters are incorrect."},
	{6, 404, notFound, "Invalid id: The pre-requisite id is invalid or not found."},
	{7, 401, invalidKey, "Invalid API key: You must be granted a valid key."},
	{8, 403, duplicate, "Duplicate entry: The data you tried to submit already exists."},
	{9, 503, offline, "Service offline: This service is temporarily offline, try again later."},
	{10, 401, suspendedKey, "Suspended API key: Access to your account has been suspended, contact TMDb."},
	{11, 500, internalError, "Internal error: Something went wrong, contact TMDb."},
	{12, 201, success, "The item/record was updated successfully."},
	{13, 200, success, "The item/record was deleted successfully."},
	{14, 401, authFailed, "Authentication failed."},
	{15, 500, internalError, "Failed."},
	{16, 401, accessDenied, "Device denied."},
	{17, 401, accessDenied, "Session denied."},
	{18, 400, invalidRequest, "Validation failed."},
	{19, 406, unsupported, "Invalid accept header."},
	{20, 422, invalidRequest, "Invalid date range: Should be a range no longer than 14 days."},
	{21, 200, notFound, "Entry not found: The item you are trying to edit cannot be found."},
	{22, 400, invalidRequest, "Invalid page: Pages start at 1 and max at 1000. They are expected to be an integer."},
	{23, 400, invalidRequest, "Invalid date: Format needs to be YYYY-MM-DD."},
	{24, 504, timeout, "Your request to the backend server timed out. Try again."},
	{25, 429, rateLimited, "Your request count (#) is over the allowed limit of (40)."},
	{26, 400, authFailed, "You must provide a username and password."},
	{27, 400, invalidRequest, "Too many append to response objects: The maximum number of remote calls is 20."},
	{28, 400, invalidRequest, "Invalid timezone: Please consult the documentation for a valid timezone."},
	{29, 400, invalidRequest, "You must confirm this action: Please provide a confirm=true parameter."},
	{30, 401, authFailed, "Invalid username and/or password: You did not provide a valid login."},
	{31, 401, disabledAccount, "Account disabled: Your account is no longer active. Contact TMDb if this is an error."},
	{32, 401, unverifiedAccount, "Email not verified: Your email address has not been verified."},
	{33, 401, authFailed, "Invalid request token: The request token is either expired or invalid."},
	{34, 401, notFound, "The resource you requested could not be found."},
}

// rateLimit is how many requests the API allows a key in a window.
const (
	rateLimit       = 40
	rateLimitWindow = 10_000 // milliseconds
)
