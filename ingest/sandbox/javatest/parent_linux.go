package javatest

import "syscall"

// withParent makes a child end with this process, however it ends, and keeps
// a terminal's Ctrl-C from it.
func withParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
