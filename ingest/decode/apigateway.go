package decode

import "statline/classify"

// apiGateway is the JSON access log of AWS API Gateway (REST, HTTP and WebSocket). The
// user chooses the names; those of AWS's examples and of the $context variables are
// understood. Latencies are milliseconds. The key is its id, never its value.
type apiGateway struct {
	RequestTime         node `at:"requestTime"`
	RequestTimeEpoch    node `at:"requestTimeEpoch"`
	Method              node `at:"httpMethod"`
	ResourcePath        node `at:"resourcePath"`
	Path                node `at:"path"`
	RouteKey            node `at:"routeKey"`
	Status              node `at:"status"`
	Latency             node `at:"responseLatency"`
	IntegrationLatency  node `at:"integrationLatency"`
	IntegrationLatency2 node `at:"integration.latency"`
	Length              node `at:"responseLength"`
	IP                  node `at:"ip"`
	SourceIP            node `at:"sourceIp"`
	KeyID               node `at:"apiKeyId"`
	KeyID2              node `at:"identity.apiKeyId"`
	APIKey              node `at:"apiKey"`
	IdentityKey         node `at:"identity.apiKey"`
	IntegrationStatus   node `at:"integrationStatus"`
	IntegrationStatus2  node `at:"integration.status"`
	ErrorMessage        node `at:"errorMessage"`
	ErrorMessage2       node `at:"error.message"`
	ErrorType           node `at:"errorResponseType"`
	ErrorType2          node `at:"error.responseType"`
	RequestID           node `at:"requestId"`
	Agent               node `at:"userAgent"`
	Agent2              node `at:"identity.userAgent"`
	APIID               node `at:"apiId"`
	Domain              node `at:"domainName"`
	Caller              node `at:"caller"`
	User                node `at:"user"`

	claim
}

func newAPIGateway(t *tree) jsonFormat {
	f := &apiGateway{}
	t.fill(f)
	f.claim = claim{setOf(f.RequestTime, f.RequestTimeEpoch),
		setOf(f.Method, f.ResourcePath, f.RouteKey, f.IntegrationLatency, f.Latency, f.Length)}
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

func (f *apiGateway) decode(d *Decoder) {
	r := d.r
	if !d.time(f.RequestTimeEpoch) {
		d.time(f.RequestTime)
	}
	r.Method = d.str(f.Method)
	d.draft.target = d.first(f.Path, f.ResourcePath)
	d.draft.route = d.str(f.ResourcePath)
	if key := d.str(f.RouteKey); len(key) > 0 && len(d.draft.route) == 0 {
		// "GET /pets/{id}"; "$default" names no route.
		if i := indexByte(key, 0, ' '); i > 0 {
			if len(r.Method) == 0 {
				r.Method = key[:i]
			}
			d.draft.route = key[i+1:]
		}
	}
	d.setStatus(d.str(f.Status))
	r.LatencyMicros = d.micros(f.Latency, unitMillis)
	if r.UpstreamLatencyMicros = d.micros(f.IntegrationLatency, unitMillis); r.UpstreamLatencyMicros < 0 {
		r.UpstreamLatencyMicros = d.micros(f.IntegrationLatency2, unitMillis)
	}
	if r.UpstreamStatus = d.status(f.IntegrationStatus2); r.UpstreamStatus < 0 {
		r.UpstreamStatus = d.status(f.IntegrationStatus)
	}
	r.Bytes = parseSize(d.str(f.Length))
	r.ClientIP = parseAddress(d.first(f.IP, f.SourceIP))
	r.RequestID = d.str(f.RequestID)
	r.UserAgent = d.first(f.Agent, f.Agent2)
	r.Service = d.first(f.APIID, f.Domain)
	if d.draft.id = d.first(f.KeyID, f.KeyID2); len(d.draft.id) == 0 {
		d.user(d.first(f.User, f.Caller))
	}
	d.keyFrom(f.APIKey, f.IdentityKey)
	r.Message = d.first(f.ErrorMessage, f.ErrorMessage2)
	d.blameByUpstream()
	if r.Status >= 400 {
		kind := d.first(f.ErrorType, f.ErrorType2)
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
