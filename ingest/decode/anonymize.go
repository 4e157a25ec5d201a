package decode

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// AddressBits is how much of a client's address is kept: the first V4 bits of an IPv4
// address and the first V6 bits of an IPv6 address. The other bits become zero.
type AddressBits struct {
	V4 int `json:"v4"`
	V6 int `json:"v6"`
}

// ParseAddressBits reads "/24,/48". The empty text is nil: whole addresses are kept.
func ParseAddressBits(s string) (*AddressBits, error) {
	if s == "" {
		return nil, nil
	}
	v4, v6, ok := strings.Cut(s, ",")
	var b AddressBits
	for _, side := range []struct {
		text string
		bits *int
		most int
	}{{v4, &b.V4, 32}, {v6, &b.V6, 128}} {
		digits, slash := strings.CutPrefix(strings.TrimSpace(side.text), "/")
		n, err := strconv.Atoi(digits)
		if !ok || !slash || err != nil || n < 0 || n > side.most {
			return nil, fmt.Errorf("got %q; want the numbers of bits to keep, such as /24,/48",
				s)
		}
		*side.bits = n
	}
	return &b, nil
}

// String is the form that ParseAddressBits reads.
func (b *AddressBits) String() string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf("/%d,/%d", b.V4, b.V6)
}

func (b *AddressBits) check() error {
	if b != nil && (b.V4 < 0 || b.V4 > 32 || b.V6 < 0 || b.V6 > 128) {
		return fmt.Errorf("got addresses of %d and %d bits; want at most 32 and 128", b.V4, b.V6)
	}
	return nil
}

// address clears the bits that are not kept. An IPv4 address is in the IPv6 form, as
// always in a [16]byte.
func (b *AddressBits) address(ip [16]byte) [16]byte {
	if ip == [16]byte{} {
		return ip
	}
	return b.masked(netip.AddrFrom16(ip)).As16()
}

func (b *AddressBits) masked(a netip.Addr) netip.Addr {
	bits := b.V6
	if a.Is4In6() {
		bits = 96 + b.V4
	} else if a.Is4() {
		bits = b.V4
	}
	p, _ := a.WithZone("").Prefix(bits) // bits are within the address
	return p.Addr()
}

// text appends t to dst with the addresses in it anonymised: whatever looks like an
// IPv4 or IPv6 address, with or without a port, even with its colons written as %3A. A
// version of four small numbers looks like an address too. Names that a network made
// of an address (ip-10-0-0-1) are left as they are.
func (b *AddressBits) text(dst, t []byte) []byte {
	for i := 0; i < len(t); {
		end, marks := addressRun(t, i)
		switch {
		case end == i:
			end++
			dst = append(dst, t[i])
		case marks < 2:
			dst = append(dst, t[i:end]...)
		case end < len(t) && charClass[t[end]]&anyLetter != 0: // face::book
			dst = b.dotted(dst, t[i:end])
		default:
			dst = b.run(dst, t[i:end])
		}
		i = end
	}
	return dst
}

// addressRun returns the end of the run of address characters that begins at i; marks
// counts its dots and colons.
func addressRun(t []byte, i int) (end, marks int) {
	for ; i < len(t); i++ {
		switch c := t[i]; {
		case charClass[c]&anyHex != 0:
		case c == '.' || c == ':':
			marks++
		case colonAt(t, i):
			marks++
			i += 2
		default:
			return i, marks
		}
	}
	return i, marks
}

// colonAt reports %3A at i.
func colonAt(t []byte, i int) bool {
	return t[i] == '%' && i+2 < len(t) && t[i+1] == '3' && t[i+2]|0x20 == 'a'
}

// run anonymises a run of addressRun: an IPv6 address, perhaps after the end of a word
// and a colon, or IPv4 addresses.
func (b *AddressBits) run(dst, run []byte) []byte {
	plain, colon := run, ":"
	if i := indexByte(run, 0, '%'); i >= 0 {
		colon = string(run[i : i+3])
		plain = bytes.ReplaceAll(run, run[i:i+3], []byte(":"))
	}
	body := bytes.TrimRight(plain, ".:")
	if bytes.HasPrefix(plain[len(body):], []byte("::")) {
		body = plain[:len(body)+2] // 2001:db8::
	}
	from := 0
	for range 4 {
		if a, err := netip.ParseAddr(string(body[from:])); err == nil && a.Is6() {
			dst = append(dst, strings.ReplaceAll(string(plain[:from])+b.masked(a).String(), ":", colon)...)
			return append(dst, strings.ReplaceAll(string(plain[len(body):]), ":", colon)...)
		}
		next := indexByte(body, from, ':')
		if next < 0 {
			break
		}
		from = next + 1
	}
	return b.dotted(dst, run)
}

// dotted anonymises the IPv4 addresses of a run.
func (b *AddressBits) dotted(dst, run []byte) []byte {
	for i := 0; i < len(run); {
		v4, n := parseIPv4(run[i:])
		starts := i == 0 || run[i-1]-'0' > 9 && run[i-1] != '.'
		ends := i+n == len(run) || run[i+n]-'0' > 9 && (run[i+n] != '.' || i+n+1 == len(run) || run[i+n+1]-'0' > 9)
		if n == 0 || !starts || !ends {
			dst = append(dst, run[i])
			i++
			continue
		}
		dst = b.masked(netip.AddrFrom16(mapped(v4)).Unmap()).AppendTo(dst)
		i += n
	}
	return dst
}

// anonymised returns text with its addresses anonymised; unchanged unless that is
// configured.
func (d *Decoder) anonymised(text []byte) []byte {
	b := d.cfg.KeepAddress
	if b == nil || len(text) == 0 {
		return text
	}
	start := len(d.scratch)
	d.scratch = b.text(d.scratch, text)
	return d.since(start)
}
