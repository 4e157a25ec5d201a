package decode

import (
	"fmt"
	"strings"
	"testing"
)

// secrets are forty keys, tokens and passwords of the kinds that people use.
func secrets() []string {
	all := []string{
		"sk_live_51H8vK2eZvKYlo2CABCDEF", "pk_test_TYooMQauvdEDq54NiTphI7jx", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
		"xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe", "glpat-zNvRx9mQ2kLp7TfWbYcD", "550e8400-e29b-41d4-a716-446655440000",
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
		"hunter2hunter2", "correct-horse-battery-staple", "s3cr3tPassw0rd", "Tr0ub4dor&3x", "letmeinplease",
		"dGhpcyBpcyBhIHNlY3JldCBrZXk=", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	}
	for i := len(all); i < 40; i++ {
		n := uint64(i+1) * 0x9e3779b97f4a7c15
		switch i % 3 {
		case 0:
			all = append(all, fmt.Sprintf("%016x%016x", n, n*3))
		case 1:
			all = append(all, fmt.Sprintf("key-%x-%x", n>>20, n*7>>24))
		default:
			all = append(all, fmt.Sprintf("Zq%dXw%dKp%dVb%d", n%9999, n>>9%9999, n>>20%9999, n>>33%9999))
		}
	}
	return all
}

