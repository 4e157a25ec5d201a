// Package detect turns evidence rows (counts per service-minute, key-minute,
// client-minute and contract pair) into incidents: which key, which service,
// since when, how sure. One file holds one detector.
//
// Its guarantee: every decision at minute t is a function of the evidence up to
// t and of the incidents decided before t. There is no clock, no I/O, no
// goroutine, no randomness and no floating-point sum that depends on the order
// of arrival, so two instances, a replay and a restart decide alike.
//
// Every detector has the same form: a small state that is copied by value, and
// a step that folds one minute into it. Whoever drives it settles the minutes
// that are final and steps a copy over the minutes that may still change
// (see SettleMinutes). The package reads no store and sends nothing (see
// ingest/watch).
package detect
