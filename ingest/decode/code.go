package decode

// codeAt reads n as the API's code: a whole number, also as text.
func (d *Decoder) codeAt(n node) {
	b := d.str(n)
	if len(b) == 0 {
		return
	}
	v, ok := parseInt(b)
	if !ok {
		x, isNumber := parseDecimal(b)
		if !isNumber {
			d.errorName(b) // a word is no code
			return
		}
		if v, ok = x.floor(0); !ok {
			v = -1
		}
	}
	d.setCode(v)
}
