package decode

// Scrub returns a line as a Reject has it: without secrets and cut to 64 KiB. It is
// for callers that refuse a decoded response themselves. The result is valid until the
// decoder is used again.
func (d *Decoder) Scrub(raw []byte) []byte {
	d.raw = d.names.scrub(d.raw[:0], cut(raw, maxRaw), true)
	return cut(d.raw, maxRaw)
}
