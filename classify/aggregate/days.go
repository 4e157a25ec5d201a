package aggregate

const daySeconds = 86_400

// SumDays sets Keyed, Addressed and Agented of every day in r.Days from the rows of
// Keys, Clients and Agents, which must be sorted by day. Not every response has a
// key, a known address or a user agent, so the audit cannot derive these sums from
// Responses. Calling it again changes nothing.
func (r *Rows) SumDays() {
	for i := range r.Days {
		r.Days[i].Keyed, r.Days[i].Addressed, r.Days[i].Agented = 0, 0, 0
	}
	var key KeyRow
	d := 0
	for i := range r.Keys.n {
		row := r.Keys.at(i, &key)
		if d = r.seekDay(d, row.Minute); d == len(r.Days) {
			break
		}
		r.Days[d].Keyed += row.Requests
	}
	var client ClientRow
	d = 0
	for i := range r.Clients.n {
		row := r.Clients.at(i, &client)
		if d = r.seekDay(d, row.Minute); d == len(r.Days) {
			break
		}
		r.Days[d].Addressed += row.Requests
	}
	d = 0
	for i := range r.Agents {
		if d = r.seekDay(d, r.Agents[i].Minute); d == len(r.Days) {
			break
		}
		r.Days[d].Agented += r.Agents[i].Requests
	}
}

// seekDay is the index of minute's day in r.Days, searched from d on: every minute of
// the rows has its day there.
func (r *Rows) seekDay(d int, minute uint32) int {
	for d < len(r.Days) && r.Days[d].Day < int32(minute/daySeconds) {
		d++
	}
	return d
}
