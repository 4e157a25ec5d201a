package decode

import "statline/classify"

// apiGateway is the JSON access log of AWS API Gateway (REST, HTTP and WebSocket). The
// user chooses the names; those of AWS's examples and of the $context variables are
// understood. Latencies are milliseconds. The key is its id, never its value.
type apiGateway struct {
	requestTime, requestTimeEpoch, method, resourcePath, path, routeKey, status node
	latency, integrationLatency, integrationLatency2, length, ip, sourceIP      node
	keyID, keyID2, apiKey, integrationStatus, integrationStatus2, errorMessage  node
	errorMessage2, errorType, errorType2, integrationError, requestID, agent    node
	agent2, apiID, domain, caller, user, identityKey                            node
	any, times                                                                  nodeSet
}

func newAPIGateway(t *tree) jsonFormat {
	f := &apiGateway{
		requestTime: t.at("requestTime"), requestTimeEpoch: t.at("requestTimeEpoch"), method: t.at("httpMethod"),
		resourcePath: t.at("resourcePath"), path: t.at("path"), routeKey: t.at("routeKey"), status: t.at("status"),
		latency: t.at("responseLatency"), integrationLatency: t.at("integrationLatency"),
		integrationLatency2: t.at("integration.latency"), length: t.at("responseLength"), ip: t.at("ip"),
		sourceIP: t.at("sourceIp"), keyID: t.at("apiKeyId"), keyID2: t.at("identity.apiKeyId"), apiKey: t.at("apiKey"),
		identityKey: t.at("identity.apiKey"), integrationStatus: t.at("integrationStatus"),
		integrationStatus2: t.at("integration.status"), errorMessage: t.at("errorMessage"),
		errorMessage2: t.at("error.message"),
		errorType:     t.at("errorResponseType"), errorType2: t.at("error.responseType"),
		integrationError: t.at("integrationErrorMessage"), requestID: t.at("requestId"), agent: t.at("userAgent"),
		agent2: t.at("identity.userAgent"), apiID: t.at("apiId"), domain: t.at("domainName"), caller: t.at("caller"),
		user: t.at("user"),
	}
	f.any = setOf(f.method, f.resourcePath, f.routeKey, f.integrationLatency, f.latency, f.length)
	f.times = setOf(f.requestTime, f.requestTimeEpoch)
	return f
}

func (*apiGateway) about() Format {
	return Format{
		Name:        "aws-apigateway",
		Description: "AWS API Gateway JSON access log",
		Example: `{"requestId":"c12d1542-0f1e-4d3c-8b5a-697887966a5b","ip":"203.0.113.7","requestTime":"01/Mar/2026:12:00:00 +0000","httpMethod":"GET","resourcePath":"/3/movie/{id}","path":"/3/movie/550","status":"429",` +
			`"protocol":"HTTP/1.1","responseLength":"30","responseLatency":"3","apiKeyId":"k-acme","errorResponseType":"THROTTLED","apiId":"asad15n3p0","stage":"prod"}`,
	}
}

func (f *apiGateway) claims(seen *nodeSet) bool {
	return seen.containsAny(&f.times) && seen.containsAny(&f.any)
}

func (f *apiGateway) decode(d *Decoder) {
	r := d.r
	if !d.time(f.requestTimeEpoch) {
		d.time(f.requestTime)
	}
	r.Method = d.str(f.method)
	d.draft.target = d.first(f.path, f.resourcePath)
	d.draft.route = d.str(f.resourcePath)
	if key := d.str(f.routeKey); len(key) > 0 && len(d.draft.route) == 0 {
		// "GET /pets/{id}"; "$default" names no route.
		if i := indexByte(key, 0, ' '); i > 0 {
			if len(r.Method) == 0 {
				r.Method = key[:i]
			}
			d.draft.route = key[i+1:]
		}
	}
	d.setStatus(d.str(f.status))
	r.LatencyMicros = d.micros(f.latency, unitMillis)
	if r.UpstreamLatencyMicros = d.micros(f.integrationLatency, unitMillis); r.UpstreamLatencyMicros < 0 {
		r.UpstreamLatencyMicros = d.micros(f.integrationLatency2, unitMillis)
	}
	if r.UpstreamStatus = d.status(f.integrationStatus2); r.UpstreamStatus < 0 {
		r.UpstreamStatus = d.status(f.integrationStatus)
	}
	r.Bytes = parseSize(d.str(f.length))
	r.ClientIP = parseAddress(d.first(f.ip, f.sourceIP))
	r.RequestID = d.str(f.requestID)
	r.UserAgent = d.first(f.agent, f.agent2)
	r.Service = d.first(f.apiID, f.domain)
	if d.draft.id = d.first(f.keyID, f.keyID2); len(d.draft.id) == 0 {
		d.user(d.first(f.user, f.caller))
	}
	d.keyFrom(f.apiKey, f.identityKey)
	r.Message = d.first(f.errorMessage, f.errorMessage2)
	d.blameByUpstream()
	if r.Status >= 400 {
		kind := d.first(f.errorType, f.errorType2)
		d.errorName(kind)
		apiGatewayError(r, kind)
	}
}

// apiGatewayError reads $context.error.responseType. Source: AWS, gateway
// response types for API Gateway.
func apiGatewayError(r *classify.Response, kind []byte) {
	switch string(kind) {
	case "THROTTLED", "QUOTA_EXCEEDED":
		r.Gateway = classify.RateLimited
	case "INVALID_API_KEY":
		r.Gateway = classify.InvalidKey
	case "UNAUTHORIZED", "MISSING_AUTHENTICATION_TOKEN", "EXPIRED_TOKEN", "INVALID_SIGNATURE":
		r.Gateway = classify.AuthFailed
	case "ACCESS_DENIED", "WAF_FILTERED":
		r.Gateway = classify.AccessDenied
	case "RESOURCE_NOT_FOUND":
		r.Gateway = classify.NotFound
	case "UNSUPPORTED_MEDIA_TYPE":
		r.Gateway = classify.Unsupported
	case "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "REQUEST_TOO_LARGE":
		r.Gateway = classify.InvalidRequest
	case "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE":
		r.Gateway = classify.InternalError
	case "INTEGRATION_TIMEOUT":
		r.Gateway, r.Blame = classify.Timeout, classify.BlameUpstream
		return
	case "INTEGRATION_FAILURE":
		r.Gateway, r.Blame = classify.ServerError, classify.BlameUpstream
		return
	default:
		return
	}
	r.Blame = classify.BlameGateway
}
