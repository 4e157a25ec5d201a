package block

import "time"

// Counted returns r with the sums of c, whose tables take at most inserts INSERTs
// each.
func (r LedgerRow) Counted(c *Contents, inserts int) LedgerRow {
	r.count(c)
	r.Inserts = uint32(max(inserts, 1)) // 0 says that nobody counted
	return r
}

// Stored returns the row that says that c was written at at: r in the state stored,
// with c's sums.
func (r LedgerRow) Stored(c *Contents, at time.Time) LedgerRow {
	r.State, r.WrittenAt = Stored, at
	r.count(c)
	return r
}

// count copies the sums of a block's contents.
func (r *LedgerRow) count(c *Contents) {
	r.Records, r.Responses, r.Rejected, r.Holes = c.Records, c.Responses, c.Rejected, c.Holes
	r.Days = c.Rows.Days
	r.MinEventUnixMilli, r.MaxEventUnixMilli = c.Rows.MinUnixMilli, c.Rows.MaxUnixMilli
	r.LastRecordUnixMilli = c.LastRecordUnixMilli
}
