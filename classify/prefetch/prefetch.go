//go:build amd64 || arm64

// Package prefetch asks the processor for memory before it is needed. Tables
// that are larger than the nearest caches are looked up in no order: without
// it each look-up waits for memory, with it the next records are decoded
// meanwhile. It is a hint that changes no result, and does nothing on
// processors other than amd64 and arm64.
package prefetch

import "unsafe"

// Line begins to load the cache line that holds p, which may be any address.
//
//go:noescape
func Line(p unsafe.Pointer)

// Lines is Line for three addresses.
//
//go:noescape
func Lines(p, q, r unsafe.Pointer)
