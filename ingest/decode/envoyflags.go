package decode

import "statline/classify"

// envoyReason reads response flags (a list) and code details. The first flag that
// gives a reason decides. Source: Envoy, access log command operators, RESPONSE_FLAGS.
func (d *Decoder) envoyReason(flags, details []byte) {
	r := d.r
	for i := 0; i < len(flags) && r.Gateway == classify.Unset; {
		j := indexByte(flags, i, ',')
		if j < 0 {
			j = len(flags)
		}
		r.Gateway, r.Blame = envoyFlag(flags[i:j])
		if r.Blame != classify.BlameNone && r.Gateway == classify.Unset {
			break
		}
		i = j + 1
	}
	if r.Status == 0 && r.Gateway == classify.Unset {
		r.Gateway, r.Blame = classify.ClientClosed, classify.BlameClient
	}
	if string(details) == "via_upstream" {
		r.UpstreamStatus = r.Status
	}
	if r.Status >= 400 && r.Blame == classify.BlameNone && len(details) > 0 {
		if string(details) == "via_upstream" {
			r.Blame = classify.BlameUpstream
		} else {
			r.Blame = classify.BlameGateway
		}
	}
}

// envoyConnection recognises lines of TCP and DNS listeners, which have neither
// request nor response ("- - -" 0).
func (d *Decoder) envoyConnection() {
	if d.r.Status <= 0 && !isRequestMethod(d.r.Method) && len(d.draft.target) == 0 {
		d.draft.unlike = "envoy: a connection without an HTTP request (TCP, TLS or DNS)"
	}
}

func isRequestMethod(b []byte) bool { return len(b) > 1 && isMethod(b) }

func envoyFlag(flag []byte) (classify.Outcome, classify.Blame) {
	switch string(flag) {
	case "UT", "UMSDR", "DT", "SI": // upstream timeout, stream or request too long, idle
		return classify.Timeout, classify.BlameUpstream
	case "RL": // limited by the rate limit filter
		return classify.RateLimited, classify.BlameGateway
	case "UF", "UH", "URX", "UC", "UR", "DF": // cannot reach, none healthy, retries used up, connection lost, no name
		return classify.Offline, classify.BlameUpstream
	case "UO", "NC", "LH", "OM", "DO", "LR": // circuit breaker, no cluster, overload, reset here
		return classify.Offline, classify.BlameGateway
	case "UPE": // protocol error of the upstream
		return classify.ServerError, classify.BlameUpstream
	case "NR": // no route
		return classify.NotFound, classify.BlameGateway
	case "DC", "DR": // the client has left
		return classify.ClientClosed, classify.BlameClient
	case "DPE", "IH": // broken request
		return classify.InvalidRequest, classify.BlameClient
	case "RLSE", "NFCF": // the rate limit service failed, no filter configuration
		return classify.InternalError, classify.BlameGateway
	case "UAEX", "FI": // refused by external authorization, injected fault: the status says which
		return classify.Unset, classify.BlameGateway
	}
	return classify.Unset, classify.BlameNone
}
