package aggregate

import (
	"math"
)

// keys are the rows of the table keys. What every response updates is 32 bytes a row;
// what only failures need is stored separately.
type keys struct {
	index
	rows []keyRow
	// cold is parallel to rows: the number of the row's failure plus one.
	cold     []uint32
	failures []keyFailure
	// quotas is parallel to rows, up to the last row that was told its rate limit or
	// that retried: empty in most logs.
	quotas []KeyTold
	ips    sets[words]
	agents sets[uint32] // numbers of user agents
}

type keyRow struct {
	key      words
	group    uint32
	requests uint32 // overflows into Table.carries
	bytes    uint64
}

type keyFailure struct {
	slots              uint64
	countMax, limitMax uint32
	first, last        uint32
	ips                set[words]
	agents             set[uint32]
}

func (k *keys) reset() {
	k.index.reset()
	k.rows = append(k.rows[:0], keyRow{}) // row 0 is none
	k.cold = append(k.cold[:0], 0)
	k.failures = k.failures[:0]
	k.quotas = k.quotas[:0]
	k.ips.reset()
	k.agents.reset()
}

// rowHash is the hash of a key's or a client's row.
func rowHash(high, low uint64, group uint32, seed uint64) uint32 {
	return uint32(mixWords(high^seed, low^uint64(group)*mix3))
}

// find returns the row of key in group, whose hash is h, a new one if need be.
func (k *keys) find(key words, group, h uint32) uint32 {
	n, i := k.probe(h, h)
	for ; n != 0; n, i = k.probe(h, i+1) {
		if row := &k.rows[n]; row.key == key && row.group == group {
			return n
		}
	}
	k.rows = append(k.rows, keyRow{key: key, group: group})
	k.cold = append(k.cold, 0)
	return k.insert(h, i)
}

// failure returns the cold part of row n, a new one if need be.
func (k *keys) failure(n uint32) *keyFailure {
	if k.cold[n] == 0 {
		k.failures = append(k.failures, keyFailure{first: math.MaxUint32})
		k.cold[n] = uint32(len(k.failures))
	}
	return &k.failures[k.cold[n]-1]
}

// quota is the rate limit that row n was told, and its retries.
func (k *keys) quota(n uint32) *KeyTold {
	if more := int(n) + 1 - len(k.quotas); more > 0 {
		k.quotas = append(k.quotas, make([]KeyTold, more)...)
	}
	return &k.quotas[n]
}

// bytes counts a row with its slots, its row of an hour, and its part of what sorts
// the rows: blocks share that. Failures are kept twice more, of minutes and of hours.
func (k *keys) bytes() int {
	told := 0
	if len(k.quotas) > 0 {
		told = 2 * 24
	}
	return (len(k.rows)-1)*(32+4+16+12+sortBytes+told) + len(k.failures)*(88+2*(96+16)) +
		len(k.ips.members)*(24+2*16) + len(k.agents.members)*(16+2*16)
}

// sortBytes is a row's part of a Sorter.
const sortBytes = 24
