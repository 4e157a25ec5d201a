package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"statline/classify"
	"statline/ingest/schema"
)

// keyLabelRow is one row of the table key_labels.
type keyLabelRow struct {
	key      classify.KeyID
	name     string // "" takes the label away
	revision uint64 // the highest wins
}

// SetKeyLabels makes labels, and below them the names given in the console, the only
// labels in the store: it writes new and changed ones, removes the others, and returns
// how many it changed. The same labels again write nothing. If two instances set
// different labels at the same time, the later wins, label by label.
func (s *Store) SetKeyLabels(ctx context.Context, labels map[classify.KeyID]string) (changed int, err error) {
	have, err := Select[struct {
		Key      string `ch:"key_id"`
		Name     string `ch:"name"`
		Revision uint64 `ch:"newest"`
	}](ctx, s,
		"SELECT key_id, argMax(name, revision) AS name, max(revision) AS newest FROM "+s.Table(schema.KeyLabels)+" GROUP BY key_id")
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", schema.KeyLabels, err)
	}
	wanted, err := s.saidLabels(ctx)
	if err != nil {
		return 0, err
	}
	maps.Copy(wanted, labels)
	revision := uint64(time.Now().UnixMicro())
	missing := maps.Clone(wanted)
	var rows []keyLabelRow
	for _, h := range have {
		key, ok := classify.ParseKeyID(h.Key)
		if !ok {
			continue // nobody's key: a hand wrote it
		}
		revision = max(revision, h.Revision+1) // whatever the clocks of the others say
		if wanted[key] != h.Name {
			rows = append(rows, keyLabelRow{key: key, name: wanted[key]})
		}
		delete(missing, key)
	}
	for key, name := range missing {
		rows = append(rows, keyLabelRow{key: key, name: name})
	}
	slices.SortFunc(rows, func(a, b keyLabelRow) int { return slices.Compare(a.key[:], b.key[:]) })
	return len(rows), s.putKeyLabels(ctx, rows, revision)
}

// SetKeyLabel names one key; "" removes the name. after is the newest revision of its
// label.
func (s *Store) SetKeyLabel(ctx context.Context, key classify.KeyID, name string, after uint64) error {
	return s.putKeyLabels(ctx, []keyLabelRow{{key: key, name: name}}, max(after+1, uint64(time.Now().UnixMicro())))
}

// saidLabels are the latest names of keys given in the console.
func (s *Store) saidLabels(ctx context.Context) (map[classify.KeyID]string, error) {
	rows, err := Select[struct {
		Key  string `ch:"key_id"`
		Name string `ch:"name"`
	}](ctx, s, "SELECT incident AS key_id, argMax(text, at) AS name FROM "+s.Table(schema.IncidentNotes)+
		" WHERE action = 'label' GROUP BY key_id HAVING name != ''")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", schema.IncidentNotes, err)
	}
	said := make(map[classify.KeyID]string, len(rows))
	for _, r := range rows {
		if key, ok := classify.ParseKeyID(r.Key); ok {
			said[key] = r.Name
		}
	}
	return said, nil
}

func (s *Store) putKeyLabels(ctx context.Context, rows []keyLabelRow, revision uint64) error {
	for i := range rows {
		rows[i].revision = revision
	}
	cut := sheet{rows: len(rows), partition: onePartition, size: func(i int) int { return len(rows[i].name) }}
	for _, j := range cut.jobs(schema.KeyLabels, keyLabelColumns(rows)) {
		token := fmt.Sprintf("key_labels/%s/%d/%d", rows[0].key, revision, j.chunk)
		if err := s.insert(ctx, j, token, func() error { return nil }); err != nil {
			return fmt.Errorf("insert into %s: %w", schema.KeyLabels, Classify(err))
		}
	}
	return nil
}

func keyLabelColumns(rows []keyLabelRow) []insertColumn {
	type row = keyLabelRow
	return []insertColumn{
		keyText(schema.KeyID, of(rows, func(r *row) classify.KeyID { return r.key })),
		text(schema.Name, of(rows, func(r *row) string { return r.name })),
		u64(schema.Revision, of(rows, func(r *row) uint64 { return r.revision })),
	}
}
