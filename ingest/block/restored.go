package block

// Restoration is what a store found missing of a block that an earlier process
// had declared, and has inserted again.
type Restoration struct {
	Days []RestoredDay
	// Unproven: of some day of some table the sums do not say whether the block's
	// rows are there; nothing was inserted. An audit tells when they are not.
	Unproven bool
}

// RestoredDay is the rows of one event day of one table.
type RestoredDay struct {
	Table     string `json:"table"`
	Day       string `json:"day"`
	Responses uint64 `json:"responses"`
}

// NoteUnproven is the note of a stored block whose Restoration was Unproven: the
// next one must not take its rows for stored.
const NoteUnproven = "finished by a later process; the sums do not say whether all rows are stored"
