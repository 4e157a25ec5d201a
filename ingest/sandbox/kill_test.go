package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/segmentio/kafka-go"

	"statline/ingest/sandbox"
)

// childEnv makes the test binary a sandbox that writes until it is killed.
const childEnv = "STATLINE_TEST_CHILD_DATA"

// runChild inserts a row and produces a record, and only then prints its
// number, again and again.
func runChild(dir string) error {
	ctx := context.Background()
	s, err := sandbox.Start(ctx, sandbox.Config{Kafka: anyPort, ClickHouse: anyPort, Data: dir, Topics: []string{topic},
		Partitions: 1})
	if err != nil {
		return err
	}
	opts, err := clickhouse.ParseDSN(s.ClickHouseURL())
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return err
	}
	if err := conn.Exec(ctx, "CREATE TABLE k (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		return err
	}
	w := &kafka.Writer{Addr: kafka.TCP(s.Brokers()...), Topic: topic, BatchTimeout: time.Millisecond,
		RequiredAcks: kafka.RequireAll}
	for n := 0; ; n++ {
		if err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO k VALUES (%d)", n)); err != nil {
			return err
		}
		if err := w.WriteMessages(ctx, kafka.Message{Value: fmt.Appendf(nil, "record %d", n)}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// What was acknowledged is there after the process was killed.
func TestDataSurvivesKill(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		acked, err = strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		if acked == 100 {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if acked < 100 {
		t.Fatalf("the child ended after %d writes", acked)
	}

	s := start(t, sandbox.Config{Kafka: anyPort, ClickHouse: anyPort, Data: dir})
	conn := dial(t, s)
	got := scalar[uint64](t, conn, fmt.Sprintf("SELECT uniqExact(n) FROM k WHERE n <= %d", acked))
	if got != uint64(acked)+1 {
		t.Errorf("got %d of %d acknowledged rows", got, acked+1)
	}
	readPartition(t, kafkaClient(t, s), 0, 0, acked+1)
}
