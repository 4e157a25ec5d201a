// Package watch runs the detectors of classify/detect on what the store holds,
// and writes the incidents and the scores behind the baseline band.
//
// Its guarantee: the incidents are a function of the stored aggregates. An
// instance that starts in the middle, one that was killed, and several at once
// write the same rows; a row is replaced by its version, never doubled. The
// only state is a cache, which Restore rebuilds from the tables.
//
// The cache is bounded by what is wrong, not by how many keys there are: the
// store says which keys and clients were refused often enough that a rule can
// open an incident (detect.Candidate), and only their rows are read. A flood
// that refuses millions of keys a few times each is counted and never held.
//
// Time is event time: the watermark is the least of the partitions' greatest
// event times, minute t is decided when the watermark has passed its end by
// Config.Lag, and again 5 and 15 minutes later, when most of what was late has
// come. After that it is settled: rows that come later still count in every
// sum, and change no incident. A source that is late by Kafka's time of its records
// does not hold the watermark back: minutes settle when its rows have come, up to
// an hour later. An incident keeps its id when late rows move its
// opening; one that late rows take back is withdrawn, never deleted.
//
//	services keys clients responses        ledger
//	        |  evidence queries (sql.go)     | watermark
//	        v                                v
//	     Rows ------> Evaluator (settle t-15, preview t) -----> Publisher
//	                      ^                                      |   |
//	                      | Restore                              v   v
//	                  incidents, scores <------------------- incidents scores
//	                                                             |
//	                                                         Notifier -> webhook, Alertmanager
//
// The package shows nothing (see package dashboards) and reads no log.
package watch
