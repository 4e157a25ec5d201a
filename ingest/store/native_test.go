//go:build native

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/retry"
	"statline/ingest/schema"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// These tests speak the native protocol, which the embedded engine does not,
// to Debian's clickhouse-server. That is ClickHouse 18.16: it knows neither
// our tables nor our settings, so it gets a table of its own and a store that
// sends no settings. What is tested is the way there: connection, LZ4, batch,
// timeout, and what a killed server does to the pool.

const serverConfig = `<yandex>
<logger><level>warning</level><log>%[1]s/log</log><errorlog>%[1]s/err</errorlog></logger>
<tcp_port>%[2]d</tcp_port><listen_host>127.0.0.1</listen_host>
<path>%[1]s/data/</path><tmp_path>%[1]s/tmp/</tmp_path><users_config>%[1]s/users.xml</users_config>
<mark_cache_size>5368709120</mark_cache_size>
<default_profile>default</default_profile><default_database>default</default_database>
</yandex>`

const usersConfig = `<yandex><profiles><default/></profiles>
<users><default><password>geheim</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default/></quotas></yandex>`

// server is one clickhouse-server process.
type server struct {
	port int
	dir  string
	cmd  *exec.Cmd
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sv := &server{dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config.xml": fmt.Sprintf(serverConfig, sv.dir, sv.port),
		"users.xml": usersConfig} {
		if err := os.WriteFile(filepath.Join(sv.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sv.start(t)
	t.Cleanup(func() { sv.kill(t) })
	return sv
}

func (sv *server) start(t *testing.T) {
	t.Helper()
	binary, err := exec.LookPath("clickhouse-server")
	if err != nil {
		t.Fatalf("%v: install Debian's package clickhouse-server", err)
	}
	sv.cmd = exec.Command(binary, "--config-file="+filepath.Join(sv.dir, "config.xml"))
	var output bytes.Buffer
	sv.cmd.Stdout, sv.cmd.Stderr, sv.cmd.Dir = &output, &output, sv.dir
	sv.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := sv.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", sv.port))
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(sv.dir, "err"))
			t.Fatalf("the server does not listen: %v\n%s\n%s", err, output.Bytes(), log)
		case <-tick.C:
		}
	}
}

// kill is kill -9.
func (sv *server) kill(t *testing.T) {
	t.Helper()
	if sv.cmd == nil {
		return
	}
	if err := sv.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	_ = sv.cmd.Wait() // it says "killed"
	sv.cmd = nil
}

// table is what the old server can hold.
const oldTable schema.Table = "rows"

type oldRow struct {
	minute uint32
	name   string
	n      uint64
	list   []string
}

// oldJob inserts n rows.
func oldJob(n int) job {
	rows := make([]oldRow, n)
	for i := range rows {
		rows[i] = oldRow{minuteOf(0, i%1440), fmt.Sprintf("name\n%d", i%100), uint64(i), []string{fmt.Sprint(i)}}
	}
	return job{table: oldTable, to: n, columns: []insertColumn{
		seconds("minute", of(rows, func(r *oldRow) aggregate.Seconds { return aggregate.Seconds(r.minute) })),
		text("name", of(rows, func(r *oldRow) string { return r.name })),
		u64("n", of(rows, func(r *oldRow) uint64 { return r.n })),
		textSet("list", of(rows, func(r *oldRow) []string { return r.list })),
	}}
}

