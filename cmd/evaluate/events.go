package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"statline/classify"
	"statline/classify/detect"
	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/source"
	"statline/ingest/store"
	"statline/ingest/traffic"
	"statline/ingest/watch"
)

// eventRun is the size of the worlds whose every response becomes a log line.
type eventRun struct {
	services, keys, clients int
	means                   []float64
}

var secret = []byte("the secret of an evaluation")

// compare sends the first day after the warm-up of a world through the whole
// pipeline, one line a response, some of them late, and compares the evidence
// that the store then gives with the world's rows.
func (e eventRun) compare(ctx context.Context, kind string, seed uint64) (text string, err error) {
	w, err := traffic.NewWorld(traffic.WorldConfig{
		Kind: kind, Seed: seed, Services: e.services, Days: 3, WarmUp: 1, Keys: e.keys, Clients: e.clients,
		Means: e.means,
	})
	if err != nil {
		return "", err
	}
	const topic = "access"
	box, err := sandbox.Start(ctx, sandbox.Config{Kafka: "127.0.0.1:0", ClickHouse: "127.0.0.1:0",
		Topics: []string{topic}})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	lines, err := w.Day(1)
	if err != nil {
		return "", err
	}
	if err := traffic.Produce(ctx, box.Brokers(), topic, traffic.NewDelivery(lines, traffic.RealDelivery(seed)),
		traffic.ProduceOptions{}); err != nil {
		return "", err
	}
	cfg := store.DefaultConfig()
	cfg.URL = box.ClickHouseURL()
	s, err := store.Open(ctx, cfg)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := schema.Migrate(ctx, s.Conn(), schema.Options{Database: s.Database()}); err != nil {
		return "", err
	}
	if err := drain(ctx, box.Brokers(), topic, s); err != nil {
		return "", err
	}
	n, err := sameEvidence(ctx, w, watch.NewSQL(s, classify.Builtin()))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d service-days as %d lines through Kafka, 1 %% of them late: %s, all identical.", e.services,
		lines.Records, n), nil
}

