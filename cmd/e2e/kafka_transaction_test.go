//go:build kafka

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"statline/ingest"
	"statline/ingest/source/kafkatest"
)

// Promise, on Apache Kafka: a transaction that is never ended is told by all who
// tell how far behind the group is: what it holds back, since when, and that
// readiness is red when it is too old; when it is aborted, everything behind it
// is stored and readiness is green.
// Long because it is one story, told in its order.
func TestKafkaHangingTransaction(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	k, err := kafkatest.Start(ctx, kafkatest.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	brokers := k.Addrs(kafkatest.Plaintext)[0]
	clickhouse, listen := freeAddress(t), freeAddress(t)
	engine := start(t, "", "sandbox", "--kafka", "", "--clickhouse", clickhouse, "--data", t.TempDir())
	engine.waitFor(t, "ready", time.Minute)
	clickhouse = "http://" + clickhouse
	first := generated(t, brokers, 100, "--partitions", "1")

	home := t.TempDir()
	where := []string{"--brokers", brokers, "--topic", "access", "--group", "statline", "--clickhouse", clickhouse}
	start(t, home, append([]string{"run", "--listen", listen, "--transaction-age", "20s"}, where...)...)
	stored := func(want uint64) func() bool {
		return func() bool {
			return tableExists(t, clickhouse) && sql(t, clickhouse,
				"SELECT sum(records) FROM statline.ledger WHERE state = 'stored'") == fmt.Sprint(want)
		}
	}
	eventually(t, time.Minute, "what is there is stored", stored(first.Records))

	hangs, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.DefaultProduceTopic("access"),
		kgo.TransactionalID("hangs"), kgo.TransactionTimeout(14*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close()
	if err := hangs.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := hangs.ProduceSync(ctx, kgo.StringRecord(`{"status":200,"path":"/never"}`)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	second := generated(t, brokers, 5000, "--seed", "2")
	const held = 5010
	took := turns(t, listen, time.Minute, "readiness names the transaction and is red", func(r readiness) bool {
		return !r.Ready && strings.Contains(r.detail(ingest.OpenTransaction),
			fmt.Sprintf("partition 0: an open transaction has held back %d offsets", held))
	})
	r, _ := ready(t, listen)
	if p := r.Partitions[0]; p.LagRecords != 0 || p.LagHighWatermark != held || p.LagSeconds != 0 || !p.Stalled {
		t.Errorf("got %+v; want nothing to read, and %d records held back", p, held)
	}
	t.Logf("red after %v", took.Round(time.Second))
	if body, status := get(t, "http://"+listen+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: got %d %q; want it green", status, body)
	}
	metrics, _ := get(t, "http://"+listen+"/metrics")
	for _, want := range []string{`statline_lag_records{partition="0"} 0`,
		fmt.Sprintf(`statline_lag_high_watermark_records{partition="0"} %d`, held),
		`statline_condition{condition="open_transaction"} 2`} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if out := mustAt(t, home, append([]string{"audit"}, where...)...).
		stdout; !strings.Contains(out, "0 (0 s) and 5,010 in open transactions") {
		t.Errorf("audit: got\n%s", out)
	}
	if out := mustAt(t, home, append([]string{"check"}, where...)...).
		stdout; !strings.Contains(out, "open transactions hold back 5010 offsets more") {
		t.Errorf("check: got\n%s", out)
	}
	if err := hangs.EndTransaction(ctx, kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "what it held back is stored", stored(first.Records+second.Records))
	turns(t, listen, time.Minute, "readiness is green", func(r readiness) bool {
		return r.Ready && r.detail(ingest.OpenTransaction) == "" && r.Partitions[0].LagHighWatermark == 0
	})
}
