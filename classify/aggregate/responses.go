package aggregate

// responses are the rows of the table responses. A row fills one cache line.
type responses struct {
	index
	rows       []responseRow
	upstream   []upstream // parallel to rows: many logs do not have it
	histograms histograms
}

type responseRow struct {
	cell                               uint64 // minute and number of dimensions
	answer                             answer
	requests, bytes, drift, latency    uint64
	keyGroup, clientGroup, sampleGroup uint32
	histogram                          uint32
}

type upstream struct {
	requests, micros uint64
	histogram        uint32 // made with the first time, 0 without one
	retries          uint32 // requests that declared not to be the first try
}

func (r *responses) reset() {
	r.index.reset()
	r.rows = append(r.rows[:0], responseRow{cell: ^uint64(0)}) // row 0 is none
	r.upstream = append(r.upstream[:0], upstream{})
	r.histograms.reset()
}

// find returns the row of (cell, answer), 0 when there is none; then add may
// follow with the hash and position.
func (r *responses) find(cell uint64, a answer) (n, h, at uint32) {
	h = uint32(mixWords(cell, uint64(a)))
	for n, at = r.probe(h, h); n != 0; n, at = r.probe(h, at+1) {
		if row := &r.rows[n]; row.cell == cell && row.answer == a {
			break
		}
	}
	return n, h, at
}

func (r *responses) add(row responseRow, h, at uint32) uint32 {
	row.histogram = r.histograms.newDirectory()
	r.rows = append(r.rows, row)
	r.upstream = append(r.upstream, upstream{})
	return r.insert(h, at)
}

// bytes counts a row with its slots, directories, and its two output rows.
func (r *responses) bytes() int {
	return (len(r.rows)-1)*(64+24+16+2*288) + (len(r.histograms.directories)-1)*octaves*4 +
		(len(r.histograms.pages)-1)*(subBuckets+2*subBuckets*10/4) +
		len(r.histograms.wides)*subBuckets*8
}
