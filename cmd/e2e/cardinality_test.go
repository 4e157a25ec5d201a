package e2e

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"statline/classify/aggregate"
)

// The whole measure of many names, in CI a small one:
//
//	go test ./cmd/e2e -run Cardinality -timeout 2h -v -records=10000000
var cardinalityRecords = flag.Int("records", 300_000,
	"lines of TestCardinality; at most a million keys, addresses and UUIDs among them")

// crowd is an hour of traffic in which every line has another key, client
// address and UUID in its path, a million different ones at most, and one key
// is refused for its rate once a second. Three of ten lines are refused for an
// unknown key.
type crowd struct {
	records, names      int
	byStatus, byCode    map[string]uint64
	offences, addressed uint64
}

const offender = "offender-0123456789"

func newCrowd(records int) *crowd {
	return &crowd{records: records, names: min(records, 1_000_000), byStatus: map[string]uint64{},
		byCode: map[string]uint64{}}
}

// mixed is a bijection of 64 bits, so that different numbers stay different.
func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// write writes the lines in the order of their times and counts them.
func (c *crowd) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix()
	perSecond := float64(c.records) / 3600
	n := 0
	for second := range 3600 {
		at := begin + int64(second)
		c.offences++
		c.count("429", "25")
		fmt.Fprintf(out,
			`{"ts":%d,"service":"movies","method":"GET","path":"/3/movie/550","status":429,"code":25,"message":"Your request count (90) is over the allowed limit of (40).","api_key":"%s","client_ip":"203.0.113.7"}`+"\n", at, offender)
		for ; n < int(perSecond*float64(second+1)); n++ {
			i := uint64(n % c.names)
			a, b := mixed(i+1), mixed(i+1<<32)
			// The addresses of 10.0.0.0/8: 16 million.
			fmt.Fprintf(out,
				`{"ts":%d,"service":"movies","method":"GET","path":"/3/movie/%08x-%04x-4%03x-8%03x-%012x/images","api_key":"%016x%016x","client_ip":"10.%d.%d.%d",`,
				at, uint32(a), uint16(a>>32), a>>52, b&0xfff, b>>16, b, a, i>>16&255, i>>8&255, i&255)
			switch {
			case n%10 < 3:
				c.count("401", "7")
				out.WriteString(`"status":401,"code":7,"message":"Invalid API key: You must be granted a valid key."}` +
					"\n")
			case n%50 == 9:
				c.count("504", "24")
				out.WriteString(`"status":504,"code":24}` + "\n")
			default:
				c.count("200", "0")
				out.WriteString(`"status":200}` + "\n")
			}
		}
	}
	return out.Flush()
}

func (c *crowd) count(status, code string) {
	c.byStatus[status]++
	c.byCode[code]++
	c.addressed++
}

// A million different keys, addresses and paths: every total is exact, the
// rows stay within what a block's budgets allow, and the one key that is over
// its limit all the time is named.
func TestCardinality(t *testing.T) {
	t.Parallel()
	c := newCrowd(*cardinalityRecords)
	secret := write(t, "secret", []byte("0123456789abcdef0123"))
	id := keyIDs(t, secret, offender)[0]
	data := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 110*time.Minute)
	defer cancel()
	cmd := command(t, ctx, "analyze", "--json", "--data", data, "--hmac-secret-file", secret, "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.write(in); err != nil {
		t.Error(err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("analyze: %v\n%s", err, stderr.String())
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	t.Logf("%d lines in %.0f s, %.0f s of processors, at most %d MiB", c.addressed, time.Since(began).Seconds(),
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), usage.Maxrss>>10)

	got := decodeJSON[report](t, stdout.String())
	if !maps.Equal(got.ByHTTPStatus, c.byStatus) || !maps.Equal(got.ByCode, c.byCode) || got.Rejected != 0 {
		t.Errorf("got %v, %v, %d rejected; want %v, %v, none", got.ByHTTPStatus, got.ByCode, got.Rejected, c.byStatus,
			c.byCode)
	}
	checkOffender(t, decodeJSON[offenders](t, stdout.String()), id, c.offences)
	checkCrowdStored(t, filepath.Join(data, "servers"), c, id)
}

// offenders is what a report says of refused keys.
type offenders struct {
	Who []struct {
		Key      string `json:"key_id"`
		Outcome  string `json:"outcome"`
		Requests uint64 `json:"requests"`
	} `json:"who"`
	Incidents []struct {
		Kind   string `json:"kind"`
		Entity string `json:"entity"`
	} `json:"incidents"`
}

func checkOffender(t *testing.T, r offenders, id string, offences uint64) {
	t.Helper()
	if len(r.Who) == 0 || r.Who[0].Key != id && r.Who[0].Key != "__other__" {
		t.Errorf("who is refused: got %v first; want %s", r.Who, id)
	}
	named, incident := false, false
	for _, w := range r.Who {
		named = named || w.Key == id && w.Outcome == "rate_limited" && w.Requests == offences
	}
	for _, i := range r.Incidents {
		incident = incident || i.Kind == "offender" && i.Entity == id
	}
	if !named || !incident {
		t.Errorf("the offender: named with %d refused requests %v, incident %v; want both", offences, named, incident)
	}
	t.Logf("%d incidents", len(r.Incidents))
}

// checkCrowdStored looks into the tables that analyze left.
func checkCrowdStored(t *testing.T, dir string, c *crowd, id string) {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	_, _, clickhouse := startSandbox(t, dir)
	number := func(text string) (n uint64) {
		t.Helper()
		if _, err := fmt.Sscan(sql(t, clickhouse, "SELECT "+text), &n); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return n
	}
	for _, r := range aggregate.Rollups() {
		want := c.addressed
		if strings.HasPrefix(r.Name, "agents") {
			want = 0 // no line tells a user agent
		}
		if n := number("sum(requests) FROM statline." + r.Name); n != want {
			t.Errorf("%s: got %d requests; want %d", r.Name, n, want)
		}
	}
	blocks := number("count() FROM statline.ledger WHERE state = 'stored'")
	for _, table := range []string{"responses", "keys", "clients", "keys_hour"} {
		rows := number("count() FROM statline." + table)
		t.Logf("%s: %d rows, %d a block of %d", table, rows, rows/blocks, blocks)
	}
	if n := number("uniqExact(route) FROM statline.responses"); n != 2 {
		t.Errorf("got %d routes; want the template of the UUIDs and the offender's", n)
	}
	budget := aggregate.DefaultConfig().Budget
	for _, d := range []struct {
		table, column, other string
		budget               int
	}{{"keys", "key_id", "__other__", budget.Keys}, {"clients", "client_ip", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		budget.Clients}} {
		names := number(fmt.Sprintf("uniqExactIf(%s, toString(%s) != '%s') FROM statline.%s", d.column, d.column,
			d.other, d.table))
		other := number(fmt.Sprintf("sumIf(requests, toString(%s) = '%s') FROM statline.%s", d.column, d.other,
			d.table))
		t.Logf("%s: %d names, %d requests of others", d.table, names, other)
		if names > blocks*uint64(d.budget) {
			t.Errorf("%s: got %d names in %d blocks; want at most %d a block", d.table, names, blocks, d.budget)
		}
		if beyond := names < uint64(c.names)+1; beyond != (other > 0) {
			t.Errorf("%s: got %d of %d names and %d requests of others", d.table, names, c.names+1, other)
		}
	}
	if n := number("sum(requests) FROM statline.keys WHERE key_id = '" + id + "'"); n != c.offences {
		t.Errorf("the offender: got %d requests; want %d", n, c.offences)
	}
}
