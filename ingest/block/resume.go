package block

import (
	"fmt"
	"time"
)

// gapHash is the config_hash of a declaration that declares a gap: a range
// without rows.
const gapHash = "gap"

// known is everything that decide takes into account.
type known struct {
	commit               Committed
	ledger               Ledger
	logStart, lastStable int64
	topicID              string  // as the cluster tells it now
	stored, declared     witness // the last records of the ledger's rows, where the log has them
	now                  time.Time
}

// plan is how a partition resumes.
type plan struct {
	epoch uint32
	// newest is the newest epoch of the topic that is known.
	newest uint32
	// start is set when neither the group nor the ledger has the partition yet:
	// the start is marked in the group and in the ledger before anything else.
	start bool
	// from is the offset to go on from. commit says that the group has to be told so,
	// because everything below is stored.
	from   int64
	commit bool
	// redo is a declared range at or above from that is not stored; it is finished
	// exactly. inserted is its row in the ledger; if there is one, some of its rows may
	// be stored. lost counts its offsets below the log's start.
	redo     *Declaration
	inserted *LedgerRow
	lost     int64
	// gap is a range without rows that comes next, note is why.
	gap  *Declaration
	note string
	warn string
}

// decide is the resume table: one named decision for each case.
func decide(c Config, k known) (plan, error) {
	if err := oneWriter(c, k); err != nil {
		return plan{}, err
	}
	newest := max(c.Epoch, k.ledger.Epoch)
	epoch, warn, err := liveEpoch(c, &k)
	if err != nil {
		return plan{}, err
	}
	p := plan{epoch: epoch, newest: newest, warn: warn}
	declared, isDeclared := ParseDeclaration(k.commit.Metadata)
	isDeclared = isDeclared && declared.First == k.commit.Offset

	switch end, inLedger := ledgerEnd(k.ledger); {
	case !inLedger:
		err = p.resumeUnknown(c, k, declared, isDeclared)
	default:
		err = p.resumeAfter(c, k, end, declared, isDeclared)
	}
	if err != nil {
		return plan{}, err
	}
	if err := p.checkTokens(c, k); err != nil {
		return plan{}, err
	}
	if err := p.checkLog(c, k); err != nil {
		return plan{}, err
	}
	return p, nil
}

// newEpoch says how to continue with a topic that was recreated.
func newEpoch(old uint32) string {
	return fmt.Sprintf("set epoch=%d to count it as a new topic", old+1)
}

// oneWriter refuses a partition that another group writes: Kafka fences only inside a
// group.
func oneWriter(c Config, k known) error {
	for _, row := range []*LedgerRow{k.ledger.Last, k.ledger.Pending} {
		if row == nil || row.Group == c.Group || c.Takeover {
			continue
		}
		if age := k.now.Sub(row.WrittenAt); age < writerQuiet {
			return fmt.Errorf("%w: group %q, instance %q wrote [%d,%d) %s ago; stop it, or set takeover to follow it",
				ErrOtherWriter, row.Group, row.Instance, row.First, row.End, age.Round(time.Second))
		}
	}
	return nil
}

// ledgerEnd is the offset up to which everything is in the ledger.
func ledgerEnd(l Ledger) (int64, bool) {
	switch {
	case l.Last != nil:
		return l.Last.End, true
	case l.Pending != nil:
		return l.Pending.First, true
	}
	return 0, false
}

// resumeUnknown resumes a partition of which the ledger has nothing.
func (p *plan) resumeUnknown(c Config, k known, declared Declaration, isDeclared bool) error {
	p.start = true
	at := k.commit.Offset
	switch {
	case isStart(k.commit.Metadata, p.epoch) && at >= 0:
		p.from = at
	case at >= 0 && c.ResumeAt == AtGroup:
		p.from = at
		if isDeclared && declared.ConfigHash != gapHash {
			p.redo = &declared
		}
	case at >= 0 && c.ResumeAt == Refuse:
		return fmt.Errorf("%w: the group has committed %d and the ledger is empty; set resume-at=group to go on there, or resume-at=ledger to start anew", ErrRowsMissing, at)
	case c.From == Latest && c.Start.End >= 0 && c.Start.Epoch == p.epoch && !differ(c.Start.TopicID, k.topicID):
		p.from = min(max(c.Start.End, k.logStart), k.lastStable)
	default:
		p.from = k.logStart
	}
	return nil
}

