// Command bench measures statline against what a user would run instead, and
// each stage against its target. It prints one table. make bench runs it, and
// with no arguments writes RESULTS.md.
//
// Costs are CPU time of the process that does the work (getrusage), the least
// of several rounds: what others run takes no part of it, but still shares the
// caches and the memory, so an idle machine shows less. Throughput is by the
// clock and says how loaded the machine was; on a busy one it means little. The
// program asserts nothing: it says which target is missed.
// Its one guarantee is that the two sides of a ratio read the same bytes in
// the same run.
package main
