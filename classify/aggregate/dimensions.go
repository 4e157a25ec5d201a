package aggregate

// dimensions numbers distinct (service, route, method) triples. Like names it
// outlives a block.
type dimensions struct {
	index
	services *names
	list     []dimension
	bytes    int
	base     int
}

type dimension struct {
	serviceName, route string
	service            uint32 // its number in names
	method             method
	row                uint32 // the response row of its last response; a guess
}

// trim ends a block. The triples refer to names by number, so they go when those
// have gone.
func (d *dimensions) trim(gone bool) {
	if len(d.list) > knownNames || gone {
		clear(d.list)
		d.list, d.bytes = d.list[:0], 0
		d.index.reset()
	}
	d.base = len(d.list)
	for i := range d.list {
		d.list[i].row = 0
	}
}

func (d *dimensions) number(service, route []byte, m method) uint32 {
	h := uint32(hashBytes(route, hashBytes(service, uint64(m))))
	row, i := d.probe(h, h)
	for ; row != 0; row, i = d.probe(h, i+1) {
		e := &d.list[row-1]
		if e.method == m && e.serviceName == string(service) && e.route == string(route) {
			return row - 1
		}
	}
	id, _ := d.services.number(service)
	d.insert(h, i)
	d.list = append(d.list, dimension{
		serviceName: d.services.list[id], route: string(route), service: id, method: m})
	d.bytes += len(route)
	return uint32(len(d.list) - 1)
}

func (d *dimensions) fresh() int {
	if len(d.list) == d.base {
		return 0
	}
	return (len(d.list) - d.base) * (64 + d.bytes/len(d.list))
}
