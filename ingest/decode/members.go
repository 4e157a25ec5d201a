package decode

// eachMember calls f for every member of the JSON object b, which the scanner has
// found well formed, with its name as written, its value, and the kind as in slot. It
// is for rare cases; formats read their values by node.
func eachMember(b []byte, f func(name, value []byte, kind uint8)) {
	for i := 1; i < len(b); {
		for i < len(b) && (b[i] <= ' ' || b[i] == ',') {
			i++
		}
		if i >= len(b) || b[i] != '"' {
			return
		}
		end, _ := stringEnd(b, i+1)
		if end < 0 {
			return
		}
		name := b[i+1 : end]
		i = skipBlank(b, end+1)
		if i >= len(b) || b[i] != ':' {
			return
		}
		if i = skipBlank(b, i+1); i >= len(b) {
			return
		}
		after, kind := valueEndAt(b, i)
		if after < 0 {
			return
		}
		value := b[i:after]
		if kind == kindString {
			value = value[1 : len(value)-1]
		}
		f(name, value, kind)
		i = after
	}
}

// valueEndAt returns the index after the JSON value at i and its kind, -1 when it does
// not end.
func valueEndAt(b []byte, i int) (after int, kind uint8) {
	switch c := b[i]; {
	case c == '"':
		return skipValue(b, i), kindString
	case c == '{':
		return skipNested(b, i), kindObject
	case c == '[':
		return skipNested(b, i), kindArray
	case c-'0' <= 9 || c == '-':
		for i++; i < len(b) && isNumberByte(b[i]); i++ {
		}
		return i, kindNumber
	}
	return literal(b, i)
}

// empty reports an empty value: null, false, 0, "", {} and [].
func empty(value []byte, kind uint8) bool {
	switch kind {
	case 0, kindNull, kindFalse:
		return true
	case kindString:
		return len(value) == 0
	case kindNumber:
		return string(value) == "0"
	case kindObject, kindArray:
		return len(trimSpace(value[1:len(value)-1])) == 0
	}
	return false
}

// firstObject is the first element of the array b when it is an object, nil
// otherwise.
func firstObject(b []byte) []byte {
	i := skipBlank(b, 1)
	if i >= len(b) || b[i] != '{' {
		return nil
	}
	end := skipNested(b, i)
	if end < 0 {
		return nil
	}
	return b[i:end]
}
