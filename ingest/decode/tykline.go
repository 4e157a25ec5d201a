package decode

import "statline/classify"

// tykLine has the fields of both notations of the access log.
type tykLine struct {
	time, method, path, status, latency, upstreamLatency, clientIP []byte
	apiKey, service, flag, upstreamStatus, agent, trace            []byte
}

func (d *Decoder) tyk(l *tykLine) {
	r := d.r
	if len(l.time) > 0 {
		d.setTime(d.clock.any(l.time))
	}
	r.Service, r.Method = l.service, l.method
	d.draft.target = l.path
	d.setStatus(l.status)
	r.LatencyMicros = micros(l.latency, unitMillis)
	r.UpstreamLatencyMicros = micros(l.upstreamLatency, unitMillis)
	r.ClientIP = parseAddress(l.clientIP)
	if !dash(l.apiKey) {
		d.setKey(l.apiKey)
	}
	r.UpstreamStatus = lastStatus(l.upstreamStatus)
	r.UserAgent, r.RequestID = l.agent, l.trace
	r.Gateway, r.Blame = tykFlag(l.flag)
}

// tykFlag reads response_flag. Source: Tyk, customizing error responses, flag
// reference.
func tykFlag(flag []byte) (classify.Outcome, classify.Blame) {
	switch string(flag) {
	case "RLT", "QEX": // rate limit, quota
		return classify.RateLimited, classify.BlameGateway
	case "AKI": // API key invalid
		return classify.InvalidKey, classify.BlameGateway
	case "AMF", "TKE", "TKI", "TCV", "CRQ", "CMM": // field missing, token expired or invalid, certificate
		return classify.AuthFailed, classify.BlameGateway
	case "EAD": // external authentication denied
		return classify.AccessDenied, classify.BlameGateway
	case "BTL", "CLM", "BIV", "IHD": // body or header refused
		return classify.InvalidRequest, classify.BlameGateway
	case "URT", "UCT": // no response or no connection in time
		return classify.Timeout, classify.BlameUpstream
	case "UCF", "URR", "EPI", "CAB", "NRS", "DNS", "NRH", "NHU", "TLE", "TLI", "TLM", "TLN", "TLH", "TLP", "TLA", "TLC":
		return classify.Offline, classify.BlameUpstream
	case "UPE": // protocol error
		return classify.ServerError, classify.BlameUpstream
	case "CBO": // circuit breaker open
		return classify.Offline, classify.BlameGateway
	case "CDC":
		return classify.ClientClosed, classify.BlameClient
	case "URS": // the upstream's own 5xx: the status says which
		return classify.Unset, classify.BlameUpstream
	}
	return classify.Unset, classify.BlameNone
}
