// Command bench measures statline against what a user would run instead, and
// each stage against its target. It prints one table. make bench runs it, and
// with no arguments writes RESULTS.md.
//
// Costs are CPU time of the process that does the work (getrusage), the least of several
// rounds. Other processes do not count, but share caches and memory, so that costs are lower
// on an idle machine. Throughput is by the clock, beside the load of the machine; on a busy
// one it means little. The program asserts nothing: it says which target is missed. Its one
// guarantee is that both sides of a ratio read the same bytes in the same run.
package main
