package decode

import "bytes"

// parseAddress reads the first address of b: an IPv4 or IPv6 address, with or without
// port, brackets and zone, alone or at the head of a list. Anything else gives all
// zeroes.
func parseAddress(b []byte) (ip [16]byte) {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '"') {
		b = b[1:]
	}
	if v4, n := parseIPv4(b); n > 0 {
		if n == len(b) || b[n] == ':' || b[n] == ',' || b[n] == ' ' || b[n] == '"' || b[n] == '/' {
			return mapped(v4)
		}
		return ip
	}
	if len(b) > 0 && b[0] == '[' {
		end := indexByte(b, 1, ']')
		if end < 0 {
			return ip
		}
		b = b[1:end]
		if v4, n := parseIPv4(b); n > 0 && n == len(b) {
			return mapped(v4)
		}
	}
	end := 0
	for end < len(b) && isAddressByte(b[end]) {
		end++
	}
	if end < len(b) && b[end] != '%' && b[end] != ',' && b[end] != ' ' && b[end] != '"' && b[end] != '/' {
		return ip
	}
	return parseIPv6(b[:end])
}

// addressPort is parseAddress for a field that always has a port: an IPv6
// address may stand before it without brackets.
func addressPort(b []byte) [16]byte {
	if colon := bytes.LastIndexByte(b, ':'); colon > 0 && b[0] != '[' {
		if _, ok := parseInt(b[colon+1:]); ok {
			if ip := parseAddress(b[:colon]); ip != [16]byte{} {
				return ip
			}
		}
	}
	return parseAddress(b)
}

func isAddressByte(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'f' || c == ':' || c == '.'
}

func mapped(v4 [4]byte) (ip [16]byte) {
	ip[10], ip[11] = 0xff, 0xff
	copy(ip[12:], v4[:])
	return ip
}

// parseIPv4 reads a dotted address at the start of b and returns its length,
// 0 when there is none.
func parseIPv4(b []byte) (ip [4]byte, n int) {
	i := 0
	for k := range ip {
		if k > 0 {
			if i >= len(b) || b[i] != '.' {
				return ip, 0
			}
			i++
		}
		if i >= len(b) || b[i]-'0' > 9 {
			return ip, 0
		}
		v := uint(b[i] - '0')
		if i++; i < len(b) && b[i]-'0' <= 9 {
			v = 10*v + uint(b[i]-'0')
			if i++; i < len(b) && b[i]-'0' <= 9 {
				v = 10*v + uint(b[i]-'0')
				if i++; v > 255 || i < len(b) && b[i]-'0' <= 9 {
					return ip, 0
				}
			}
		}
		ip[k] = byte(v)
	}
	return ip, i
}

// parseIPv6 reads a whole IPv6 address; anything else gives all zeroes.
func parseIPv6(b []byte) (ip [16]byte) {
	var groups [8]uint16
	n, gap, i := 0, -1, 0
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap, i = 0, 2
	}
	for i < len(b) && n < 8 {
		if v4, used := parseIPv4(b[i:]); used > 0 && i+used == len(b) && n <= 6 {
			groups[n] = uint16(v4[0])<<8 | uint16(v4[1])
			groups[n+1] = uint16(v4[2])<<8 | uint16(v4[3])
			n, i = n+2, len(b)
			break
		}
		v, digits := uint32(0), 0
		for ; i < len(b) && digits < 5; i++ {
			h := hexValue(b[i])
			if h > 15 {
				break
			}
			v = v<<4 | uint32(h)
			digits++
		}
		if digits == 0 || digits > 4 {
			return ip
		}
		groups[n] = uint16(v)
		n++
		if i == len(b) {
			break
		}
		if b[i] != ':' || i+1 == len(b) {
			return ip
		}
		i++
		if b[i] == ':' {
			if gap >= 0 {
				return ip
			}
			gap = n
			i++
		}
	}
	if i != len(b) || (gap < 0 && n != 8) || (gap >= 0 && n == 8) {
		return ip
	}
	if gap >= 0 {
		var full [8]uint16
		copy(full[:gap], groups[:gap])
		copy(full[8-(n-gap):], groups[gap:n])
		groups = full
	}
	for k, g := range groups {
		ip[2*k], ip[2*k+1] = byte(g>>8), byte(g)
	}
	return ip
}

// hexValue is the value of a hexadecimal digit, 255 for anything else.
func hexValue(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

func isAddress(b []byte) bool { return parseAddress(b) != [16]byte{} }
