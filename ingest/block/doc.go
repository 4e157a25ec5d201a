// Package block moves one Kafka partition into the store exactly once. It is
// a state machine over two small interfaces, Partition and Store, and imports
// no driver.
//
//	resume -> recover -> declare -> insert -> commit -> fill -> declare -> ...
//
// A block is an offset range [first, end). Its range is declared in Kafka (an
// offset commit of first whose metadata names the range, fenced by generation
// and member) and then in the ledger, before any of its rows is written. Its
// rows follow, then the ledger row "stored", then the commit of end.
//
// Why it is exactly once. The rows of a block are a function of its records,
// of its declaration's time and of config_hash, and the token of each insert is a function of the
// block's range alone. Whoever dies after the declaration leaves a range that
// the next owner reads from Kafka or from the ledger, and that it must finish
// unchanged: what was already inserted is dropped by its token, what was not
// is inserted. Whoever dies before the declaration has written nothing. A
// range that was declared can therefore be neither cut differently nor
// skipped nor counted twice. An instance that lost its partition cannot
// declare (Kafka fences it); what it still inserts of a range it declared
// earlier carries the same tokens as its successor's.
//
// Rows depend on one clock: a record whose timestamp in Kafka tells nothing (see
// Stamped) is folded beside the time of its block. That is fixed when the first
// such record is read, declared, and in the block's ledger rows, so that whoever
// folds the range again goes by it too.
//
// The configuration behind a config_hash is in the store before the first block
// is declared under it, so that a block is finished under the rules that it was
// declared under, whatever is configured since. What a binary cannot fold as it
// was declared (another version's block) it finishes only when that comes to the
// same: none of its rows is stored, or each table is one INSERT under both rules,
// with the same sums. Anything else is refused with ErrPartialBlock.
//
// It holds under these assumptions, and each is checked, the last one after the
// fact:
//   - Retention: a declared range is still in the log when it is finished.
//     Otherwise the partition stops, or writes a gap row, as configured.
//   - Token window: the store remembers tokens for longer than a block stays
//     unfinished. An older one is refused with ErrPartialBlock, never guessed.
//   - Clock: the age of a declaration is compared between instances, so their
//     clocks agree within an hour or so. Nothing else inside a block uses a clock.
//   - One writer: one consumer group writes a partition's rows. Another
//     group's ledger row younger than ten minutes is refused.
//   - Reading is repeatable: the topic is not compacted.
//   - One log: the topic is the one that the ledger's rows were read of. One that
//     is deleted and made again under its name is told by its id, or by a record's
//     timestamp where there are no ids (identity.go says when, and what is left).
//   - Server: the store keeps a token exactly when it keeps the insert. A
//     ClickHouse server on replicated tables does. On others it writes the token
//     to disk just before it commits the part, so a server killed in between
//     drops the repetition of an insert that it has lost. This one is not
//     prevented: the audit finds it (a rollup holds less than the ledger says),
//     and the command repair inserts the rows again as long as Kafka has the
//     records of that day (see mend.Repair.Lost). Who reads files looks for such
//     rows when it finishes a block of an earlier run (see store.Store.Restore):
//     a file's block cannot be read again later.
//
// What it does not do: duplicates that a producer wrote are two records and
// are counted as two.
package block
