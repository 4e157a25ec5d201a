package mend

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"statline/classify"
	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/ingesttest"
	"statline/ingest/schema"
	"statline/ingest/store"
	"statline/ingest/store/storetest"
)

// busiest is the key and the address of most responses.
func busiest(t *testing.T, r *ingesttest.Rig) (key classify.KeyID, client netip.Addr) {
	t.Helper()
	rows, err := store.Select[struct {
		Key    string     `ch:"k"`
		Client netip.Addr `ch:"c"`
	}](t.Context(), r.Store,
		"SELECT (SELECT key_id FROM "+r.Store.Table(schema.Keys)+" WHERE outcome != 'success' GROUP BY key_id ORDER BY sum(requests) DESC, key_id LIMIT 1) AS k,"+
			" (SELECT client_ip FROM "+r.Store.Table(schema.Clients)+" WHERE outcome != 'success' GROUP BY client_ip ORDER BY sum(requests) DESC, client_ip LIMIT 1) AS c")
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %v, %v; want a key and an address", rows, err)
	}
	key, ok := classify.ParseKeyID(rows[0].Key)
	if !ok {
		t.Fatalf("got key %q", rows[0].Key)
	}
	return key, rows[0].Client.Unmap()
}

func forgets(t *testing.T, r *ingesttest.Rig, secret []byte) *Forget {
	t.Helper()
	return &Forget{Store: r.Store, Secret: secret, Instance: "test", Version: "test", TTL: schema.DefaultTTL()}
}

// Promise: what repair reads again after a key and an address were forgotten brings
// neither back, and the audit is clean before and after; without the mark it would.
func TestForgottenStaysForgotten(t *testing.T) {
	for _, marked := range []bool{true, false} {
		name := map[bool]string{true: "marked", false: "unmarked"}[marked]
		t.Run(name, func(t *testing.T) {
			r, second := rigOfTwo(t, "forget_"+name)
			key, client := busiest(t, r)
			secret := r.Fold.Decode.Secret
			if !marked {
				secret = nil
			}
			people := []store.Person{{Key: key}, {Client: client}}
			for _, who := range people {
				report, err := forgets(t, r, secret).Run(t.Context(), who, nil)
				if err != nil || Moved(report.Traces, who) == 0 || len(report.Left) > 0 {
					t.Fatalf("got %+v, %v; want responses that count for nobody now", report, err)
				}
			}
			r.Audit()
			for _, table := range []schema.Table{schema.Keys, schema.KeysHour, schema.Clients} {
				deleteRows(t, r, table, second)
			}
			_, refused := repairOf(t, r).Lost(t.Context())
			var back []string
			for _, who := range people {
				left, err := r.Store.Left(t.Context(), who)
				if err != nil {
					t.Fatal(err)
				}
				back = append(back, left...)
			}
			if !marked {
				// The rows that were changed are not those that are read again.
				if refused == nil && len(back) == 0 {
					t.Error("without marks nobody came back: the test finds nothing")
				}
				return
			}
			if refused != nil || len(back) > 0 {
				t.Errorf("got %v, and %v name them; want nobody back", refused, back)
			}
			r.Audit()
		})
	}
}

// Promise: contents that are read again lose who was forgotten, and no count; what rows
// share with others is not touched.
func TestContentsWithout(t *testing.T) {
	secret := []byte("0123456789abcdef")
	key, other := classify.KeyID{1}, classify.KeyID{2}
	client, neighbour := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.10")
	v6 := netip.MustParseAddr("2001:db8::7")
	gone, err := readForgotten(t.Context(), marks{keyMark(secret, key), clientMark(secret, client),
		clientMark(secret, v6)}, secret)
	if err != nil {
		t.Fatal(err)
	}
	shared := &aggregate.KeyFailure{ClientIPs: [][16]byte{client.As16(), neighbour.As16()},
		UserAgents: []string{"at 192.0.2.1", "curl"}}
	c := &block.Contents{Rows: aggregate.Rows{
		Keys: aggregate.ListOf([]aggregate.KeyRow{{Key: key, Requests: 3, KeyFailure: shared},
			{Key: other, Requests: 4, KeyFailure: shared}}),
		Clients: aggregate.ListOf([]aggregate.ClientRow{{ClientIP: client.As16(), Requests: 5,
			ClientFailure: &aggregate.ClientFailure{Keys: []classify.KeyID{other}}},
			{ClientIP: neighbour.As16(), Requests: 6,
				ClientFailure: &aggregate.ClientFailure{Keys: []classify.KeyID{key, other}}}}),
		Samples: []aggregate.SampleRow{{Key: key}, {ClientIP: client.As16()}, {Path: "/?ip=2001%3Adb8%3A%3A7"},
			{Path: "/192.0.2.10"}},
	}, Rejects: []block.RejectRow{{Raw: "192.0.2.1 - x", Detail: "of 192.0.2.1"}, {Raw: "192.0.2.10 - x"}}}
	c = gone.without(c)
	k, cl := c.Rows.Keys.All(), c.Rows.Clients.All()
	if k[0].Key != classify.OtherKey || k[0].Requests != 3 || len(k[0].ClientIPs)+len(k[0].UserAgents) != 0 ||
		k[1].Key != other ||
		!slices.Equal(k[1].ClientIPs, [][16]byte{neighbour.As16()}) ||
		!slices.Equal(k[1].UserAgents, []string{"curl"}) {
		t.Errorf("got keys %+v", k)
	}
	if cl[0].ClientIP != aggregate.OtherClient || cl[0].Requests != 5 || len(cl[0].Keys) != 0 ||
		cl[1].ClientIP != neighbour.As16() ||
		!slices.Equal(cl[1].Keys, []classify.KeyID{other}) {
		t.Errorf("got clients %+v", cl)
	}
	if len(c.Rows.Samples) != 1 || c.Rejects[0].Raw != forgottenText || strings.Contains(c.Rejects[0].Detail, "192") ||
		c.Rejects[1].Raw != "192.0.2.10 - x" {
		t.Errorf("got samples %+v and rejects %+v", c.Rows.Samples, c.Rejects)
	}
	if len(shared.ClientIPs) != 2 {
		t.Error("shared evidence was changed")
	}
}

type marks []string

func (m marks) Forgotten(context.Context) ([]string, error) { return m, nil }

// Promise: beside a block that is not finished nobody is forgotten: its rows would come
// after.
func TestForgetWaitsForBlocks(t *testing.T) {
	r, _ := rigOfTwo(t, "forget_pending")
	key, _ := busiest(t, r)
	storetest.Exec(t, r.Store,
		"INSERT INTO "+r.Store.Table(schema.Ledger)+" (cluster, topic, epoch, partition, first, end, kind, state)"+
			" SELECT cluster, topic, epoch, partition, max(end), max(end) + 1, 'block', 'declared' FROM "+r.Store.Table(schema.Ledger)+" GROUP BY ALL LIMIT 1")
	if _, err := forgets(t, r, nil).Run(t.Context(), store.Person{Key: key}, nil); err == nil ||
		!strings.Contains(err.Error(), "unfinished block") {
		t.Errorf("got %v; want it refused", err)
	}
}