// drain runs the pipeline until it has read the topic.
func drain(ctx context.Context, brokers []string, topic string, s *store.Store) (err error) {
	k := source.DefaultConfig()
	k.Brokers, k.Topic, k.Group = brokers, topic, "evaluate"
	client, err := source.New(k)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	folding := fold.DefaultConfig()
	folding.Decode.Secret = secret
	cfg := ingest.DefaultConfig()
	cfg.Block.Topic, cfg.Block.Group, cfg.Block.Instance, cfg.Block.From = topic, "evaluate", "evaluate", block.Earliest
	cfg.UntilCaughtUp = true
	pool, err := fold.NewPool(folding, cfg.MemoryBudget/8)
	if err != nil {
		return err
	}
	p, err := ingest.New(cfg, ingest.Parts{Source: ingest.Kafka(client), Store: s, Rules: pool,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return p.Run(ctx)
}

// counts says how many rows were compared.
type counts struct{ services, keys, clients, contracts int }

func (c counts) String() string {
	return fmt.Sprintf("%d service-minutes, %d key-minutes, %d client-minutes, %d contract-minutes", c.services, c.keys,
		c.clients, c.contracts)
}

// sameEvidence compares the rows of the world's second day with the store's.
func sameEvidence(ctx context.Context, w *traffic.World, q *watch.SQL) (n counts, err error) {
	first := detect.MinuteOf(w.Config().Start.Add(24 * time.Hour).Unix())
	day := func(m detect.Minute) bool { return m >= first && m < first+1440 }
	var minutes []detect.Minute
	for m := first; m < first+1440; m++ {
		minutes = append(minutes, m)
	}
	b, err := q.Rows(ctx, minutes)
	if err != nil {
		return n, err
	}
	want := map[string]string{}
	for i := range w.Services() {
		for _, r := range w.Service(i).Rows {
			if m := detect.MinuteOf(r.Minute); day(m) && r.N > 0 {
				want[fmt.Sprint(r.Service, " ", m)] = fmt.Sprint(r.N, r.Timeout, r.Offline,
					r.Timeout+r.Offline+r.Internal+r.ServerErr)
			}
		}
	}
	got := map[string]string{}
	for _, r := range b.Services {
		if len(r.Service) == len(w.ServiceName(0)) && r.Service[:4] == "svc-" {
			got[fmt.Sprint(r.Service, " ", r.Minute)] = fmt.Sprint(r.N, r.Timeout, r.Offline, r.Bad)
		}
	}
	if n.services, err = same("services", want, got); err != nil {
		return n, err
	}
	if n.keys, err = sameKeys(ctx, w, q, minutes, day); err != nil {
		return n, err
	}
	if n.clients, err = sameClients(ctx, w, q, minutes); err != nil {
		return n, err
	}
	n.contracts, err = sameContracts(w, b)
	return n, err
}

// same compares two sets of rows by name.
func same(what string, want, got map[string]string) (int, error) {
	if len(want) == 0 {
		return 0, fmt.Errorf("%s: the world has no rows", what)
	}
	for k, v := range want {
		if got[k] != v {
			return 0, fmt.Errorf("%s: %s: the store has %q; want %q", what, k, got[k], v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			return 0, fmt.Errorf("%s: %s: the store has %q, the world nothing", what, k, v)
		}
	}
	return len(want), nil
}

func sameKeys(ctx context.Context, w *traffic.World, q *watch.SQL, minutes []detect.Minute,
	day func(detect.Minute) bool) (int, error) {
	rows := map[string]*detect.KeyMinute{}
	var ids []string
	add := func(s traffic.KeySeries) {
		id := decode.KeyID(secret, s.Key).String()
		ids = append(ids, id)
		for _, r := range s.Rows {
			m := detect.MinuteOf(r.Minute)
			if !day(m) {
				continue
			}
			name := fmt.Sprint(id, " ", m)
			k := rows[name]
			if k == nil {
				k = &detect.KeyMinute{}
				rows[name] = k
			}
			k.Requests += uint32(r.Requests)
			switch o := r.Outcome; {
			case o == classify.Success.String():
				k.Success += uint32(r.Requests)
			case classify.Limited.HasName(o):
				k.RateLimited += uint32(r.Requests)
				k.Slots |= r.Slots
			case classify.DeadKey.HasName(o):
				k.Dead += uint32(r.Requests)
			case o == classify.InvalidKey.String():
				k.Invalid += uint32(r.Requests)
			}
		}
	}
	for i := range w.Keys() {
		add(w.Key(i))
	}
	for i := range w.DeadKeys() {
		add(w.DeadKey(i))
	}
	for i := range w.InvalidKeys() {
		add(w.InvalidKey(i))
	}
	text := func(k *detect.KeyMinute) string {
		return fmt.Sprint(k.Requests, k.Success, k.RateLimited, k.Dead, k.Invalid, k.Slots)
	}
	want := map[string]string{}
	for name, k := range rows {
		want[name] = text(k)
	}
	got := map[string]string{}
	err := q.Keys(ctx, watch.KeyNeed{Need: watch.Need{Names: ids, Minutes: minutes}},
		func(r *watch.KeyRow) { got[fmt.Sprint(r.Key, " ", r.Minute)] = text(&r.KeyMinute) })
	if err != nil {
		return 0, err
	}
	return same("keys", want, got)
}

func sameClients(ctx context.Context, w *traffic.World, q *watch.SQL, minutes []detect.Minute) (int, error) {
	type sums struct{ requests, success, invalid, failed uint64 }
	rows := map[string]sums{}
	var ips []string
	for i := range w.Clients() {
		c := w.Client(i)
		ip, err := netip.ParseAddr(c.IP)
		if err != nil {
			return 0, err
		}
		ips = append(ips, c.IP)
		for _, r := range c.Rows {
			name := fmt.Sprint(ip.Unmap(), " ", detect.MinuteOf(r.Minute))
			s := rows[name]
			s.requests += r.Requests
			switch {
			case r.Outcome == classify.Success.String():
				s.success += r.Requests
			case r.Outcome == classify.InvalidKey.String():
				s.invalid += r.Requests
			case classify.LoginFailed.HasName(r.Outcome):
				s.failed += r.Requests
			}
			rows[name] = s
		}
	}
	want, got := map[string]string{}, map[string]string{}
	for name, s := range rows {
		want[name] = fmt.Sprint(s)
	}
	err := q.Clients(ctx, watch.Need{Names: ips, Minutes: minutes}, func(r *watch.ClientRow) {
		got[fmt.Sprint(r.IP, " ", r.Minute)] = fmt.Sprint(sums{r.Requests, r.Success, r.Invalid, r.AuthFailed})
	})
	if err != nil {
		return 0, err
	}
	return same("clients", want, got)
}

func sameContracts(w *traffic.World, b *watch.Rows) (int, error) {
	catalogue := classify.Builtin()
	want, got := map[string]string{}, map[string]string{}
	names := map[string]bool{}
	for i := range w.Contracts() {
		s := w.Contract(i)
		names[s.Service] = true
		for _, r := range s.Rows {
			if entry, known := catalogue.Entry(r.Code); r.Code != 0 &&
				(!known || !entry.Promises(int16(r.HTTPStatus))) {
				want[fmt.Sprint(s.Service, r.Code, "/", r.HTTPStatus, " ",
					detect.MinuteOf(r.Minute))] = fmt.Sprint(r.Requests)
			}
		}
	}
	for _, r := range b.Contracts {
		if names[r.Pair.Service] && r.Pair.Reason != detect.CodeMissing {
			got[fmt.Sprint(r.Pair.Service, r.Pair.Code, "/", r.Pair.HTTPStatus, " ", r.Minute)] = fmt.Sprint(r.Count)
		}
	}
	return same("contracts", want, got)
}
