package chhttp

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

// exception is an error of the server's own in ClickHouse's text form, so
// that clients read it like one of the engine's.
type exception struct {
	code int
	name string
	text string
}

func (e exception) Error() string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", e.code, e.text, e.name)
}

func syntaxError(text string) error { return exception{62, "SYNTAX_ERROR", text} }

func notImplemented(text string) error { return exception{48, "NOT_IMPLEMENTED", text} }

var codePattern = regexp.MustCompile(`^Code: (\d+)\.`)

// codeOf reads the code out of an exception's text; 0 when there is none.
func codeOf(err error) int {
	m := codePattern.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	code, _ := strconv.Atoi(m[1])
	return code
}

// Exceptions that a ClickHouse server answers with 400 and 404: what cannot be
// read or does not fit, and unknown names. (Taken from its
// exceptionCodeToHTTPStatus; the numbers from the engine's errorCodeToName.)
var (
	badRequestCodes = []int{6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676}
	notFoundCodes   = []int{46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511}
)

// statusOf is the HTTP status for an exception.
func statusOf(code int) int {
	switch {
	case slices.Contains(badRequestCodes, code):
		return http.StatusBadRequest
	case slices.Contains(notFoundCodes, code):
		return http.StatusNotFound
	case code == 48: // NOT_IMPLEMENTED
		return http.StatusNotImplemented
	case code == 229: // QUERY_IS_TOO_LARGE
		return http.StatusRequestEntityTooLarge
	case code == 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	case code == 76 || code == 209 || code == 439: // CANNOT_OPEN_FILE, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
