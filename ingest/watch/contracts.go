package watch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"statline/classify/detect"
)

// contracts are the pairs that break the contract.
type contracts struct {
	*entities[Pair, detect.Contract, detect.ContractMinute]
}

func newContracts(cfg *detect.Config) *contracts {
	c := &contracts{newEntities(cfg, detect.Contracts(), comparePairs, newContract)}
	c.find = pairOf
	return c
}

func newContract(p Pair) detect.Contract {
	return detect.Contract{
		Service: p.Service, Code: p.Code, HTTPStatus: p.HTTPStatus, Reason: p.Reason, Catalogue: p.Catalogue,
	}
}

func comparePairs(a, b Pair) int {
	return cmp.Or(strings.Compare(a.Service, b.Service), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.HTTPStatus, b.HTTPStatus), cmp.Compare(a.Reason, b.Reason))
}

// pairOf finds the pair that an incident of a contract names.
func pairOf(name string, stored []Stored) (Pair, bool) {
	i := slices.IndexFunc(stored,
		func(r Stored) bool { return r.EntityType == detect.ContractEntity && r.Entity == name })
	if i < 0 {
		return Pair{}, false
	}
	r := &stored[i]
	return Pair{
		Service: r.Service, Code: r.Evidence.Code, HTTPStatus: r.Evidence.HTTPStatus,
		Reason: detect.ContractReason(r.Evidence.Reason), Catalogue: r.Evidence.Catalogue,
	}, true
}

func (c *contracts) read(ctx context.Context, ev Evidence, b *Rows, _, _ detect.Minute) error {
	return c.take(ctx, ev, b.Contracts)
}

func (c *contracts) take(ctx context.Context, ev Evidence, rows []ContractRow) error {
	for i := range rows {
		r := &rows[i]
		x := c.of[r.Pair]
		if x == nil {
			seen, err := ev.PairSeen(ctx, r.Pair, r.Minute)
			if err != nil {
				return fmt.Errorf("look up when %s/%d/%d was seen: %w", r.Pair.Service, r.Pair.Code, r.Pair.HTTPStatus,
					err)
			}
			x = c.get(r.Pair)
			x.is.LastBefore = seen
		}
		c.put(x, r.ContractMinute)
	}
	return nil
}

// forget remembers when a pair was seen before its rows are dropped.
func (c *contracts) forget(settled detect.Minute) {
	old := settled - detect.ContractLookback
	for p, x := range c.of {
		for len(x.rows) > 0 && x.rows[0].Minute <= old {
			if x.rows[0].Count > 0 {
				x.is.LastBefore = x.rows[0].Minute
			}
			x.rows = x.rows[1:]
		}
		if len(x.rows) == 0 && !x.remembers(settled) && x.is.LastBefore <= old-detect.ContractMemory {
			delete(c.of, p)
		}
	}
}

func (c *contracts) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	return c.Sums(inc.Rule, l.contracts[inc.Entity], from, to)
}
