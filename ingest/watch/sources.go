package watch

import (
	"strings"

	"statline/classify/detect"
)

// sources are the partitions that blocks came from; there are few.
type sources = listed[string, detect.Source, detect.SourceMinute, SourceRow]

func newSources(cfg *detect.Config) *sources {
	create := func(name string) detect.Source { return detect.Source{Name: name} }
	s := &sources{newEntities(cfg, detect.Sources(), strings.Compare, create),
		func(b *Rows) []SourceRow { return b.Sources },
		func(r *SourceRow) (string, detect.SourceMinute) { return r.Source, r.SourceMinute },
		func(l *later) map[string][]detect.SourceMinute { return l.sources }}
	s.find = named
	return s
}
