package chhttp

import (
	"net/http"
	"slices"
)

// Exceptions that a ClickHouse server answers with 400 and 404: unreadable or unfit
// input, and unknown names. (From its exceptionCodeToHTTPStatus; the numbers are from the
// engine's errorCodeToName.)
var (
	badRequestCodes = []int{6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376,
		427, 441, 675, 676}
	notFoundCodes = []int{46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511}
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
	case code == 516: // AUTHENTICATION_FAILED
		return http.StatusForbidden
	case code == 76 || code == 209 || code == 439: // CANNOT_OPEN_FILE, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
