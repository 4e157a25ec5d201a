package block

// Restoration is what a store found missing of a block that an earlier process had
// declared, and has inserted again.
type Restoration struct {
	Days []RestoredDay
	// Unproven: for some day of some table the sums do not tell whether the block's
	// rows are there, so nothing was inserted. If they are missing, an audit finds out.
	Unproven bool
}

// RestoredDay is the rows of one event day of one table.
type RestoredDay struct {
	Table     string `json:"table"`
	Day       string `json:"day"`
	Responses uint64 `json:"responses"`
}

// NoteUnproven is the note of a stored block whose Restoration was Unproven: the next
// block must not count its rows as stored.
const NoteUnproven = "finished by a later process; the sums do not say whether all rows are stored"
