//go:build nohmac

package decode

const hmacOff = true
