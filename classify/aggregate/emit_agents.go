package aggregate

import (
	"cmp"
	"slices"

	"statline/classify"
	"statline/classify/agent"
)

// emitAgents sorts the rows and merges rows that are equal after budgets.
func (t *Table) emitAgents(other *Others) {
	o := &t.out
	o.agentRows = o.agentRows[:0]
	names := t.agentNames()
	truncated := o.resolved.truncatedServices
	for i := 1; i < len(t.agents.rows); i++ {
		truncated = truncated || names[t.agents.rows[i].agent].beyond
	}
	for i := 1; i < len(t.agents.rows); i++ {
		row := &t.agents.rows[i]
		group := t.samples.groups.keys[row.group]
		name := names[row.agent]
		if name.beyond {
			other[OfAgents] += row.requests
		}
		o.agentRows = append(o.agentRows, AgentRow{
			Minute:  minuteIn(group[0]) * 60,
			Service: o.resolved.serviceNames[o.resolved.serviceRank[numberIn(group[0])]],
			Class:   name.class, Agent: name.name, Outcome: classify.Outcome(group[1]),
			Requests: row.requests, Keys: row.keys, Truncated: truncated,
		})
	}
	o.agentRows = mergeAgents(o.agentRows)
}

// emitAgentsHour merges the minute rows of an hour.
func (t *Table) emitAgentsHour() {
	o := &t.out
	o.agentsHour = append(o.agentsHour[:0], o.agentRows...)
	for i := range o.agentsHour {
		o.agentsHour[i].Minute = o.agentsHour[i].Minute / 3600 * 3600
	}
	o.agentsHour = mergeAgents(o.agentsHour)
}

// mergeAgents sorts rows and merges those with the same dimensions.
func mergeAgents(rows []AgentRow) []AgentRow {
	slices.SortFunc(rows, func(a, b AgentRow) int { return a.compare(&b) })
	w := 0
	for i := range rows {
		if w > 0 && rows[w-1].compare(&rows[i]) == 0 {
			rows[w-1].Requests += rows[i].Requests
			rows[w-1].Keys.Join(rows[i].Keys)
			continue
		}
		rows[w] = rows[i]
		w++
	}
	return rows[:w]
}

func (r *AgentRow) compare(o *AgentRow) int {
	return cmp.Or(cmp.Compare(r.Minute, o.Minute), cmp.Compare(r.Service, o.Service), cmp.Compare(r.Class, o.Class),
		cmp.Compare(r.Agent, o.Agent), cmp.Compare(r.Outcome, o.Outcome))
}

// agentName is the name of an agent in the block's rows. Over the budget only its
// class is kept.
type agentName struct {
	class, name string
	beyond      bool
}

// agentNames returns the names of the block's agents by packed number. Two agents may
// have the same name.
func (t *Table) agentNames() map[uint64]agentName {
	names := map[uint64]agentName{}
	weights := map[agentName]weight{}
	for i := 1; i < len(t.agents.rows); i++ {
		row := &t.agents.rows[i]
		name, ok := names[row.agent]
		if !ok {
			a := unpackAgent(row.agent)
			name = agentName{class: agent.ClassOf(a).String(), name: agent.Name(a)}
			names[row.agent] = name
		}
		w := weights[name]
		w.add(classify.Outcome(t.samples.groups.keys[row.group][1]), row.requests)
		weights[name] = w
	}
	if len(weights) <= t.config.Budget.Agents {
		return names
	}
	list := make([]agentName, 0, len(weights))
	for n := range weights {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b agentName) int {
		return cmp.Or(weights[a].compare(weights[b]), cmp.Compare(a.name, b.name), cmp.Compare(a.class, b.class))
	})
	kept := make(map[agentName]bool, t.config.Budget.Agents)
	for _, n := range list[:t.config.Budget.Agents] {
		kept[n] = true
	}
	for packed, n := range names {
		if !kept[n] {
			names[packed] = agentName{class: n.class, name: classify.Other, beyond: true}
		}
	}
	return names
}
