package classify

// OfHTTPStatus is the outcome that an HTTP status alone implies, as its
// documentation says: RFC 9110 and the registry of statuses, nginx (444 to
// 499), AWS load balancers (460 to 464, 561), Cloudflare (520 to 530), IIS
// (440). Negative means that the log has none and gives Unknown; 0 is a client
// that left.
func OfHTTPStatus(status int16) Outcome {
	switch status {
	case 0, 460, 499: // the client closed the connection
		return ClientClosed
	case 401, 407, 419, 440, 495, 496, 498, 511, 561:
		return AuthFailed
	case 402, 403, 450, 451: // payment required, forbidden, parental controls, legal reasons
		return AccessDenied
	case 404, 410:
		return NotFound
	case 405, 406, 415, 426, 464, 501, 505:
		return Unsupported
	case 409:
		return Duplicate
	case 400, 411, 413, 414, 416, 417, 422, 428, 431, 463, 494, 497:
		return InvalidRequest
	case 420, 429, 509: // 420: the old 429 of some APIs; 509: bandwidth limit
		return RateLimited
	case 500:
		return InternalError
	case 503, 521, 523, 525, 526, 527, 529, 530: // 529: overloaded
		return Offline
	case 408, 504, 522, 524, 598, 599:
		return Timeout
	}
	switch {
	case status >= 100 && status < 300: // 101: a WebSocket
		return Success
	case status >= 300 && status < 400:
		return Redirect
	case status >= 400 && status < 500:
		return ClientError
	case status >= 500 && status < 600:
		return ServerError
	}
	return Unknown
}
