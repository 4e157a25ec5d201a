// Package traffic generates labelled API traffic: log lines for the pipeline
// (Generator) and aggregate rows for the detectors (World). Its guarantee: the
// same configuration gives the same bytes (on one processor architecture:
// floating point may round differently on another), and the generator counts what it
// means by each line without the packages under test, so its Truth is independent of
// them. There is no global randomness, and only Produce, which paces and sends lines,
// reads a clock. The package does not classify, decode or detect.
package traffic
