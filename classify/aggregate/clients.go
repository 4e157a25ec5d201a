package aggregate

import "statline/classify/distinct"

// clients are the rows of the table clients, laid out like keys.
type clients struct {
	index
	rows     []clientRow
	cold     []uint32
	failures []clientFailure
	keys     sets[words]
}

type clientRow struct {
	ip       words
	group    uint32
	requests uint32 // overflows into Table.carries
}

type clientFailure struct {
	slots uint64
	keys  set[words]
	paths distinct.Bitmap
}

func (c *clients) reset() {
	c.index.reset()
	c.rows = append(c.rows[:0], clientRow{}) // row 0 is none
	c.cold = append(c.cold[:0], 0)
	c.failures = c.failures[:0]
	c.keys.reset()
}

// find returns the row of ip in group, whose hash is h, a new one if need be. It is
// written out, like keys.find: a function for both would look up the row's type, and
// compare through calls, once for each response.
func (c *clients) find(ip words, group, h uint32) uint32 {
	n, i := c.probe(h, h)
	for ; n != 0; n, i = c.probe(h, i+1) {
		if row := &c.rows[n]; row.ip == ip && row.group == group {
			return n
		}
	}
	c.rows = append(c.rows, clientRow{ip: ip, group: group})
	c.cold = append(c.cold, 0)
	return c.insert(h, i)
}

// failure returns the cold part of row n, a new one if need be.
func (c *clients) failure(n uint32) *clientFailure {
	if c.cold[n] == 0 {
		c.failures = append(c.failures, clientFailure{})
		c.cold[n] = uint32(len(c.failures))
	}
	return &c.failures[c.cold[n]-1]
}

// bytes counts a row with its slots and its part of what sorts the rows.
func (c *clients) bytes() int {
	return (len(c.rows)-1)*(24+4+16+sortBytes) + len(c.failures)*(80+64+16) + len(c.keys.members)*(24+16)
}
