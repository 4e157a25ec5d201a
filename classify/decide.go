package classify

import "slices"

// Decide classifies r. The API's code wins over its name of the error, the name
// over the message, the message over the gateway's flag, the flag over an error inside the response, that over
// the HTTP status. A code that the catalogue does not have stays in
// Decision.Code and the rest decides. A message that is recognised gives its
// code when the response has none; one that contradicts a known code is
// ignored. A response with none of them is Unknown, decided by nothing.
//
// A code counts for what it is worth (see Evidence). A bare one counts when it
// names a failure whose HTTP status, 400 or more, is the one sent, or when the
// message is that entry's; otherwise it is nobody's. Nothing but the catalogue's own
// envelope makes a success of an HTTP status of 400 and more, and only with
// drift.
//
// Drift compares with the HTTP status sent: an absent one (-1) and the 0 that
// stands for a client that left contradict nothing.
//
// Decide does not allocate, never panics, and takes a time linear in the first
// few kilobytes of the message at most; with a known code it does not look at
// the message, but for entries that carry numbers.
func (c *Catalogue) Decide(r *Response) Decision {
	d := Decision{Code: r.Code}
	if e := c.rule(r.Code); e.outcome == Unset {
		if r.CodeFrom == CodeBare || len(c.entries) == 0 {
			d.Code = 0
		}
	} else if e.holds(r) {
		d.Outcome, d.DecidedBy, d.Drift = e.outcome, ByCode, e.drifts(r.Status)
		if e.numbered && len(r.Message) > 0 {
			if entry, count, limit := c.messages.recognise(r.Message); entry != 0 && &c.rules[entry-1] == e {
				d.Count, d.Limit = count, limit
			}
		}
		return d
	} else if r.CodeFrom == CodeBare {
		d.Code = 0
	} else {
		d.Drift = true // a success by code, a failure by HTTP status
	}
	if len(r.ErrorType) > 0 && c.byName(r, &d) || len(r.Message) > 0 && c.byMessage(r, &d) {
		return d
	}
	if r.Gateway != Unset {
		d.Outcome, d.DecidedBy = r.Gateway, ByGateway
		return d
	}
	r.decide(&d)
	return d
}

// byName decides by an error name in the catalogue.
func (c *Catalogue) byName(r *Response, d *Decision) bool {
	e := c.names.find(r.ErrorType)
	if e == nil || !e.believed(r.Status) {
		return false
	}
	d.Outcome, d.DecidedBy = e.outcome, ByName
	return true
}

// byMessage decides by a message in the catalogue.
func (c *Catalogue) byMessage(r *Response, d *Decision) bool {
	entry, count, limit := c.messages.recognise(r.Message)
	if entry == 0 {
		return false
	}
	e := &c.rules[entry-1]
	if d.Code == 0 && e.code != 0 {
		d.Code, d.Drift = e.code, e.drifts(r.Status)
	}
	if !e.believed(r.Status) {
		return false
	}
	d.Outcome, d.DecidedBy, d.Count, d.Limit = e.outcome, ByMessage, count, limit
	return true
}

// believed reports that a text is enough for the entry's outcome: alone it makes no
// success of a failing HTTP status.
func (e *rule) believed(status int16) bool {
	return e.outcome.Failure() || status < 400 || e.status != 0 && e.promises(status)
}

// decide is the decision without a catalogue.
func (r *Response) decide(d *Decision) {
	switch {
	case r.Mark == MarkError && (r.Status < 0 || r.Status >= 200 && r.Status < 300):
		d.DecidedBy = ByBody
		if d.Outcome = OfName(r.ErrorType); d.Outcome == Unset {
			d.Outcome = Unknown
		}
		return
	case r.Status >= 400:
		if o := r.behind(); o != Unset {
			d.Outcome, d.DecidedBy = o, ByBody
			return
		}
	case r.Mark == MarkPartial && r.Status >= 200 && r.Status < 300:
		d.Outcome, d.DecidedBy = Success, ByPartial
		return
	case r.Status < 0:
		if d.Outcome = Unknown; r.Mark == MarkFine {
			d.Outcome, d.DecidedBy = Success, ByBody
		}
		return
	}
	d.Outcome, d.DecidedBy = OfHTTPStatus(r.Status), ByStatus
}

// holds reports that the code of r, whose rule is e, decides.
func (e *rule) holds(r *Response) bool {
	switch r.CodeFrom {
	case CodeEnvelope:
		return true
	case CodeDenied:
		return e.outcome.Failure()
	case CodeBare:
		return e.outcome.Failure() && e.status != 0 && e.promises(r.Status) && r.Status >= 400
	}
	return e.believed(r.Status)
}

// promises reports that the catalogue has status for the entry.
func (e *rule) promises(status int16) bool {
	return status == e.status || e.status == 0 || status > 0 && slices.Contains(e.also, status)
}

// drifts reports that status breaks the catalogue's promise.
func (e *rule) drifts(status int16) bool { return status > 0 && !e.promises(status) }
