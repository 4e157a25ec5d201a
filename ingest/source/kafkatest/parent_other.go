//go:build !linux

package kafkatest

import "syscall"

// withParent has no way here to end a child with this process.
func withParent() *syscall.SysProcAttr { return nil }
