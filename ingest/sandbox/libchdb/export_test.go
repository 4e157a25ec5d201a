package libchdb

import "unsafe"

// Handlers reads the process's signal table: the functions' addresses, which
// come first in struct sigaction everywhere.
func (l *Library) Handlers() (table [lastSignal + 1]uintptr) {
	for sig := int32(1); sig <= lastSignal; sig++ {
		var action [sigactionBytes]byte
		l.signals.sigaction(sig, nil, unsafe.Pointer(&action))
		table[sig] = *(*uintptr)(unsafe.Pointer(&action))
	}
	return table
}
