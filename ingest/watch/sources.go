package watch

import (
	"context"
	"strings"

	"statline/classify/detect"
)

// sources are the partitions that blocks came from; there are few.
type sources struct {
	*entities[string, detect.Source, detect.SourceMinute]
}

func newSources(cfg *detect.Config) *sources {
	create := func(name string) detect.Source { return detect.Source{Name: name} }
	s := &sources{newEntities(cfg, detect.Sources(), strings.Compare, create)}
	s.find = named
	return s
}

func (s *sources) take(r *SourceRow) { s.put(s.get(r.Source), r.SourceMinute) }

func (s *sources) read(_ context.Context, _ Evidence, b *Rows, _, _ detect.Minute) error {
	for i := range b.Sources {
		s.take(&b.Sources[i])
	}
	return nil
}

func (s *sources) contributed(l *later, inc *detect.Incident, from, to detect.Minute) (requests, affected uint64) {
	return s.Sums(inc.Rule, l.sources[inc.Entity], from, to)
}
