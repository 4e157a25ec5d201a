package query_test

import (
	"fmt"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/dashboards/query"
	"statline/ingest/store/storetest"
	"statline/ingest/watch"
)

// The board counts a failed login as the detector does, by its outcome: a bare 401, a
// gateway's flag and the code of another catalogue are some, and a code that means a
// login in the built-in catalogue is none where it came out as something else.
func TestFailedLoginsAreTheDetectors(t *testing.T) {
	s := storetest.Open(t)
	begin := time.Now().UTC().Truncate(time.Minute).Add(-20 * time.Minute)
	for _, r := range []struct {
		outcome    string
		code, each int
	}{{"auth_failed", 0, 40}, {"auth_failed", 30, 10}, {"auth_failed", 4711, 10}, {"server_error", 14, 500},
		{"invalid_key", 7, 1}} {
		exec(t, s, fmt.Sprintf(`INSERT INTO {db}.clients (minute, client_ip, outcome, code, requests)
			SELECT toDateTime(%d, 'UTC') + 60 * number, toIPv6('203.0.113.7'), '%s', %d, %d FROM numbers(10)`, begin.Unix(), r.outcome, r.code, r.each))
	}
	type client struct {
		name                           string
		refused, keys, invalid, logins uint64
		succeeded                      uint64
		first, last                    time.Time
	}
	var got []client
	read(t, s, query.ScanningClients(), query.Params{From: begin.Add(-time.Hour), To: time.Now()},
		func(scan func(...any) error) error {
			var c client
			err := scan(&c.name, &c.refused, &c.keys, &c.invalid, &c.logins, &c.succeeded, &c.first, &c.last)
			got = append(got, c)
			return err
		})
	if len(got) != 1 || got[0].logins != 600 || got[0].invalid != 10 || got[0].refused != 610 {
		t.Errorf("got %+v; want 600 failed logins and 10 invalid keys of one client", got)
	}
	cfg := watch.DefaultConfig()
	first := detect.MinuteOf(begin.Unix())
	found, err := watch.Evaluate(t.Context(), &cfg.Detectors, watch.NewSQL(s, classify.Builtin()),
		watch.Range{First: first, From: first, To: first + 15})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Kind != detect.CredentialStuffing || found[0].Affected != 600 {
		t.Errorf("got %+v; want one incident about the same 600", found)
	}
}
