package decode

import (
	"bytes"

	"statline/classify"
)

// apigee is an analytics export or a MessageLogging record of Apigee with the names of
// its dimensions and metrics. Times are milliseconds; client_id is the app's consumer
// key, which is the API key.
type apigee struct {
	Start      node `at:"client_received_start_timestamp"`
	Start2     node `at:"client_received_start_time"`
	End        node `at:"client_sent_end_timestamp"`
	Verb       node `at:"request_verb"`
	URI        node `at:"request_uri"`
	Suffix     node `at:"proxy_pathsuffix"`
	Path       node `at:"request_path"`
	Status     node `at:"response_status_code"`
	Total      node `at:"total_response_time"`
	Target     node `at:"target_response_time"`
	Size       node `at:"response_size"`
	ClientIP   node `at:"ax_resolved_client_ip"`
	ClientIP2  node `at:"client_ip"`
	ClientID   node `at:"client_id"`
	App        node `at:"developer_app"`
	Email      node `at:"developer_email"`
	TargetCode node `at:"target_response_code"`
	Fault      node `at:"ax_edge_execution_fault_code"`
	Proxy      node `at:"apiproxy"`
	RequestID  node `at:"gateway_flow_id"`
	Agent      node `at:"useragent"`

	claim
}

func newApigee(t *tree) jsonFormat {
	f := &apigee{}
	t.fill(f)
	f.claim = claim{setOf(f.Start, f.Start2, f.Status),
		setOf(f.Verb, f.Proxy, f.Total, f.Fault, f.Suffix, f.ClientIP)}
	return f
}

func (*apigee) about() Format {
	return Format{
		Name:        "apigee",
		Description: "Apigee analytics export and MessageLogging record",
		Example: `{"client_received_start_timestamp":1772366400250,"apiproxy":"movies","request_verb":"GET","request_uri":"/3/movie/550","proxy_pathsuffix":"/movie/550","response_status_code":429,"total_response_time":12.0,"target_response_time":0.0,` +
			`"response_size":98,"ax_resolved_client_ip":"203.0.113.7","client_id":"0b7c9d1e2f","developer_app":"acme","target_response_code":0,"ax_edge_execution_fault_code":"policies.ratelimit.QuotaViolation","useragent":"curl/8.10.1"}`,
	}
}

func (f *apigee) decode(d *Decoder) {
	r := d.r
	for _, n := range [...]node{f.Start, f.Start2, f.End} {
		if d.time(n) {
			break
		}
	}
	r.Service = d.str(f.Proxy)
	r.Method = d.str(f.Verb)
	d.draft.target = d.first(f.URI, f.Path, f.Suffix)
	d.setStatus(d.str(f.Status))
	r.UpstreamStatus = d.status(f.TargetCode)
	r.LatencyMicros = d.micros(f.Total, unitMillis)
	if r.UpstreamStatus > 0 || !d.has(f.TargetCode) {
		r.UpstreamLatencyMicros = d.micros(f.Target, unitMillis)
	}
	r.Bytes = parseSize(d.str(f.Size))
	r.ClientIP = parseAddress(d.first(f.ClientIP, f.ClientIP2))
	r.RequestID = d.str(f.RequestID)
	r.UserAgent = d.str(f.Agent)
	d.draft.keyName = d.str(f.App)
	d.keyFrom(f.ClientID)
	if len(d.draft.key) == 0 {
		d.draft.id = d.first(f.App, f.Email)
	}
	for _, b := range [...]*[]byte{&d.draft.id, &d.draft.key, &d.draft.keyName} {
		if string(*b) == "(not set)" { // how Apigee writes null
			*b = nil
		}
	}
	d.blameByUpstream()
	if fault := d.str(f.Fault); len(fault) > 0 && string(fault) != "(not set)" {
		d.errorName(fault)
		if outcome, blame := apigeeFault(fault); blame != classify.BlameNone {
			r.Gateway, r.Blame = outcome, blame
		}
	}
}

// apigeeFault reads the fault code of the policy or flow that failed. Source:
// Apigee, runtime error catalog.
func apigeeFault(fault []byte) (classify.Outcome, classify.Blame) {
	if i := bytes.LastIndexByte(fault, '.'); i >= 0 {
		fault = fault[i+1:]
	}
	switch string(fault) {
	case "QuotaViolation", "SpikeArrestViolation", "ConcurrentRatelimtViolation":
		return classify.RateLimited, classify.BlameGateway
	case "InvalidApiKey", "InvalidAPIKey", "InvalidApiKeyForGivenResource", "FailedToResolveAPIKey", "invalid_client":
		return classify.InvalidKey, classify.BlameGateway
	case "ApiKeyNotApproved", "consumer_key_not_approved", "client_id_not_approved", "app_not_approved":
		return classify.SuspendedKey, classify.BlameGateway
	case "DeveloperStatusNotActive", "CompanyStatusNotActive":
		return classify.DisabledAccount, classify.BlameGateway
	case "InvalidAccessToken", "access_token_expired", "invalid_access_token", "InsufficientScope",
		"access_token_not_approved":
		return classify.AuthFailed, classify.BlameGateway
	case "IPDeniedAccess":
		return classify.AccessDenied, classify.BlameGateway
	case "ApplicationNotFound":
		return classify.NotFound, classify.BlameGateway
	case "GatewayTimeout", "RequestTimeOut":
		return classify.Timeout, classify.BlameUpstream
	case "ServiceUnavailable", "NoActiveTargets":
		return classify.Offline, classify.BlameUpstream
	case "ErrorResponseCode":
		return classify.Unset, classify.BlameUpstream
	case "UnexpectedEOF", "UnexpectedEOFAtTarget", "BadGateway":
		return classify.ServerError, classify.BlameUpstream
	}
	return classify.Unset, classify.BlameNone
}