// nativeStore is a store on sv with the table of the test.
func nativeStore(t *testing.T, sv *server, timeout time.Duration) *Store {
	t.Helper()
	c := DefaultConfig()
	c.URL, c.Database = fmt.Sprintf("clickhouse://default:geheim@127.0.0.1:%d", sv.port), "old"
	c.InsertTimeout, c.DialTimeout = timeout, 2*time.Second
	s, err := connect(c)
	if err != nil {
		t.Fatal(err)
	}
	s.known.Store(&schema.Layout{}) // it has no tables of ours
	alter(s, func(settings clickhouse.Settings) { clear(settings) })
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, q := range []string{
		"CREATE DATABASE IF NOT EXISTS old",
		"CREATE TABLE IF NOT EXISTS old.rows (minute DateTime, name String, n UInt64, list Array(String)) ENGINE = MergeTree PARTITION BY toDate(minute) ORDER BY n",
	} {
		if err := s.conn().Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func sumN(t *testing.T, s *Store) uint64 {
	t.Helper()
	var n uint64
	if err := s.conn().QueryRow(t.Context(), "SELECT sum(n) FROM old.rows").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A batch with LZ4 arrives whole, every column as it was.
func TestNativeInsert(t *testing.T) {
	s := nativeStore(t, newServer(t), time.Minute)
	const n = 150_000
	if err := s.insert(t.Context(), oldJob(n), "", free); err != nil {
		t.Fatal(err)
	}
	if got, want := sumN(t, s), uint64(n)*(n-1)/2; got != want {
		t.Errorf("got a sum of %d; want %d", got, want)
	}
	var wrong uint64
	err := s.conn().
		QueryRow(t.Context(),
			"SELECT count() FROM old.rows WHERE name != concat('name\\n', toString(n % 100)) OR list != [toString(n)] OR toUInt32(minute) != "+
				fmt.Sprint(minuteOf(0, 0))+" + n % 1440 * 60").Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Errorf("got %d wrong rows, %v", wrong, err)
	}
}

// The server is refused as too old, by its version.
func TestNativeOldServerRefused(t *testing.T) {
	sv := newServer(t)
	c := DefaultConfig()
	c.URL = fmt.Sprintf("clickhouse://default:geheim@127.0.0.1:%d", sv.port)
	s, err := Open(t.Context(), c)
	if err == nil {
		s.Close()
		t.Fatal("got no error")
	}
	if !errors.Is(err, retry.ErrPermanent) || !strings.Contains(err.Error(), "ClickHouse 18.16") ||
		strings.Contains(err.Error(), "geheim") {
		t.Errorf("got %v", err)
	}
	c.URL = fmt.Sprintf("clickhouse://default:falsch@127.0.0.1:%d", sv.port)
	s, err = Open(t.Context(), c)
	if err == nil {
		s.Close()
		t.Fatal("got no error")
	}
	if retry.ClassOf(err) != retry.Permanent || strings.Contains(err.Error(), "falsch") {
		t.Errorf("wrong password: got class %s, %v", retry.ClassOf(err), err)
	}
}

// What the server refuses is classed by its code, as over HTTP.
func TestNativeErrors(t *testing.T) {
	s := nativeStore(t, newServer(t), time.Minute)
	err := Classify(s.insert(t.Context(), job{table: "nothing", to: 1, columns: oldJob(1).columns}, "", free))
	if retry.ClassOf(err) != retry.Permanent {
		t.Errorf("unknown table: got class %s, %v", retry.ClassOf(err), err)
	}
	err = s.insert(t.Context(), job{table: oldTable, to: 1, columns: oldJob(1).columns[:2]}, "",
		func() error { return block.ErrFenced })
	if !errors.Is(err, block.ErrFenced) {
		t.Errorf("fence: got %v", err)
	}
	if got := sumN(t, s); got != 0 {
		t.Errorf("got %d; want nothing stored by a fenced insert", got)
	}
	if err := s.insert(t.Context(), oldJob(10), "", free); err != nil {
		t.Errorf("after errors: %v", err)
	}
	pool := s.pool.Load().inserts.(altered).inserter.(*native)
	pool.close()
	pool.password = "falsch"
	err = Classify(s.insert(t.Context(), oldJob(10), "", free))
	if retry.ClassOf(err) != retry.Permanent || strings.Contains(err.Error(), "falsch") {
		t.Errorf("wrong password: got class %s, %v", retry.ClassOf(err), err)
	}
}

// A server that hangs costs the insert's time, no more, and the pool is fine
// when it comes back.
func TestNativeTimeout(t *testing.T) {
	sv := newServer(t)
	s := nativeStore(t, sv, time.Second)
	if err := sv.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	err := s.insert(t.Context(), oldJob(10), "", free)
	if err == nil || retry.ClassOf(Classify(err)) != retry.Transient {
		t.Errorf("got class %s, %v", retry.ClassOf(err), err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	if err := sv.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	again(t, func() error { return s.insert(t.Context(), oldJob(10), "", free) })
}

// A server killed between and in the middle of inserts: the error is
// retryable, and the store works on with the next server at that address.
func TestNativeReconnectAfterKill(t *testing.T) {
	sv := newServer(t)
	s := nativeStore(t, sv, 5*time.Second)
	if err := s.insert(t.Context(), oldJob(10), "", free); err != nil {
		t.Fatal(err)
	}
	err := s.insert(t.Context(), oldJob(150_000), "", func() error { sv.kill(t); return nil })
	if err == nil || retry.ClassOf(Classify(err)) != retry.Transient {
		t.Errorf("killed in the middle: got class %s, %v", retry.ClassOf(err), err)
	}
	err = s.insert(t.Context(), oldJob(10), "", free)
	if err == nil || retry.ClassOf(Classify(err)) != retry.Transient {
		t.Errorf("killed before: got class %s, %v", retry.ClassOf(err), err)
	}
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprint(sv.port)) {
		t.Errorf("ping: got %v", err)
	}
	sv.start(t)
	before := sumN(t, s)
	again(t, func() error { return s.insert(t.Context(), oldJob(10), "", free) })
	if got := sumN(t, s); got != before+45 {
		t.Errorf("got %d; want %d", got, before+45)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// again repeats what is retryable, as the caller of the store would.
func again(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for range 20 {
		if err = f(); retry.ClassOf(Classify(err)) != retry.Transient {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