// places are lines with a secret (§) where gateways put one.
var places = map[string]string{
	"statline key":          `{"ts":1772366400,"status":401,"path":"/3/movie/550","api_key":"§"}`,
	"statline query":        `{"ts":1772366400,"status":401,"path":"/3/movie/550?page=1&api_key=§&x=2"}`,
	"statline two names":    `{"ts":1772366400,"status":401,"path":"/a?access_token=§&session_id=§","api_key":"§"}`,
	"statline path":         `{"ts":1772366400,"status":200,"path":"/v1/key/§/movies","api_key":"§"}`,
	"statline message":      `{"ts":1772366400,"status":401,"message":"Invalid API key: §","api_key":"§"}`,
	"statline message =":    `{"ts":1772366400,"status":401,"message":"no access with api_key=§ today"}`,
	"statline agent":        `{"ts":1772366400,"status":401,"user_agent":"app/1.0 (key=§)"}`,
	"statline agent bearer": `{"ts":1772366400,"status":401,"user_agent":"app/1.0 token:§","api_key":"§"}`,
	"statline body":         `{"ts":1772366400,"status":401,"body":"{\"status_code\":7,\"api_key\":\"§\",\"status_message\":\"bad key §\"}"}`,
	"statline request id":   `{"ts":1772366400,"status":401,"request_id":"§","api_key":"§"}`,
	"statline route":        `{"ts":1772366400,"status":401,"route":"/3/§/movie","api_key":"§"}`,
	"statline service":      `{"ts":1772366400,"status":401,"service":"§","api_key":"§"}`,
	"combined query":        `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /3/movie/550?api_key=§ HTTP/1.1" 200 1 "-" "curl/8"`,
	"combined token":        `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a?token=§&b=1 HTTP/1.1" 200 1 "https://example.com/?api_key=§" "curl/8"`,
	"combined absolute":     `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET https://user:§@example.com/a?key=§ HTTP/1.1" 200 1 "-" "curl/8"`,
	"combined password":     `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /login?user=a&password=§ HTTP/1.1" 200 1 "-" "curl/8"`,
	"ingress query":         `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a?apikey=§ HTTP/1.1" 200 1 "-" "curl/8" 98 0.105 [prod-movies-8080] [] 10.0.0.5:8080 5 0.104 200 0f1e`,
	"nginx header":          `{"time_iso8601":"2026-03-01T12:00:00Z","status":"200","request":"GET /a?key=§ HTTP/1.1","http_x_api_key":"§","http_authorization":"Bearer §","http_cookie":"session=§"}`,
	"nginx args":            `{"time_iso8601":"2026-03-01T12:00:00Z","status":"200","request_uri":"/a","args":"api_key=§","arg_api_key":"§"}`,
	"kong header":           `{"request":{"uri":"/a?apikey=§","url":"http://h/a?apikey=§","method":"GET","querystring":{"apikey":"§"},"headers":{"apikey":"§","authorization":"Bearer §","cookie":"sid=§"}},"response":{"status":401,"headers":{"set-cookie":"sid=§"}},"latencies":{"request":1},"started_at":1772366400250}`,
	"apisix header":         `{"start_time":1772366400250,"latency":1.5,"upstream_latency":1,"request":{"uri":"/a?apikey=§","method":"GET","headers":{"x-api-key":"§"},"body":"{\"password\":\"§\"}"},"response":{"status":401,"body":"{\"error\":\"key § is unknown\"}"}}`,
	"caddy header":          `{"ts":1772366400.25,"request":{"method":"GET","host":"h","uri":"/a?token=§","headers":{"X-Api-Key":["§"],"Authorization":["Bearer §"],"Cookie":["a=§"]}},"duration":0.1,"status":200}`,
	"traefik header":        `{"DownstreamStatus":200,"RequestMethod":"GET","RequestPath":"/a?api_key=§","StartUTC":"2026-03-01T12:00:00Z","request_X-Api-Key":"§","request_Authorization":"Bearer §","request_Cookie":"a=§"}`,
	"traefik clf":           `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a?api_key=§ HTTP/1.1" 200 1 "-" "curl/8" 42 "movies@docker" "http://10.0.0.5:8080" 12ms`,
	"envoy":                 `[2026-03-01T12:00:00.250Z] "GET /a?api_key=§ HTTP/2" 401 - 0 24 1 1 "203.0.113.7" "curl/8" "r1" "api.example.com" "-"`,
	"envoy json":            `{"start_time":"2026-03-01T12:00:00Z","response_code":401,"response_flags":"-","path":"/a?api_key=§","x-api-key":"§","authorization":"Bearer §"}`,
	"alb":                   `https 2026-03-01T12:00:00.250123Z app/public/50dc 203.0.113.7:40000 10.0.0.5:80 0.001 0.048 0.002 401 401 98 5120 "GET https://api.example.com:443/a?api_key=§ HTTP/1.1" "curl/8" E T arn "Root=1" "-" "-" 0 2026-03-01T12:00:00Z "forward" "-" "-" "-" "401" "-" "-"`,
	"haproxy":               `203.0.113.7:33317 [01/Mar/2026:12:00:00.250] http-in movies/srv1 1/0/1/1/1 200 194 sid=§ sid=§ ---- 1/1/1/1/0 0/0 {§|Bearer §} {§} "GET /a?api_key=§ HTTP/1.1"`,
	"apigateway":            `{"requestTime":"01/Mar/2026:12:00:00 +0000","httpMethod":"GET","path":"/a","status":"403","apiKey":"§","identity":{"apiKey":"§"},"errorMessage":"key § is forbidden"}`,
	"cloudflare":            `{"EdgeStartTimestamp":1772366400,"EdgeResponseStatus":401,"ClientRequestURI":"/a?api_key=§","RequestHeaders":{"x-api-key":"§","authorization":"§"},"Cookies":{"a":"§"}}`,
	"tyk":                   `{"timestamp":"2026-03-01T12:00:00Z","response_code":401,"api_id":"a","path":"/a?api_key=§","api_key":"§","raw_request":"§"}`,
	"tyk access":            `time="2026-03-01T12:00:00Z" prefix=access-log status=401 path="/a?api_key=§" api_key=§ method=GET`,
	"apigee":                `{"client_received_start_timestamp":1772366400250,"response_status_code":401,"apiproxy":"m","request_uri":"/a?apikey=§","client_id":"§"}`,
	"wrapped":               `{"message":"203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] \"GET /a?api_key=§ HTTP/1.1\" 200 1 \"-\" \"curl/8\""}`,
	"reject json":           `{"service":"s","path":"/a?api_key=§","api_key":"§","authorization":"Bearer §","headers":{"X-Api-Key":["§"],"cookie":"a=b; sid=§"}}`,
	"reject cut":            `{"ts":1772366400,"status":401,"api_key":"§","x":`,
	"reject cut in key":     `{"ts":1772366400,"status":401,"api_key":"§`,
	"reject body":           `{"ts":"bad","body":"{\"api_key\":\"§\",\"password\": \"§\"}"}`,
	"reject combined":       `203.0.113.7 - - [01/Mar/2026:12:00:00 +0000] "GET /a?api_key=§&password=§ HTTP/1.1" x y`,
	"reject text":           `connect to https://h/?token=§ with Authorization: Bearer § failed`,
	"reject header":         `X-Api-Key: §`,
	"reject spaced":         `password = §`,
	"reject array":          `[{"ts":1772366400,"status":200},{"api_key":["§"],"secret" : '§',]`,
	"reject bad code":       `{"ts":1772366400,"code":70000,"key":"§","client_secret":"§"}`,
	"reject deep escapes":   `{"ts":"bad","log":"{\"body\":\"{\\\"api_key\\\":\\\"§\\\"}\"}"}`,
}

