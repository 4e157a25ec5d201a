package mend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"statline/ingest/block"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// ForgetStore is what Forget needs of a store.
type ForgetStore interface {
	Audit(ctx context.Context, o store.AuditOptions) (*store.AuditReport, error)
	Traces(ctx context.Context, who store.Person) ([]store.Trace, error)
	Forget(ctx context.Context, who store.Person, done func(store.Trace)) error
	Left(ctx context.Context, who store.Person) ([]string, error)
	WriteLedger(ctx context.Context, row block.LedgerRow, fence func() error) error
}

// Forget takes a key or an address out of a store, and notes in the ledger that it did:
// a row declared before anything is changed, a row stored when it is done. Totals and
// the audit stay what they are; see store.Store.Forget. Every writer has to be stopped.
//
// The note holds a mark of whom, made with the HMAC secret, and by it Repair, Rejects
// and Replay leave the person out of what they read again. It keeps nobody from coming
// back with records that were never read before: that is a new use of the key.
type Forget struct {
	Store ForgetStore
	// Secret makes the mark. Without it there is none: for a store whose blocks are
	// never read again, and that lies beside its secret.
	Secret   []byte
	Instance string
	Version  string
	TTL      schema.TTL
}

// ForgetReport says what Run did.
type ForgetReport struct {
	Traces []store.Trace // what was rewritten
	Left   []string      // columns that operators filled and that still contain the person
}

// Moved is how many responses count for nobody now, by the first table of counts that
// had some.
func Moved(traces []store.Trace, who store.Person) (n uint64) {
	table := schema.Keys
	if who.Client.IsValid() {
		table = schema.Clients
	}
	for _, t := range traces {
		if t.Table == table {
			n += t.Requests
		}
	}
	return n
}

// Run forgets who; done is called for every partition that has been written. It is
// safe to repeat after an interruption.
func (f *Forget) Run(ctx context.Context, who store.Person, done func(store.Trace)) (*ForgetReport, error) {
	before, err := f.audit(ctx)
	if err != nil {
		return nil, err
	}
	if before.Pending > 0 {
		return nil,
			fmt.Errorf("forget: %d partitions have an unfinished block, whose rows could come after: let the daemon finish them, then stop it", before.Pending)
	}
	report := &ForgetReport{}
	if report.Traces, err = f.Store.Traces(ctx, who); err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	what, mark := "a key", ""
	if who.Client.IsValid() {
		what = "an address"
	}
	if len(f.Secret) > 0 {
		if mark = keyMark(f.Secret, who.Key); who.Client.IsValid() {
			mark = clientMark(f.Secret, who.Client)
		}
	}
	note := fmt.Sprintf("forgot %s: %d responses count as not told apart", what, Moved(report.Traces, who))
	if err := f.note(ctx, block.Declared, note, mark); err != nil {
		return nil, err
	}
	if err := f.Store.Forget(ctx, who, done); err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	if report.Left, err = f.Store.Left(ctx, who); err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	if err := f.note(ctx, block.Stored, note, mark); err != nil {
		return nil, err
	}
	after, err := f.audit(ctx)
	if err == nil && len(after.Differences) > len(before.Differences) {
		err = fmt.Errorf("forget: afterwards the audit finds %v: did somebody write meanwhile? run: statline repair",
			after.Differences)
	}
	return report, err
}

func (f *Forget) audit(ctx context.Context) (*store.AuditReport, error) {
	report, err := f.Store.Audit(ctx, store.AuditOptions{TTL: f.TTL, Now: time.Now()})
	if err != nil {
		return nil, fmt.Errorf("forget: %w", err)
	}
	return report, nil
}

// note writes the ledger row, which has no offsets: it stands for no block.
func (f *Forget) note(ctx context.Context, state block.State, note, mark string) error {
	now := time.Now()
	if mark != "" {
		note += store.MarkIn + mark
	}
	err := f.Store.WriteLedger(ctx, block.LedgerRow{ID: block.ID{Cluster: "statline", Topic: "forget"},
		Kind: block.KindForget, State: state,
		Instance: f.Instance, Version: f.Version, Note: note, DeclaredUnix: now.Unix(), WrittenAt: now}, nofence)
	if err != nil {
		return errors.Join(errors.New("forget"), err)
	}
	return nil
}
