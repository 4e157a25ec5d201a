package store

import (
	"encoding/binary"
	"testing"

	"statline/classify/aggregate"
	"statline/ingest/block"
	"statline/ingest/schema"
)

// Promise: among several unfinished blocks the lost one is told by the sums,
// whichever is finished first; when two sums would explain the table, nothing is
// inserted, and no later block is taken for the lost one.
func TestRestoreAmongUnfinished(t *testing.T) {
	for name, test := range map[string]struct {
		counts [2]uint64 // responses a day of the two blocks
		lost   int       // whose services the engine has lost; they are finished in their order
		want   uint64    // responses a day in the end
		noted  bool      // both are said to be unproven
	}{
		"the first":            {counts: [2]uint64{10, 30}, lost: 0, want: 40},
		"the second":           {counts: [2]uint64{10, 30}, lost: 1, want: 40},
		"none":                 {counts: [2]uint64{10, 30}, lost: -1, want: 40},
		"the first of equals":  {counts: [2]uint64{10, 10}, lost: 0, want: 10, noted: true},
		"the second of equals": {counts: [2]uint64{10, 10}, lost: 1, want: 10, noted: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			id, c := blockOf(900, 1000, 2, 7)
			write(t, s, id, c)
			var ids [2]block.ID
			var contents [2]*block.Contents
			for i, n := range test.counts {
				ids[i], contents[i] = blockOf(int64(100*i), int64(100*i+100), 2, n)
				if err := s.WriteLedger(t.Context(), declared(ids[i], contents[i]), free); err != nil {
					t.Fatal(err)
				}
				there := *contents[i]
				if i == test.lost {
					there.Rows.Services = nil
				}
				if err := s.WriteRows(t.Context(), ids[i], &there, free); err != nil {
					t.Fatal(err)
				}
			}
			for i, id := range ids {
				r, err := s.Restore(t.Context(), id, contents[i])
				if err != nil {
					t.Fatal(err)
				}
				row := stored(id, contents[i])
				if r.Unproven {
					row.Note = block.NoteUnproven
				}
				if r.Unproven != test.noted {
					t.Errorf("block %d: got unproven %t; want %t", i, r.Unproven, test.noted)
				}
				if err := s.WriteLedger(t.Context(), row, free); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := sum(t, s, schema.Services, schema.Requests), 2*(test.want+7); got != want {
				t.Errorf("got %d responses; want %d", got, want)
			}
		})
	}
}

// Promise: of a table that takes several INSERTs one that is lost is inserted
// again, and no other.
func TestRestoreOneInsert(t *testing.T) {
	s := open(t)
	id, c := blockOf(100, 200, 1, 10)
	client := c.Rows.Clients.At(0)
	client.Requests = 2
	var clients []aggregate.ClientRow
	for i := range maxRows + 1000 {
		if i == maxRows {
			client.Requests = 3
		}
		binary.BigEndian.PutUint32(client.ClientIP[12:], uint32(i))
		clients = append(clients, client)
	}
	c.Rows.Clients = aggregate.ListOf(clients)
	c.Rows.Days[0] = aggregate.DayCount{Day: day0, Responses: 10}
	c.Rows.SumDays()
	there := *c
	there.Rows.Clients = aggregate.ListOf(clients[:maxRows])
	if err := s.WriteLedger(t.Context(), declared(id, c), free); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteRows(t.Context(), id, &there, free); err != nil {
		t.Fatal(err)
	}
	for _, days := range []int{1, 0} { // once
		r, err := s.Restore(t.Context(), id, c)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Days) != days || r.Unproven || days == 1 && r.Days[0].Responses != 3000 {
			t.Errorf("got %+v; want %d days of 3000 responses", r, days)
		}
		if got := sum(t, s, schema.Clients, schema.Requests); got != 2*maxRows+3000 {
			t.Errorf("got %d responses; want %d", got, 2*maxRows+3000)
		}
	}
}