// Nothing of a secret leaves the decoder, wherever it stood.
func TestPlantedSecrets(t *testing.T) {
	all := secrets()
	if len(all) < 40 {
		t.Fatalf("got %d secrets; want 40", len(all))
	}
	d := newTest(t, Config{})
	for place, line := range places {
		for _, secret := range all {
			if strings.Contains(secret, "&") && strings.Contains(line, "?") || strings.Contains(secret, "/") && strings.Contains(line, "@") {
				continue // would be two parameters, or no user info
			}
			var c collector
			d.Decode([]byte(strings.ReplaceAll(line, "§", secret)), &c)
			if len(c.all) == 0 {
				t.Fatalf("%s: nothing came out", place)
			}
			for _, g := range c.all {
				for _, f := range fields(g) {
					if strings.HasPrefix(f, "Key ") || strings.HasPrefix(f, "Format ") || strings.HasPrefix(f, "Reason ") {
						continue
					}
					if part := leaked(f, secret); part != "" {
						t.Errorf("%s: %q of secret %q is in %s", place, part, secret, f)
					}
				}
			}
		}
	}
}

// leaked finds nine characters of the secret in a row, the whole of a short
// one.
func leaked(text, secret string) string {
	const n = 9
	if len(secret) <= n {
		if strings.Contains(text, secret) {
			return secret
		}
		return ""
	}
	for i := 0; i+n <= len(secret); i++ {
		if part := secret[i : i+n]; strings.Contains(text, part) && !strings.Contains("horse-battery-staple", part) || strings.Contains(text, secret) {
			return part
		}
	}
	return ""
}

// A key in whatever place gives the id that statline key-id prints.
func TestKeysAreFound(t *testing.T) {
	for place, line := range places {
		if strings.HasPrefix(place, "reject") {
			continue
		}
		switch place {
		case "statline message =", "statline agent", "combined password", "statline agent bearer", "combined absolute":
			continue // no key in these, or not the first
		}
		g := one(t, Config{}, strings.ReplaceAll(line, "§", "sesame-street-1"))
		if g.Key != keyOf("sesame-street-1") {
			t.Errorf("%s: got key %q of %+v", place, g.Key, g)
		}
	}
	// A name of the user's own.
	g := one(t, Config{KeyNames: []string{"X-Team-Pass"}}, `{"started_at":1772366400250,"latencies":{"request":1},"request":{"uri":"/a","headers":{"x-team-pass":"sesame-street-1"}},"response":{"status":200}}`)
	if g.Key != keyOf("sesame-street-1") {
		t.Errorf("own name: got key %q", g.Key)
	}
	// An id that is the key itself is none.
	g = one(t, Config{}, `{"ts":1772366400,"status":200,"api_key":"sesame-street-1","key_id":"sesame-street-1"}`)
	if g.Key != keyOf("sesame-street-1") || g.KeyName != "" {
		t.Errorf("key as id: got %q, %q", g.Key, g.KeyName)
	}
	// The gateway's own id is preferred.
	g = one(t, Config{}, `{"ts":1772366400,"status":200,"api_key":"sesame-street-1","key_id":"k-1"}`)
	if g.Key != keyOf("id:k-1") || g.KeyName != "k-1" {
		t.Errorf("key id: got %q, %q", g.Key, g.KeyName)
	}
}

// Words that are no secrets stay readable.
func TestScrubLeavesProse(t *testing.T) {
	names := newSecretNames(nil)
	for _, text := range []string{
		"Invalid API key: You must be granted a valid key.",
		"Suspended API key: Access to your account has been suspended, contact TMDb.",
		"Your request count (41) is over the allowed limit of (40).",
		"Invalid request token: The request token is either expired or invalid.",
		"You must confirm this action: Please provide a confirm=true parameter.",
		"Invalid date range: Should be a range no longer than 14 days.",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 6_0 like Mac OS X) AppleWebKit/536.26 (KHTML, like Gecko) Version/6.0 Mobile/10A5376e Safari/8536.25 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Feedfetcher-Google; (+http://www.google.com/feedfetcher.html; 16 subscribers; feed-id=3389821348893992437)",
		"InternalServerErrorException",
	} {
		if got := string(names.scrub(nil, []byte(text), false)); got != text {
			t.Errorf("got %q; want %q", got, text)
		}
	}
}
