package decode

import "statline/classify"

// apigee is an analytics export or a MessageLogging record of Apigee with the names of
// its dimensions and metrics. Times are milliseconds; client_id is the app's consumer
// key, which is the API key.
type apigee struct {
	start, start2, end, verb, uri, suffix, status, total, target, size, clientIP, clientIP2 node
	clientID, app, email, targetCode, fault, proxy, requestID, agent, path                  node
	any, more                                                                               nodeSet
}

func newApigee(t *tree) jsonFormat {
	f := &apigee{
		start: t.at("client_received_start_timestamp"), start2: t.at("client_received_start_time"),
		end: t.at("client_sent_end_timestamp"), verb: t.at("request_verb"), uri: t.at("request_uri"),
		suffix: t.at("proxy_pathsuffix"), path: t.at("request_path"), status: t.at("response_status_code"),
		total: t.at("total_response_time"), target: t.at("target_response_time"), size: t.at("response_size"),
		clientIP: t.at("ax_resolved_client_ip"), clientIP2: t.at("client_ip"), clientID: t.at("client_id"),
		app: t.at("developer_app"), email: t.at("developer_email"), targetCode: t.at("target_response_code"),
		fault: t.at("ax_edge_execution_fault_code"), proxy: t.at("apiproxy"), requestID: t.at("gateway_flow_id"),
		agent: t.at("useragent"),
	}
	f.any = setOf(f.start, f.start2, f.status)
	f.more = setOf(f.verb, f.proxy, f.total, f.fault, f.suffix, f.clientIP)
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

func (f *apigee) claims(seen *nodeSet) bool {
	return seen.containsAny(&f.any) && seen.containsAny(&f.more)
}

func (f *apigee) decode(d *Decoder) {
	r := d.r
	for _, n := range [...]node{f.start, f.start2, f.end} {
		if d.time(n) {
			break
		}
	}
	r.Service = d.str(f.proxy)
	r.Method = d.str(f.verb)
	d.draft.target = d.first(f.uri, f.path, f.suffix)
	d.setStatus(d.str(f.status))
	r.UpstreamStatus = d.status(f.targetCode)
	r.LatencyMicros = d.micros(f.total, unitMillis)
	if r.UpstreamStatus > 0 || !d.has(f.targetCode) {
		r.UpstreamLatencyMicros = d.micros(f.target, unitMillis)
	}
	r.Bytes = parseSize(d.str(f.size))
	r.ClientIP = parseAddress(d.first(f.clientIP, f.clientIP2))
	r.RequestID = d.str(f.requestID)
	r.UserAgent = d.str(f.agent)
	d.draft.keyName = d.str(f.app)
	d.keyFrom(f.clientID)
	if len(d.draft.key) == 0 {
		d.draft.id = d.first(f.app, f.email)
	}
	for _, b := range [...]*[]byte{&d.draft.id, &d.draft.key, &d.draft.keyName} {
		if string(*b) == "(not set)" { // how Apigee writes null
			*b = nil
		}
	}
	d.blameByUpstream()
	if fault := d.str(f.fault); len(fault) > 0 && string(fault) != "(not set)" {
		d.errorName(fault)
		apigeeFault(r, fault)
	}
}

// apigeeFault reads the fault code of the policy or flow that failed. Source:
// Apigee, runtime error catalog.
func apigeeFault(r *classify.Response, fault []byte) {
	if i := lastByte(fault, '.'); i >= 0 {
		fault = fault[i+1:]
	}
	switch string(fault) {
	case "QuotaViolation", "SpikeArrestViolation", "ConcurrentRatelimtViolation":
		r.Gateway, r.Blame = classify.RateLimited, classify.BlameGateway
	case "InvalidApiKey", "InvalidAPIKey", "InvalidApiKeyForGivenResource", "FailedToResolveAPIKey", "invalid_client":
		r.Gateway, r.Blame = classify.InvalidKey, classify.BlameGateway
	case "ApiKeyNotApproved", "consumer_key_not_approved", "client_id_not_approved", "app_not_approved":
		r.Gateway, r.Blame = classify.SuspendedKey, classify.BlameGateway
	case "DeveloperStatusNotActive", "CompanyStatusNotActive":
		r.Gateway, r.Blame = classify.DisabledAccount, classify.BlameGateway
	case "InvalidAccessToken", "access_token_expired", "invalid_access_token", "InsufficientScope",
		"access_token_not_approved":
		r.Gateway, r.Blame = classify.AuthFailed, classify.BlameGateway
	case "IPDeniedAccess":
		r.Gateway, r.Blame = classify.AccessDenied, classify.BlameGateway
	case "ApplicationNotFound":
		r.Gateway, r.Blame = classify.NotFound, classify.BlameGateway
	case "GatewayTimeout", "RequestTimeOut":
		r.Gateway, r.Blame = classify.Timeout, classify.BlameUpstream
	case "ServiceUnavailable", "NoActiveTargets", "ErrorResponseCode":
		r.Gateway, r.Blame = classify.Offline, classify.BlameUpstream
		if string(fault) == "ErrorResponseCode" {
			r.Gateway = classify.Unset
		}
	case "UnexpectedEOF", "UnexpectedEOFAtTarget", "BadGateway":
		r.Gateway, r.Blame = classify.ServerError, classify.BlameUpstream
	}
}
