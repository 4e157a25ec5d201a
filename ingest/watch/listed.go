package watch

import (
	"context"

	"statline/classify/detect"
)

// listed is a family whose rows all come with the rows of minutes (Rows): nothing is
// read for single entities. W is such a row.
type listed[K comparable, E, R, W any] struct {
	*entities[K, E, R]
	rows  func(*Rows) []W
	split func(*W) (K, R)
	later func(*later) map[string][]R
}

func (s *listed[K, E, R, W]) take(rows []W) {
	for i := range rows {
		id, row := s.split(&rows[i])
		s.put(s.get(id), row)
	}
}

func (s *listed[K, E, R, W]) read(_ context.Context, _ Evidence, b *Rows, _, _ detect.Minute) error {
	s.take(s.rows(b))
	return nil
}

func (s *listed[K, E, R, W]) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests,
	affected uint64) {
	return s.Sums(inc.Rule, s.later(l)[inc.Entity], from, to)
}