// resumeAfter resumes a partition of which the ledger has everything below end.
func (p *plan) resumeAfter(c Config, k known, end int64, declared Declaration, isDeclared bool) error {
	p.from = end
	pending := k.ledger.Pending
	if pending != nil && pending.First < end {
		pending = nil // finished under another range: below the log's start, or repaired
	}
	if pending != nil {
		p.redo = &Declaration{Epoch: p.epoch, First: pending.First, End: pending.End,
			ConfigHash: pending.ConfigHash, UnixSeconds: pending.DeclaredAt()}
		p.inserted = pending
	}
	at := k.commit.Offset
	switch {
	case isDeclared && declared.First < end && declared.End > end && c.ResumeAt != AtLedger:
		return fmt.Errorf("%w: declared [%d,%d), stored up to %d; set resume-at=ledger to go on where the rows end",
			ErrOverlap, declared.First, declared.End, end)
	case at > end && c.ResumeAt == Refuse:
		return fmt.Errorf("%w: the ledger ends at %d, the group has committed %d; set resume-at=ledger to read the records between them again, or resume-at=group to leave them out", ErrRowsMissing, end, at)
	case at > end && c.ResumeAt == AtGroup:
		return p.leaveOut(at, end, declared, isDeclared)
	case at == end && isDeclared:
		p.adopt(declared)
	case at > end:
		p.commit = true // AtLedger: back to the ledger's end
	case at < end:
		p.commit = true
		// A crash between the ledger row and the commit is an ordinary way to get here
		// and not worth a warning.
		if at >= 0 && !(isDeclared && declared.End == end) {
			p.warn = fmt.Sprintf("the group has committed %d; resuming at the ledger's end", at)
		}
	}
	return nil
}

// adopt takes over what the group declared at from.
func (p *plan) adopt(d Declaration) {
	switch {
	case d.ConfigHash == gapHash:
		p.gap, p.redo, p.inserted = &d, nil, nil
		p.note = "declared by a predecessor"
	case p.redo == nil || p.redo.First > d.First:
		p.redo, p.inserted = &d, nil
	case p.redo.End == d.End:
		// The same range: the ledger tells the rules and the time under which rows may
		// have been stored.
	default:
		// The ledger's range is written after the group's, so only rows of the ledger's
		// range may be stored.
		p.warn = fmt.Sprintf("declared [%d,%d) in the group and [%d,%d) in the ledger; finishing the ledger's",
			d.First, d.End, p.redo.First, p.redo.End)
	}
}

// leaveOut resumes at the group's commit, as the operator chose. The rows between the
// ledger's end and the commit stay missing.
func (p *plan) leaveOut(at, end int64, declared Declaration, isDeclared bool) error {
	if p.redo != nil && p.redo.First < at {
		return fmt.Errorf("%w [%d,%d) lies before the group's commit %d: run repair first", ErrPartialBlock,
			p.redo.First, p.redo.End, at)
	}
	p.gap = &Declaration{Epoch: p.epoch, First: end, End: at, ConfigHash: gapHash}
	p.note = "resumed at the group's commit by the operator"
	if isDeclared && declared.ConfigHash != gapHash && p.redo == nil {
		p.redo = &declared
	}
	return nil
}

// checkTokens refuses to finish a block whose tokens may be forgotten.
func (p *plan) checkTokens(c Config, k known) error {
	if p.redo == nil || p.inserted == nil {
		return nil
	}
	age := k.now.Sub(time.Unix(p.redo.UnixSeconds, 0))
	if age > c.Tokens.Age || k.ledger.BlocksSince > c.Tokens.Blocks {
		return fmt.Errorf("%w [%d,%d) older than the token window: declared %s ago, %d blocks since; run repair",
			ErrPartialBlock, p.redo.First, p.redo.End, age.Round(time.Second), k.ledger.BlocksSince)
	}
	return nil
}

// checkLog compares the plan with what the log still has.
func (p *plan) checkLog(c Config, k known) error {
	if p.from > k.lastStable {
		return fmt.Errorf("%w: stored up to %d, the log ends at %d; %s", ErrRecreated, p.from, k.lastStable,
			newEpoch(p.newest))
	}
	if p.redo != nil && p.redo.End > k.lastStable {
		return fmt.Errorf("%w: declared [%d,%d), the log ends at %d; %s", ErrRecreated, p.redo.First, p.redo.End,
			k.lastStable, newEpoch(p.newest))
	}
	if p.from >= k.logStart || p.gap != nil {
		return nil
	}
	if c.OnGap == Fail {
		return fmt.Errorf("%w: offsets [%d,%d) were deleted by retention; set on-gap=skip to leave them out", ErrGap,
			p.from, k.logStart)
	}
	if p.redo != nil && p.redo.First == p.from && p.inserted != nil {
		p.lost = min(k.logStart, p.redo.End) - p.redo.First
		return nil
	}
	upTo := k.logStart
	if p.redo != nil && p.inserted != nil {
		upTo = min(upTo, p.redo.First)
	} else if p.redo != nil && p.redo.First < upTo {
		p.redo = nil // declared, but nothing of it was inserted
	}
	p.gap = &Declaration{Epoch: p.epoch, First: p.from, End: upTo, ConfigHash: gapHash}
	p.note = noteRetention
	return nil
}

const noteRetention = "deleted by retention before it was read"
