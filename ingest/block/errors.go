package block

import (
	"errors"

	"statline/ingest/retry"
)

// Sentinels that the protocol decides on. Drivers wrap them, and those of
// package retry.
var (
	// ErrFenced: the partition belongs to another member or generation now.
	ErrFenced = errors.New("fenced: the partition has moved to another member")
	// ErrOutOfRange: the offset is below the log's start or beyond its end.
	ErrOutOfRange = errors.New("offset out of the retained range")
	// ErrOtherRules: this binary cannot fold a block as it was declared.
	ErrOtherRules = errors.New("declared under rules that this binary and configuration do not have")
)

// Refusals: the partition stops and an operator decides. Each wraps
// retry.ErrPermanent, so nothing retries them. Their texts name the option to set, as
// it is called in flags, environment and configuration file.
var (
	// ErrPartialBlock: a block may be partly inserted and the store may have
	// forgotten its tokens.
	ErrPartialBlock = refusal("partial block")
	// ErrRowsMissing: the group's commit is ahead of the ledger.
	ErrRowsMissing = refusal("rows are missing between the ledger and the group's commit")
	// ErrRecreated: the log is not the one that the ledger describes, or that was read
	// earlier.
	ErrRecreated = refusal("the topic was recreated")
	// ErrCut: the log is the same, but ends below what is stored or has other records
	// there: brokers lost the end of it.
	ErrCut = refusal("the log has lost records that are stored")
	// ErrOtherWriter: another consumer group wrote this partition minutes ago.
	ErrOtherWriter = refusal("another consumer group writes this partition")
	// ErrGap: records that were never stored are no longer in the log.
	ErrGap = refusal("records are gone before they were stored")
	// ErrEpoch: the ledger or the group knows a newer life of the topic.
	ErrEpoch = refusal("older epoch")
	// ErrOverlap: the declared range and the ledger contradict each other.
	ErrOverlap = refusal("declared range overlaps stored rows")
)

type refused struct{ text string }

func refusal(text string) error { return &refused{text} }

func (r *refused) Error() string        { return r.text }
func (r *refused) Is(target error) bool { return target == retry.ErrPermanent }
