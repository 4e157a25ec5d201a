package e2e

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// probed is what probe --json says.
type probed struct {
	Responses int            `json:"responses"`
	Rejected  int            `json:"rejected"`
	Reasons   map[string]int `json:"reasons"`
	Record    []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"record"`
}

// lineCase is a line that people have, with what is right: fields of the
// record as probe shows them ("" is a field that must not be there), the
// outcome, or the reason of a reject.
type lineCase struct {
	fields  map[string]string
	outcome string
	reject  string
}

// lineCases has a case for each file of testdata/cases, in which every one of
// these was once misread silently.
var lineCases = map[string]lineCase{
	"alb-client-ipv6-unbracketed": {map[string]string{"client_ip": "2001:db8:c529:9dad:6bbc:c529:9dad:6bbc"}, "success",
		""},
	"apisix-default-access-log": {map[string]string{"latency": "12.000", "upstream_latency": "10.000",
		"upstream_status": "200",
		"service":         "api.example.com", "status": "200", "bytes": "157"}, "success", ""},
	"body-field-code-200": {map[string]string{"code": "", "status": "200"}, "success", ""},
	"bunkerweb-request-id": {map[string]string{"key": "", "key_name": "", "request_id": "req101"}, "not_found",
		""},
	"caddy-debug-roundtrip": {nil, "", "not_a_response"},
	"caddy-error-and-access": {map[string]string{"status": "502", "client_ip": "203.0.113.22"}, "server_error",
		"not_a_response"},
	"camel-statuscode": {map[string]string{"status": "200", "route": "/v1/x"}, "success", ""},
	"docker-compose-prefix": {map[string]string{"client_ip": "192.0.2.1", "key": "", "service": ""}, "success",
		""},
	"envoy-grpc-status": {map[string]string{"status": "200", "error_type": "RESOURCE_EXHAUSTED"},
		"rate_limited", ""},
	"grpc-gateway-500-is-success": {map[string]string{"code": "", "status": "500"}, "internal_error", ""},
	"http-101":                    {map[string]string{"status": "101"}, "success", ""},
	"ingress-nginx-old-brackets": {map[string]string{"key": "", "key_name": "", "client_ip": "192.0.2.1"}, "success",
		""},
	"istio-tcp-ok":         {nil, "", "not_a_response"},
	"json-duration-guess":  {map[string]string{"latency": "", "status": "200"}, "success", ""},
	"number-before-status": {nil, "", "syntax"},
	"odata-key":            {map[string]string{"route": "/odata/Products({id})"}, "success", ""},
	"pino-http": {map[string]string{"status": "200", "latency": "12.000", "route": "/items/{id}",
		"service": "api.example.com", "method": "GET"}, "success", ""},
	"request-time-micros": {map[string]string{"latency": "", "client_ip": "192.0.2.4"}, "not_found", ""},
	"timestamps-prefix": {map[string]string{"client_ip": "192.0.2.1", "service": "", "key": ""}, "success",
		""},
	"tmdb-34-404-drift": {map[string]string{"code": "34", "status": "404"}, "not_found", ""},
	"unquoted-upstream-list": {map[string]string{"upstream_latency": "16.000", "upstream_status": "200",
		"latency": "16.000"}, "success", ""},
	"vhost-is-ip": {map[string]string{"client_ip": "192.0.2.101", "key": "", "key_name": ""}, "success",
		""},
	"winston-app-log": {nil, "", "not_a_response"},
	"xff-list-host-prefix": {map[string]string{"client_ip": "192.0.2.2", "key": "", "service": "example.com"},
		"success", ""},
}

func caseFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/cases/*.log")
	if err != nil || len(files) != len(lineCases) {
		t.Fatalf("got %d files (%v); want one for each of %d cases", len(files), err, len(lineCases))
	}
	for i, f := range files {
		if files[i], err = filepath.Abs(f); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// Promise: what a line does not say is not said of it. Each case by probe.
func TestCasesByProbe(t *testing.T) {
	for _, file := range caseFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".log")
		want := lineCases[name]
		got := decodeJSON[probed](t, run(t, nil, "probe", "--json", file).stdout)
		if responses := want.outcome != ""; (got.Responses > 0) != responses || got.Responses > 1 {
			t.Errorf("%s: got %d responses; want %v", name, got.Responses, responses)
		}
		if want.reject != "" && got.Reasons[want.reject] != 1 || got.Rejected > 0 && want.reject == "" {
			t.Errorf("%s: got rejects %v; want %q", name, got.Reasons, want.reject)
		}
		values := map[string]string{}
		for _, f := range got.Record {
			values[f.Name] = f.Value
		}
		for field, value := range want.fields {
			if values[field] != value {
				t.Errorf("%s: %s: got %q; want %q", name, field, values[field], value)
			}
		}
	}
}

// All cases together by analyze: outcomes, rejects, and no key anywhere.
func TestLongCasesByAnalyze(t *testing.T) {
	t.Parallel()
	outcomes, reasons := map[string]uint64{}, map[string]uint64{}
	for _, c := range lineCases {
		if c.outcome != "" {
			outcomes[c.outcome]++
		}
		if c.reject != "" {
			reasons[c.reject]++
		}
	}
	got := decodeJSON[report](t, must(t, append([]string{"analyze", "--json"}, caseFiles(t)...)...).stdout)
	if !maps.Equal(got.ByOutcome, outcomes) || !maps.Equal(got.Reasons, reasons) {
		t.Errorf("got outcomes %v, rejects %v; want %v, %v", got.ByOutcome, got.Reasons, outcomes, reasons)
	}
	for _, i := range got.Incidents {
		if i.Kind == "contract_drift" {
			t.Errorf("got %s; want no drift", i.Kind)
		}
	}
}
