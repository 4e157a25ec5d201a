package aggregate

// dimensions numbers distinct (service, route, method, error type). Like names it
// outlives a block.
type dimensions struct {
	index
	services   *names
	errorTypes *names
	list       []dimension
	bytes      int
	base       int
}

type dimension struct {
	serviceName, route, errorName string
	service                       uint32 // its number in names
	errorType                     uint32 // its number in names plus one, 0 for none
	method                        method
	row                           uint32 // the response row of its last response; a guess
}

// trim ends a block. They refer to names by number, so they go when those
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

func (d *dimensions) number(service, route, errorType []byte, m method) uint32 {
	seed := hashBytes(service, uint64(m))
	if len(errorType) > 0 {
		seed = hashBytes(errorType, seed)
	}
	h := uint32(hashBytes(route, seed))
	row, i := d.probe(h, h)
	for ; row != 0; row, i = d.probe(h, i+1) {
		e := &d.list[row-1]
		if e.method == m && e.serviceName == string(service) && e.route == string(route) &&
			len(e.errorName) == len(errorType) && (len(errorType) == 0 || e.errorName == string(errorType)) {
			return row - 1
		}
	}
	id, _ := d.services.number(service)
	d.insert(h, i)
	e := dimension{serviceName: d.services.list[id], route: string(route), service: id, method: m}
	if len(errorType) > 0 {
		n, _ := d.errorTypes.number(errorType)
		e.errorName, e.errorType = d.errorTypes.list[n], n+1
	}
	d.list = append(d.list, e)
	d.bytes += len(route)
	return uint32(len(d.list) - 1)
}

func (d *dimensions) fresh() int {
	if len(d.list) == d.base {
		return 0
	}
	return (len(d.list) - d.base) * (88 + d.bytes/len(d.list))
}
