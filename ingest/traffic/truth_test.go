package traffic_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statline/classify"
	"statline/ingest/decode"
	"statline/ingest/traffic"
)

// counted is what the pipeline's own decoder and classification make of lines.
type counted struct {
	catalogue *classify.Catalogue
	truth     traffic.Truth
}

func (c *counted) Response(r *classify.Response) {
	d := c.catalogue.Decide(r)
	c.truth.Responses++
	c.truth.ByCode[strconv.Itoa(int(d.Code))]++
	c.truth.ByOutcome[d.Outcome.String()]++
	c.truth.ByHTTPStatus[strconv.Itoa(int(r.Status))]++
	c.truth.ByService[string(r.Service)]++
}

func (c *counted) Reject(decode.Reject) { c.truth.Rejected++ }

// What the generator meant and what decode and classify make of it, two
// independent tables, agree on every scenario.
func TestTruthAgreesWithTheClassification(t *testing.T) {
	for _, scenario := range traffic.Scenarios() {
		g, err := traffic.New(traffic.Config{Seed: 12, Scenario: scenario, Count: 60_000, Rate: 40, Malformed: 0.01})
		if err != nil {
			t.Fatal(err)
		}
		d, err := decode.New(decode.Config{Secret: []byte("a secret of a test, long enough to be one")})
		if err != nil {
			t.Fatal(err)
		}
		c := counted{catalogue: classify.Builtin(), truth: traffic.Truth{ByCode: map[string]uint64{},
			ByOutcome: map[string]uint64{}, ByHTTPStatus: map[string]uint64{}, ByService: map[string]uint64{}}}
		for line, _, _, ok := g.Next(nil); ok; line, _, _, ok = g.Next(line[:0]) {
			c.truth.Records++
			d.Decode(line, &c)
		}
		want := g.Truth()
		want.Planted, want.ByMinute, want.First, want.Last = nil, nil, c.truth.First, c.truth.Last
		if diff := cmp.Diff(*want, c.truth); diff != "" {
			t.Errorf("%s: classification differs from what was meant (-meant +classified):\n%s", scenario, diff)
		}
	}
}
