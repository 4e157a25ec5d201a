package store_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// people fills a store with two keys and two addresses, in every table and text that
// can name one, and a neighbour whose address begins with the other's. The addresses
// begin with net: files of the engine that other tests made hold theirs.
// Long because it is data: rows about two people in every table.
func people(t *testing.T, net string) (s *store.Store, key classify.KeyID, client netip.Addr) {
	t.Helper()
	s = storetest.Dial(t)
	if err := schema.Migrate(t.Context(), s.Conn(), schema.Options{Database: s.Database()}); err != nil {
		t.Fatal(err)
	}
	in := func(text string) string { return strings.ReplaceAll(text, "203.0.113.", net) }
	key, client = classify.KeyID{0: 0xa7, 2: net[len(net)-2], 5: 0x3c, 9: 0x81, 15: 7}, netip.MustParseAddr(net+"7")
	other, neighbour := classify.KeyID{0: 0xb8, 15: 9}, netip.MustParseAddr(net+"70")
	id := block.ID{Cluster: "c", Topic: "access", Epoch: 1, Partition: 3, First: 0, End: 41}
	c := &block.Contents{Records: 41}
	r := &c.Rows
	var keys, keysHour []aggregate.KeyRow
	var clients []aggregate.ClientRow
	for day := range uint32(2) {
		m := uint32(20_000+day)*86_400 + 600
		r.Services = append(r.Services, aggregate.ServiceRow{Minute: m, Service: "movies",
			Outcome: classify.RateLimited, Requests: 20})
		hour := m / 3600 * 3600
		r.ServicesHour = append(r.ServicesHour, aggregate.ServiceHourRow{Minute: hour, Service: "movies",
			Outcome: classify.RateLimited, Requests: 20})
		row := aggregate.ResponseRow{Minute: m, Service: "movies", Route: in("/of/203.0.113.7/things"), Method: "GET",
			Outcome: classify.RateLimited, Requests: 20}
		r.Responses = append(r.Responses, row)
		row.Minute = hour
		r.ResponsesHour = append(r.ResponsesHour, row)
		for i, k := range []classify.KeyID{key, other} {
			ips := [][16]byte{client.As16(), neighbour.As16()}
			f := &aggregate.KeyFailure{FirstSeen: m, LastSeen: m, ClientIPs: ips,
				UserAgents: []string{in("app for 203.0.113.7"), "curl/8"}}
			keyed := aggregate.KeyRow{Minute: m, Key: k, Service: "movies", Outcome: classify.RateLimited, Requests: 10,
				KeyFailure: f, KeyTold: &aggregate.KeyTold{}}
			keys = append(keys, keyed)
			keyed.Minute = hour
			keysHour = append(keysHour, keyed)
			clients = append(clients, aggregate.ClientRow{Minute: m, ClientIP: ips[i],
				Outcome: classify.RateLimited, Requests: 10,
				ClientFailure: &aggregate.ClientFailure{Keys: []classify.KeyID{key, other}}})
			r.Samples = append(r.Samples, aggregate.SampleRow{Minute: m, Service: "movies",
				Outcome: classify.RateLimited, Slot: uint8(i),
				UnixMilli: int64(m) * 1000, Path: "/p", Key: k, ClientIP: ips[i]})
		}
		r.Samples = append(r.Samples, aggregate.SampleRow{Minute: m, Service: "movies", Outcome: classify.RateLimited,
			Slot:      2,
			UnixMilli: int64(m) * 1000, Path: in("/p?from=%20203.0.113.7"), Key: other, ClientIP: neighbour.As16()})
		r.Days = append(r.Days, aggregate.DayCount{Day: int32(20_000 + day), Responses: 20})
	}
	r.Keys, r.KeysHour, r.Clients = aggregate.ListOf(keys), aggregate.ListOf(keysHour), aggregate.ListOf(clients)
	r.SumDays()
	r.KeyNames = []aggregate.KeyNameRow{{Key: key, Name: in("customer at 203.0.113.")}, {Key: other, Name: "umbrella"}}
	r.MinUnixMilli, r.MaxUnixMilli = int64(r.Services[0].Minute)*1000, int64(r.Services[1].Minute)*1000
	c.Responses, r.Responded, c.Rejected = 40, 40, 2
	c.Rejects = []block.RejectRow{
		{Partition: 3, Offset: 3, Reason: "syntax", Raw: in(`203.0.113.7,203.0.113.7 - "GET`), Detail: in("at 203.0.113.7")},
		{Partition: 3, Offset: 4, Reason: "syntax", Raw: in(`203.0.113.70 - "GET`)},
	}
	row := block.LedgerRow{ID: id, Kind: block.KindBlock, State: block.Declared, Group: "g", Instance: "i",
		ConfigHash: "h", WrittenAt: time.Now()}
	for _, err := range []error{
		s.WriteLedger(t.Context(), row.Counted(c, 1), nofence),
		s.WriteRows(t.Context(), id, c, nofence),
		s.WriteLedger(t.Context(), row.Counted(c, 1).Stored(c, time.Now()), nofence),
		s.SetKeyLabel(t.Context(), key, "Acme", 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	incident := func(id, entity, parent, summary string) {
		storetest.Exec(t, s,
			in("INSERT INTO "+s.Table(schema.Incidents)+" (id, kind, entity, entity_type, parent, state, summary, evidence, silent_why, version) VALUES ('"+
				id+"', 'client_flood', '"+entity+"', 'client', '"+parent+"', 'open', '"+summary+`', '{"client_ips":["203.0.113.7","203.0.113.70"]}', 'covered by `+parent+"', 1)"))
		storetest.Exec(t, s,
			"INSERT INTO "+s.Table(schema.IncidentNotes)+" (incident, at, action, author, text) VALUES ('"+id+"', now(), 'note', 'jo', 'asked "+
				key.Short()+in(" at 203.0.113.7')"))
	}
	incident("ofkey", key.String(), "", "key "+key.Short()+" is refused")
	incident("ofclient", "203.0.113.7", "ofkey", "203.0.113.7 floods")
	incident("ofother", "203.0.113.70", "ofclient", "203.0.113.70 floods, as 203.0.113.7 does with "+key.String())
	storetest.Exec(t, s,
		"INSERT INTO "+s.Table(schema.IncidentNotes)+" (incident, at, action, author, text) VALUES ('"+key.String()+"', now(), 'label', 'jo', 'Acme')")
	// The parts that were merged stay for eight minutes.
	for _, table := range []schema.Table{schema.Keys, schema.Clients, schema.Samples} {
		storetest.Exec(t, s, "OPTIMIZE TABLE "+s.Table(table)+" FINAL")
	}
	return s, key, client
}

func nofence() error { return nil }

// totals are the sums that must stay, table by table.
func totals(t *testing.T, s *store.Store) (sums []uint64) {
	t.Helper()
	for _, r := range s.Rollups() {
		sums = append(sums, storetest.Number(t, s, "(SELECT sum(requests) FROM "+s.Table(schema.Table(r.Name))+")"))
	}
	return append(sums, storetest.Number(t, s, "(SELECT count() FROM "+s.Table(schema.Rejects)+")"))
}

// Promise: a key, or an address, that is forgotten is in no table and no file of the
// store afterwards, not even within a compressed block; every total stays, the audit is
// clean, and others are as they were. Forgetting twice changes nothing.
func TestForget(t *testing.T) {
	for _, c := range []struct {
		name  string
		net   string
		of    func(classify.KeyID, netip.Addr) (store.Person, []string)
		left  uint64 // samples
		times int
	}{
		{"key", "203.0.111.", func(k classify.KeyID, _ netip.Addr) (store.Person, []string) {
			return store.Person{Key: k}, []string{k.String(), k.Short(), "customer at 203.0.111."}
		}, 4, 2},
		{"client", "203.0.112.", func(_ classify.KeyID, ip netip.Addr) (store.Person, []string) {
			as16 := ip.As16()
			return store.Person{Client: ip}, []string{ip.String() + " ", ip.String() + ",", ip.String() + `"`,
				ip.String() + "/", string(as16[:])}
		}, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, key, client := people(t, c.net)
			who, needles := c.of(key, client)
			dir := storetest.Directory(t, s)
			if found := storetest.Files(t, dir, needles...); len(found) < 9 {
				t.Fatalf("before: got only %v; the search finds nothing", found)
			}
			want := totals(t, s)
			traces, err := s.Traces(t.Context(), who)
			if err != nil || len(traces) < 8 {
				t.Fatalf("got %v, %v; want the traces", traces, err)
			}
			for range c.times {
				var done []store.Trace
				if err := s.Forget(t.Context(), who, func(x store.Trace) { done = append(done, x) }); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(done, traces) {
					t.Errorf("got %v written; want %v", done, traces)
				}
				traces = nil
			}
			if found := storetest.Files(t, dir, needles...); len(found) > 0 {
				t.Errorf("still in %v", found)
			}
			if left, err := s.Left(t.Context(), who); err != nil || len(left) > 0 {
				t.Errorf("got %v, %v; want no column left", left, err)
			}
			if got := totals(t, s); !slices.Equal(got, want) {
				t.Errorf("got totals %v; want %v", got, want)
			}
			if report, err := s.Audit(t.Context(), store.AuditOptions{Now: time.Now()}); err != nil || !report.OK() {
				t.Errorf("the audit finds %+v, %v", report, err)
			}
			if n := storetest.Number(t, s, "(SELECT count() FROM "+s.Table(schema.Samples)+")"); n != c.left {
				t.Errorf("got %d samples left; want %d", n, c.left)
			}
		})
	}
}

// Promise: who is forgotten counts among those that are not told apart, without what
// belongs to one person; who only met the forgotten keeps the rest.
func TestForgetKeepsOthers(t *testing.T) {
	s, key, client := people(t, "203.0.113.")
	for _, who := range []store.Person{{Key: key}, {Client: client}} {
		if err := s.Forget(t.Context(), who, nil); err != nil {
			t.Fatal(err)
		}
	}
	for what, want := range map[string]uint64{
		"SELECT sum(requests) FROM keys WHERE key_id = '__other__' AND empty(client_ips) AND empty(user_agents)":                 20,
		"SELECT sum(requests) FROM keys WHERE client_ips = [toIPv6('203.0.113.70')] AND user_agents = ['curl/8']":                20,
		"SELECT sum(requests) FROM clients WHERE client_ip = toIPv6('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff') AND key_ids = []": 20,
		"SELECT sum(requests) FROM clients WHERE client_ip = toIPv6('203.0.113.70') AND length(key_ids) = 1":                     20,
		"SELECT count() FROM rejected_lines WHERE raw = '[forgotten]' AND detail = 'at [forgotten]'":                             1,
		"SELECT count() FROM rejected_lines WHERE raw = '203.0.113.70 - \"GET'":                                                  1,
		"SELECT count() FROM responses WHERE route = '/of/[forgotten]/things'":                                                   2,
		"SELECT count() FROM incidents WHERE id = 'ofother' AND parent = '' AND summary = '203.0.113.70 floods, as [forgotten] does with [forgotten]'" +
			" AND evidence = '{\"client_ips\":[\"[forgotten]\",\"203.0.113.70\"]}' AND NOT match(silent_why, 'ofclient')": 1,
		"SELECT count() FROM incidents": 1,
		"SELECT count() FROM incident_notes WHERE text = 'asked [forgotten] at [forgotten]'": 1,
		"SELECT count() FROM incident_notes":                                                 1,
		"SELECT count() FROM key_names WHERE name = 'umbrella'":                              1,
	} {
		if got := storetest.Number(t, s, "("+strings.Replace(what, " FROM ", " FROM `"+s.Database()+"`.",
			1)+")"); got != want {
			t.Errorf("%s: got %d; want %d", what, got, want)
		}
	}
}

// Promise: both, or neither, is refused; so is an address that is none.
func TestForgetAsksForOne(t *testing.T) {
	s := storetest.Open(t)
	for _, who := range []store.Person{{}, {Key: classify.KeyID{1}, Client: netip.MustParseAddr("::1")}} {
		if _, err := s.Traces(t.Context(), who); err == nil {
			t.Errorf("%+v: got no error", who)
		}
	}
	if _, err := store.ParseClient("203.0.113"); err == nil {
		t.Error("got no error for half an address")
	}
}
