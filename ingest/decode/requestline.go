package decode

import "bytes"

// request splits a request line into method, target and protocol. Anything else
// (scanners send all kinds) leaves method and target empty.
func (d *Decoder) request(b []byte, flags uint8) {
	method, i := word(b, 0)
	if i >= len(b) || !isMethod(method) {
		return
	}
	target := b[i+1:]
	if n := len(target); n > 9 && target[n-9] == ' ' && string(target[n-8:n-3]) == "HTTP/" {
		target = target[:n-9]
	} else if j := bytes.LastIndexByte(target, ' '); j > 0 && hasPrefix(target[j+1:], "HTTP/") {
		target = target[:j]
	}
	if len(target) == 0 || target[0] != '/' && target[0] != '*' && schemeEnd(target) == 0 {
		return
	}
	d.r.Method = method
	if flags != 0 {
		target = d.plain(target)
	}
	d.draft.target = target
}

// isMethod accepts possible HTTP methods: up to 20 letters, - and _.
func isMethod(b []byte) bool {
	if len(b) > 20 {
		return false
	}
	for _, c := range b {
		if charClass[c]&(anyLetter|hasDash) == 0 {
			return false
		}
	}
	return true
}
