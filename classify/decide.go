package classify

// Of is the outcome of r by the built-in catalogue.
func Of(r *Response) Outcome { return builtin.Decide(r).Outcome }

// OfHTTPStatus is the outcome that an HTTP status alone implies. Negative
// means that the log has none and gives Unknown; 0 is a client that left.
func OfHTTPStatus(status int16) Outcome {
	switch status {
	case 0, 499:
		return ClientClosed
	case 401:
		return AuthFailed
	case 403:
		return AccessDenied
	case 404, 410:
		return NotFound
	case 405, 406, 415, 501:
		return Unsupported
	case 409:
		return Duplicate
	case 400, 413, 414, 422:
		return InvalidRequest
	case 429:
		return RateLimited
	case 500:
		return InternalError
	case 503:
		return Offline
	case 504, 522, 524, 598, 599:
		return Timeout
	}
	switch {
	case status >= 200 && status < 300:
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

// Decide classifies r. The API's code wins over the message, the message over
// the gateway's flag, the flag over the HTTP status. A code that the catalogue
// does not have stays in Decision.Code and the rest decides. A message that is
// recognised gives its code when the response has none; one that contradicts a
// known code is ignored. A response with neither code, message, flag nor HTTP
// status is Unknown, decided by nothing.
//
// Drift compares with the HTTP status sent: an absent one (-1) and the 0 that
// stands for a client that left contradict nothing.
//
// Decide does not allocate, never panics, and takes a time linear in the first
// few kilobytes of the message at most; with a known code it does not look at
// the message, but for entries that carry numbers.
func (c *Catalogue) Decide(r *Response) Decision {
	if e := c.rule(r.Code); e.outcome != Unset {
		d := Decision{Outcome: e.outcome, DecidedBy: ByCode, Code: r.Code, Drift: e.drifts(r.Status)}
		if e.numbered && len(r.Message) > 0 {
			if code, count, limit := c.messages.recognise(r.Message); code == r.Code {
				d.Count, d.Limit = count, limit
			}
		}
		return d
	}
	d := Decision{Code: r.Code}
	if len(r.Message) > 0 {
		if code, count, limit := c.messages.recognise(r.Message); code != 0 {
			e := c.rule(code)
			d.Outcome, d.DecidedBy, d.Count, d.Limit = e.outcome, ByMessage, count, limit
			if r.Code == 0 {
				d.Code, d.Drift = code, e.drifts(r.Status)
			}
			return d
		}
	}
	switch {
	case r.Gateway != Unset:
		d.Outcome, d.DecidedBy = r.Gateway, ByGateway
	case r.Status < 0:
		d.Outcome = Unknown
	default:
		d.Outcome, d.DecidedBy = OfHTTPStatus(r.Status), ByStatus
	}
	return d
}

// Recognise finds the entry whose message text is, and the request count and
// limit in it (0 where it has none, at most 4294967295). It forgives
// surrounding space, letter case, a missing or doubled trailing period, runs
// of white space, JSON escapes, and what is left of a JSON envelope around the
// text. A text that several entries share recognises none of them.
func (c *Catalogue) Recognise(text []byte) (e Entry, count, limit uint32, ok bool) {
	code, count, limit := c.messages.recognise(text)
	if code == 0 {
		return Entry{}, 0, 0, false
	}
	e, _ = c.Entry(code)
	return e, count, limit, true
}

func (e rule) drifts(status int16) bool { return status > 0 && status != e.status }
