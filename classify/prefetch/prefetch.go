// Package prefetch asks the processor for memory before it is needed. Tables
// that are larger than the nearest caches are looked up in no order: without
// it each look-up waits for memory, with it the next records are decoded
// meanwhile. It is a hint that changes no result, and does nothing on
// processors other than amd64 and arm64.
package prefetch

import "unsafe"

// Line begins to load the cache line in which *p begins.
func Line[T any](p *T) { line(unsafe.Pointer(p)) }

// Lines is Line for three addresses.
func Lines[T, U, V any](p *T, q *U, r *V) {
	lines(unsafe.Pointer(p), unsafe.Pointer(q), unsafe.Pointer(r))
}
