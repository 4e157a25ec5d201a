//go:build !linux

package javatest

import "syscall"

// withParent has no way here to end a child with this process.
func withParent() *syscall.SysProcAttr { return nil }
