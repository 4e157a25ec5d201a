package main

import (
	"context"
	"errors"
	"fmt"

	"statline/classify/aggregate"
)

// hot compares decode + classify + fold of the statline JSON line with
// ClickHouse on the same bytes and with JSON libraries.
func (b *bench) hot(ctx context.Context) error {
	const stage = "hot path"
	rs, size, err := benchRecords(b.records)
	if err != nil {
		return err
	}
	ours, err := newFoldCost(rs, false)
	if err != nil {
		return err
	}
	some := rs[:min(len(rs), 200_000)]
	fast, err := newSonicCost(ctx, some, b.dir)
	if err != nil {
		return err
	}
	for range b.rounds {
		if err := errors.Join(ours.round(), fast.round(ctx)); err != nil {
			return err
		}
	}
	b.table.add(stage, fmt.Sprintf("decode + classify + fold, bench JSON lines of %d bytes", size/len(rs)),
		fmt.Sprintf("%.3f us CPU a record", ours.perRecord))
	b.table.judge(stage, "heap objects after warm-up, those of a block's end included",
		fmt.Sprintf("%.4f a record", ours.objects), "0", ours.objects < 0.005)
	b.table.add(stage, "rollup rows, blocks as run cuts them, nothing in __other__",
		fmt.Sprintf("%.3f a record (responses %d, keys %d, clients %d of %d records in %d blocks)",
			ours.minuteRowsARecord, ours.responses, ours.keys, ours.clients, len(rs), ours.blocks))
	for _, types := range lineTypes {
		theirs, err := measureClickHouse(rs, types, b.engine, b.dir, max(1, b.rounds/2))
		if err != nil {
			return err
		}
		b.table.add(stage, "ClickHouse on the same bytes, one thread, "+types.name,
			fmt.Sprintf("%.1fx as much: %.2f us CPU a record (parse %.2f, by status %.2f, by key %.2f, by client %.2f)",
				theirs.sum()/ours.perRecord, theirs.sum(), theirs.parse, theirs.status, theirs.key, theirs.client))
	}
	standard, err := measureJSON(some, max(1, b.rounds/2))
	if err != nil {
		return err
	}
	b.table.add(stage, "encoding/json into a struct, nothing else",
		fmt.Sprintf("%.1fx as much: %.2f us", standard/ours.perRecord, standard))
	share := ours.perRecord / fast.perRecord
	b.table.judge(stage, "all of ours beside sonic (fastest settings) into a struct, nothing else",
		fmt.Sprintf("%.2f of its %.2f us", share, fast.perRecord), "<= 0.70", share <= 0.7)
	return nil
}

// formats measures the hot path over other log formats, beside bench JSON lines.
func (b *bench) formats(context.Context) error {
	from, _, err := benchRecords(min(b.records, 300_000))
	if err != nil {
		return err
	}
	own, err := newFoldCost(from, false)
	if err != nil {
		return err
	}
	all := []*foldCost{own}
	for _, f := range formats() {
		rs, err := rendered(f, from)
		if err != nil {
			return err
		}
		c, err := newFoldCost(rs, false)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		all = append(all, c)
	}
	if err := inTurn(all, b.rounds); err != nil {
		return err
	}
	for i, f := range formats() {
		got := all[i+1]
		b.table.judge("formats", fmt.Sprintf("%s, about %d bytes", f.name, len(got.rs[len(got.rs)/2].Value)),
			fmt.Sprintf("%.3f us CPU a record, %.2fx bench JSON", got.perRecord, got.perRecord/own.perRecord),
			fmt.Sprintf("<= %gx", f.target), got.perRecord <= f.target*own.perRecord)
	}
	return nil
}

// inTurn measures each of all once in each round.
func inTurn(all []*foldCost, rounds int) error {
	for range rounds {
		for _, c := range all {
			if err := c.round(); err != nil {
				return err
			}
		}
	}
	return nil
}

// growth measures how the cost of a record depends on the number of distinct
// keys, at the same number of records a minute.
func (b *bench) growth(context.Context) error {
	const minutes = 1
	counts := []int{1000, 10_000, 100_000, 1_000_000}
	var all []*foldCost
	for _, keys := range counts {
		c, err := newFoldCost(growthRecords(2*b.records, minutes, keys), keys > 100_000)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if err := inTurn(all, max(1, b.rounds/2)); err != nil {
		return err
	}
	for i, keys := range counts {
		got := all[i]
		growth := (got.perRecord/all[0].perRecord - 1) * 100
		what := fmt.Sprintf("%d distinct keys among %d records of a minute", keys, len(got.rs))
		measured := fmt.Sprintf("%.3f us CPU a record, %+.0f %%, %.3f rows a record in %d blocks", got.perRecord,
			growth, got.minuteRowsARecord, got.blocks)
		if n := got.other[aggregate.OfKeys]; n > 0 {
			measured += fmt.Sprintf(", %.0f %% of the records in __other__", float64(n)/float64(len(got.rs))*100)
		}
		if keys == 100_000 {
			b.table.judge("growth", what, measured, "< +20 %", growth < 20)
		} else {
			b.table.add("growth", what, measured)
		}
	}
	return nil
}
