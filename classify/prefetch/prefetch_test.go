package prefetch

import "testing"

// A hint takes any address, also one that points nowhere, and changes nothing.
func TestHintsChangeNothing(t *testing.T) {
	table := make([]uint64, 1000)
	for i := range table {
		table[i] = uint64(i)
	}
	for i := range table {
		Line(&table[i])
		Lines(&table[i], (*int)(nil), &table[len(table)-1-i])
	}
	for i, n := range table {
		if n != uint64(i) {
			t.Fatalf("entry %d is %d", i, n)
		}
	}
}
