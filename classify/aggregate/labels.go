package aggregate

// labels keeps the gateway's name of a key: of several names the latest by event time,
// then the greatest.
type labels struct {
	index
	list []label
}

type label struct {
	key   words
	milli int64
	name  uint32
}

func (l *labels) reset() {
	l.index.reset()
	l.list = l.list[:0]
}

func (l *labels) add(key words, name uint32, milli int64, known *names) {
	h := rowHash(key[0], key[1], 0, 0)
	row, i := l.probe(h, h)
	for ; row != 0; row, i = l.probe(h, i+1) {
		e := &l.list[row-1]
		if e.key != key {
			continue
		}
		if milli > e.milli || milli == e.milli && name != e.name && known.list[name] > known.list[e.name] {
			e.milli, e.name = milli, name
		}
		return
	}
	l.insert(h, i)
	l.list = append(l.list, label{key, milli, name})
}

func (l *labels) bytes() int { return len(l.list) * (32 + 16 + 32) }
