package decode

import "math"

// decimal is a number as written: mantissa * 10^exp.
type decimal struct {
	mantissa int64
	exp      int
}

// parseDecimal reads an optionally signed decimal number with optional
// fraction and exponent. Digits beyond the eighteenth are dropped.
func parseDecimal(b []byte) (decimal, bool) {
	i, neg := 0, false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		neg = b[i] == '-'
		i++
	}
	var d decimal
	digits, seen := 0, false
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		seen = true
		if digits < 18 {
			d.mantissa = d.mantissa*10 + int64(b[i]-'0')
			if d.mantissa > 0 {
				digits++
			}
		} else {
			d.exp++
		}
	}
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
			seen = true
			if digits < 18 {
				d.mantissa = d.mantissa*10 + int64(b[i]-'0')
				d.exp--
				if d.mantissa > 0 {
					digits++
				}
			}
		}
	}
	if !seen {
		return decimal{}, false
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		n, ok := parseInt(b[i+1:])
		if !ok || n > 400 || n < -400 {
			return decimal{}, false
		}
		d.exp += int(n)
		i = len(b)
	}
	if i != len(b) {
		return decimal{}, false
	}
	if neg {
		d.mantissa = -d.mantissa
	}
	return d, true
}

// scaled is the number times 10^shift, rounded half away from zero; ok is
// false when it does not fit.
func (d decimal) scaled(shift int) (int64, bool) { return d.shifted(shift, true) }

// floor is the number times 10^shift, rounded down.
func (d decimal) floor(shift int) (int64, bool) { return d.shifted(shift, false) }

func (d decimal) shifted(shift int, round bool) (int64, bool) {
	e := d.exp + shift
	m := d.mantissa
	if m == 0 {
		return 0, true
	}
	for ; e > 0; e-- {
		if m > math.MaxInt64/10 || m < math.MinInt64/10 {
			return 0, false
		}
		m *= 10
	}
	if e < -18 {
		return 0, true
	}
	if e < 0 {
		p := int64(1)
		for ; e < 0; e++ {
			p *= 10
		}
		rest := m % p
		m /= p
		if round && rest*2 >= p {
			m++
		} else if round && -rest*2 >= p {
			m--
		}
	}
	return m, true
}

// parseInt reads an optionally signed integer of at most eighteen digits.
func parseInt(b []byte) (int64, bool) {
	i, neg := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		i = 1
	}
	if i == len(b) || len(b)-i > 18 {
		return 0, false
	}
	var n int64
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	if neg {
		n = -n
	}
	return n, true
}

// The units of a duration, as powers of ten of a microsecond.
const (
	unitSeconds = 6
	unitMillis  = 3
	unitMicros  = 0
	unitNanos   = -3
)

// micros reads a duration in the given unit as microseconds; -1 for anything else:
// negative, "-", empty, out of range. A suffix (ns us µs ms s m h) overrides the unit.
func micros(b []byte, unit int) int64 {
	n := len(b)
	if n == 0 {
		return -1
	}
	if c := b[n-1]; c-'0' > 9 && c != '.' {
		return suffixed(b)
	}
	d, ok := parseDecimal(b)
	if !ok || d.mantissa < 0 {
		return -1
	}
	v, ok := d.scaled(unit)
	if !ok {
		return -1
	}
	return v
}

// toldMicros reads a duration with a unit ("12ms"); a number without one is -1.
func toldMicros(b []byte) int64 {
	if n := len(b); n == 0 || b[n-1]-'0' <= 9 || b[n-1] == '.' {
		return -1
	}
	return suffixed(b)
}

// suffixed reads one or more numbers with units, like 1m2.5s or 340µs.
func suffixed(b []byte) int64 {
	total, any := int64(0), false
	for len(b) > 0 {
		i := 0
		for i < len(b) && (b[i]-'0' <= 9 || b[i] == '.') {
			i++
		}
		j := i
		for j < len(b) && b[j]-'0' > 9 && b[j] != '.' {
			j++
		}
		d, ok := parseDecimal(b[:i])
		if !ok {
			return -1
		}
		unit, times := 0, int64(1)
		switch string(b[i:j]) {
		case "ns":
			unit = unitNanos
		case "us", "µs", "μs":
			unit = unitMicros
		case "ms":
			unit = unitMillis
		case "s":
			unit = unitSeconds
		case "m":
			unit, times = unitSeconds, 60
		case "h":
			unit, times = unitSeconds, 3600
		default:
			return -1
		}
		v, ok := d.scaled(unit)
		if !ok || v > math.MaxInt64/8000 || total > math.MaxInt64/2 {
			return -1
		}
		total += v * times
		any = true
		b = b[j:]
	}
	if !any {
		return -1
	}
	return total
}

// microsList sums a list of durations ("0.100, 0.200" or "0.1 : 0.2"), as nginx writes
// one per upstream tried. Elements without a value are skipped; a list without any
// gives -1.
func microsList(b []byte, unit int) int64 {
	total := int64(-1)
	eachListed(b, func(item []byte) {
		if v := micros(item, unit); v >= 0 && total < math.MaxInt64/4 {
			total = max(total, 0) + min(v, math.MaxInt64/4)
		}
	})
	return total
}

// lastStatus reads the last status of a list of upstream statuses; -1 when there is
// none.
func lastStatus(b []byte) int16 {
	status := int16(-1)
	eachListed(b, func(item []byte) {
		if s, ok := parseStatus(item); ok && s > 0 {
			status = s
		}
	})
	return status
}

// eachListed calls f with every element of a list separated by commas, colons
// or spaces.
func eachListed(b []byte, f func(item []byte)) {
	start := 0
	for i := 0; i <= len(b); i++ {
		if i == len(b) || b[i] == ',' || b[i] == ':' || b[i] == ' ' {
			if i > start {
				f(b[start:i])
			}
			start = i + 1
		}
	}
}

// parseStatus reads an HTTP status: 100 to 599, or 0, which gateways write for a
// client that left. "-", "" and -1 mean none (-1). ok is false for everything else.
func parseStatus(b []byte) (int16, bool) {
	if len(b) == 3 {
		x, y, z := b[0]-'0', b[1]-'0', b[2]-'0'
		if x-1 <= 4 && y <= 9 && z <= 9 {
			return int16(x)*100 + int16(y)*10 + int16(z), true
		}
	}
	if len(b) == 0 || (len(b) == 1 && b[0] == '-') {
		return -1, true
	}
	d, ok := parseDecimal(b)
	if !ok {
		return -1, false
	}
	for ; d.exp < 0 && d.mantissa%10 == 0; d.exp++ { // 200.0
		d.mantissa /= 10
	}
	n, ok := d.floor(0)
	if !ok || d.exp < 0 && d.mantissa != 0 || n < -1 || n > 0 && n < 100 || n > 599 {
		return -1, false
	}
	return int16(n), true
}

// parseSize reads a number of bytes; anything else is 0. A leading + (HAProxy's
// logasap) is allowed.
func parseSize(b []byte) int64 {
	n, ok := parseInt(b)
	if !ok {
		d, ok := parseDecimal(b)
		if !ok {
			return 0
		}
		n, _ = d.scaled(0)
	}
	return max(n, 0)
}
