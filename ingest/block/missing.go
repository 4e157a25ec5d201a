package block

// Ends is how far the ledger goes on one partition, in the newest epoch that has rows
// of it. A partition whose log did not change stays in an older epoch than the topic's
// newest.
type Ends struct {
	Epoch uint32
	// Known is set when the ledger has the partition; End is then the offset up to
	// which everything is stored.
	Known bool
	End   int64
	// Uncovered counts the offsets between its first row and End that no block or
	// gap covers.
	Uncovered int64
}

// Missing is the offsets [First, End) of a partition that the group has committed and
// the ledger does not have. Their records are missing in the store, as after an older
// backup was restored, although the group's commit alone says that all is well. First
// is -1 when the ledger has nothing of the partition.
type Missing struct {
	Partition  int32
	First, End int64
}

// MissingOf compares a partition's commit with the ledger. Read the commit first: a
// block is in the ledger before its end is committed, so what is read in this order
// agrees even while blocks are being stored.
func MissingOf(partition int32, c Committed, l Ends) (m Missing, missing bool) {
	switch epoch, _, ours := markOf(c.Metadata); {
	case c.Offset < 0, ours && epoch < l.Epoch:
		return m, false // nothing was committed in this life of the topic
	case isStart(c.Metadata, epoch) && (!l.Known || epoch > l.Epoch):
		return m, false // its first row is about to be written
	case !l.Known, ours && epoch > l.Epoch:
		return Missing{partition, -1, c.Offset}, true
	}
	return Missing{partition, l.End, c.Offset}, c.Offset > l.End
}
