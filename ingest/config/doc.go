// Package config is what statline is told: the settings of the file, the
// environment and the command line, read once, checked once and passed on as
// one value.
//
//	file ◀── environment ◀── flags        each beats the one before it
//	   └──────────┴────────────┴──▶ Load ──▶ Config ──▶ source, store, decode, watch
//
// Its guarantee: a setting is described once, by an Option. The flag, the
// variable, the key of the file, the example file, the reference page and what
// config show prints come from that description, so that none of them can name
// a setting that is not read. What is unknown or contradicts itself is an
// error that names the place and what to write instead.
//
// It does not decide what a setting does: it hands each package that
// package's own Config. What says only what one command is to print (--json,
// --since) is an argument of that command, not a setting.
package config

//go:generate go run ./reference REFERENCE.md
