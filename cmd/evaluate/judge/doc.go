// Package judge runs the detectors on labelled worlds of ingest/traffic and reports what they
// find, their false alarms and delays, and what simpler rules do on the same rows. Run writes
// the report and fails when a target is missed.
//
// Its guarantee: the same options give the same report. Seeds for tuning and
// seeds for validation never overlap (TuningSeeds, ValidationSeeds); thresholds
// were chosen on the former only. Its limit: one author's simulation ranks
// rules, it does not promise the same figures in the field.
package judge
