// Package traffic generates labelled API traffic: log lines for the pipeline
// (Generator) and aggregate rows for the detectors (World). Its guarantee: the
// same configuration gives the same bytes (on one processor architecture:
// floating point may round differently on another), and the generator
// knows what it meant by each line without asking the packages under test, so
// its Truth is an independent count. Neither reads a clock, and there is no global
// randomness; only Produce, which paces and sends lines, knows the time. The
// package does not classify, decode or detect.
package traffic
