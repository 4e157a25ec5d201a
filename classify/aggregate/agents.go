package aggregate

import (
	"statline/classify"
	"statline/classify/distinct"
)

// agents are the rows of the table agents. There are few, because a service has tens
// of agents a minute, so no memory is prefetched.
type agents struct {
	index
	rows []agentRow
}

type agentRow struct {
	agent    uint64 // packed
	group    uint32 // of samples: minute, service and outcome
	requests uint64
	keys     distinct.Bitmap
}

func (a *agents) reset() {
	a.index.reset()
	a.rows = append(a.rows[:0], agentRow{}) // row 0 is none
}

// packAgent and unpackAgent convert an agent to one word and back.
func packAgent(a classify.Agent) uint64 {
	return uint64(a.Product)<<32 | uint64(a.Major)<<16 | uint64(a.Minor)
}

func unpackAgent(w uint64) classify.Agent {
	return classify.Agent{Product: uint16(w >> 32), Major: uint16(w >> 16), Minor: uint16(w)}
}

// add counts one response. A key's id is a hash already, so its last byte chooses its
// bit.
func (a *agents) add(group uint32, agent classify.Agent, key *classify.KeyID) {
	packed := packAgent(agent)
	h := uint32(mixWords(packed, uint64(group)))
	n, i := a.probe(h, h)
	for ; n != 0; n, i = a.probe(h, i+1) {
		if row := &a.rows[n]; row.agent == packed && row.group == group {
			break
		}
	}
	if n == 0 {
		a.rows = append(a.rows, agentRow{agent: packed, group: group})
		n = a.insert(h, i)
	}
	row := &a.rows[n]
	row.requests++
	if *key != (classify.KeyID{}) {
		row.keys.Set(key[len(key)-1])
	}
}

// bytes counts a row with its slots, its two output rows and what sorts them.
func (a *agents) bytes() int { return (len(a.rows) - 1) * (56 + 16 + 2*104 + 40) }
