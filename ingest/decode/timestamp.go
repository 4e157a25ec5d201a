package decode

import "time"

// clock parses event times. It remembers the last date and, for text without a zone,
// the last hour of the configured location; neither changes a result.
type clock struct {
	loc      *time.Location
	date     [11]byte // the last date as written
	dateLen  int
	days     int64     // its day number
	head     [2]uint64 // the last UTC minute in RFC 3339: 2026-03-01T12:00
	minute   int64     // its milliseconds since the epoch
	common   [3]uint64 // the last minute in a common log line, without seconds: 01/Mar/2026:12:00 +0100
	written  int64     // its milliseconds since the epoch
	hour     int64     // the last local hour (hours since the epoch, as if in UTC)
	offset   int64     // the location's offset in it, seconds
	haveHour bool
}

func newClock(loc *time.Location) clock {
	if loc == nil {
		loc = time.UTC
	}
	return clock{loc: loc, hour: -1 << 62}
}

// daysOf counts the days from 1970-01-01 to a date of the proleptic Gregorian
// calendar (Howard Hinnant, chrono-compatible low-level date algorithms).
func daysOf(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

func validDate(y, m, d int64) bool {
	if m < 1 || m > 12 || d < 1 || d > 31 {
		return false
	}
	if d <= 28 {
		return true
	}
	days := [...]int64{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[m-1]
	if m == 2 && (y%4 == 0 && (y%100 != 0 || y%400 == 0)) {
		days = 29
	}
	return d <= days
}

func digit2(b []byte, i int) (int64, bool) {
	x, y := b[i]-'0', b[i+1]-'0'
	return int64(x)*10 + int64(y), x <= 9 && y <= 9
}

func digit4(b []byte, i int) (int64, bool) {
	x, ok1 := digit2(b, i)
	y, ok2 := digit2(b, i+2)
	return x*100 + y, ok1 && ok2
}

// rfc3339 parses 2026-03-01T12:00:00[.fraction][Z|±hh:mm|±hhmm]. The T may be a space;
// without a zone the configured location holds.
func (c *clock) rfc3339(b []byte) (unixMilli int64, ok bool) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[13] != ':' || b[16] != ':' ||
		(b[10] != 'T' && b[10] != ' ' && b[10] != 't') {
		return 0, false
	}
	if c.dateLen != 10 || string(c.date[:10]) != string(b[:10]) {
		y, ok1 := digit4(b, 0)
		m, ok2 := digit2(b, 5)
		d, ok3 := digit2(b, 8)
		if !ok1 || !ok2 || !ok3 || !validDate(y, m, d) {
			return 0, false
		}
		c.days = daysOf(y, m, d)
		c.dateLen = copy(c.date[:10], b)
	}
	unixMilli, ok = c.timeOfDay(b, 11, true)
	if ok && len(b) == len("2026-03-01T12:00:00.000Z") && b[23] == 'Z' && b[17] <= '5' {
		c.head, c.minute = [2]uint64{load64(b, 0), load64(b, 8)}, unixMilli-(unixMilli%60_000+60_000)%60_000
	}
	return unixMilli, ok
}

// sameMinute is rfc3339 for the form 2026-03-01T12:00:00.000Z in the last minute seen;
// ok is false for everything else.
func (c *clock) sameMinute(b []byte) (unixMilli int64, ok bool) {
	if len(b) != len("2026-03-01T12:00:00.000Z") || load64(b, 0) != c.head[0] || load64(b, 8) != c.head[1] {
		return 0, false
	}
	s1, s2, m1, m2, m3 := b[17]-'0', b[18]-'0', b[20]-'0', b[21]-'0', b[22]-'0'
	if b[16] != ':' || b[19] != '.' || b[23] != 'Z' || s1 > 5 || s2 > 9 || m1 > 9 || m2 > 9 || m3 > 9 {
		return 0, false
	}
	return c.minute + int64(s1)*10_000 + int64(s2)*1000 + int64(m1)*100 + int64(m2)*10 + int64(m3), true
}

// timeOfDay parses hh:mm:ss[.fraction][ zone] from i on, on the day c.days.
func (c *clock) timeOfDay(b []byte, i int, whole bool) (int64, bool) {
	if len(b) < i+8 || b[i+2] != ':' || b[i+5] != ':' {
		return 0, false
	}
	h, ok1 := digit2(b, i)
	m, ok2 := digit2(b, i+3)
	s, ok3 := digit2(b, i+6)
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 60 {
		return 0, false
	}
	seconds := c.days*86400 + h*3600 + m*60 + s
	i += 8
	milli := int64(0)
	if i < len(b) && (b[i] == '.' || b[i] == ',') {
		i++
		scale := int64(100)
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			milli += int64(b[i]-'0') * scale
			scale /= 10
		}
	}
	zone, n, ok := c.zone(b[i:], seconds)
	if !ok || (whole && i+n != len(b)) {
		return 0, false
	}
	return (seconds-zone)*1000 + milli, true
}

// zone parses a zone at the start of b and returns its offset in seconds and its
// length; without a zone it is the location's offset.
func (c *clock) zone(b []byte, local int64) (offset int64, n int, ok bool) {
	if len(b) == 0 {
		return c.localOffset(local), 0, true
	}
	if b[0] == 'Z' || b[0] == 'z' {
		return 0, 1, true
	}
	if string(b) == "UTC" || string(b) == "GMT" {
		return 0, 3, true
	}
	if b[0] == ' ' && len(b) > 1 {
		offset, n, ok = c.zone(b[1:], local)
		return offset, n + 1, ok
	}
	if (b[0] != '+' && b[0] != '-') || len(b) < 3 {
		return 0, 0, false
	}
	h, ok := digit2(b, 1)
	if !ok {
		return 0, 0, false
	}
	n = 3
	var m int64
	if len(b) >= 6 && b[3] == ':' {
		m, ok = digit2(b, 4)
		n = 6
	} else if len(b) >= 5 {
		m, ok = digit2(b, 3)
		n = 5
	}
	if !ok || h > 23 || m > 59 {
		return 0, 0, false
	}
	offset = h*3600 + m*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, n, true
}

// localOffset is the location's offset at a local time, which is given in seconds as
// if it were UTC. Zones change only at quarter hours.
func (c *clock) localOffset(local int64) int64 {
	if c.loc == time.UTC {
		return 0
	}
	quarter := local / 900
	if c.haveHour && quarter == c.hour {
		return c.offset
	}
	u := time.Unix(local, 0).UTC()
	y, mo, d := u.Date()
	t := time.Date(y, mo, d, u.Hour(), u.Minute(), 0, 0, c.loc)
	_, off := t.Zone()
	c.hour, c.offset, c.haveHour = quarter, int64(off), true
	return c.offset
}

// clf parses dd/Mon/yyyy:hh:mm:ss[.fraction][ ±zzzz].
func (c *clock) clf(b []byte) (unixMilli int64, ok bool) {
	if len(b) < 20 || b[11] != ':' {
		return 0, false
	}
	usual := len(b) == len("01/Mar/2026:12:00:00 +0100") && b[17] == ':' && b[18] <= '5' && b[19]-'0' <= 9
	if usual && c.common == commonMinute(b) && b[18] >= '0' {
		return c.written + int64(b[18]-'0')*10_000 + int64(b[19]-'0')*1000, true
	}
	if c.dateLen != 11 || string(c.date[:11]) != string(b[:11]) {
		d, ok1 := digit2(b, 0)
		m := monthOf(b[3:6])
		y, ok2 := digit4(b, 7)
		if !ok1 || !ok2 || b[2] != '/' || b[6] != '/' || !validDate(y, m, d) {
			return 0, false
		}
		c.days = daysOf(y, m, d)
		c.dateLen = copy(c.date[:11], b)
	}
	if unixMilli, ok = c.timeOfDay(b, 12, true); ok && usual {
		c.common, c.written = commonMinute(b), unixMilli-int64(b[18]-'0')*10_000-int64(b[19]-'0')*1000
	}
	return unixMilli, ok
}

// commonMinute is dd/Mon/yyyy:hh:mm and the zone of a common log line's time.
func commonMinute(b []byte) [3]uint64 {
	return [3]uint64{load64(b, 0), load64(b, 8), load64(b, 18)>>16<<16 | uint64(b[16])}
}

func monthOf(b []byte) int64 {
	if len(b) < 3 {
		return 0
	}
	switch string(b[:3]) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}

// maxUnixMilli is the end of the year 9999.
const maxUnixMilli = 253402300800000

// epoch reads a number since 1970: seconds below 1e11, milliseconds below
// 1e14, microseconds below 1e17, nanoseconds above; a fraction is kept.
func epoch(b []byte) (unixMilli int64, ok bool) {
	n, ok := parseDecimal(b)
	if !ok || n.mantissa < 0 {
		return 0, false
	}
	whole, ok := n.scaled(0)
	if !ok {
		return 0, false
	}
	unit := 3
	switch {
	case whole >= 1e17:
		unit = -6
	case whole >= 1e14:
		unit = -3
	case whole >= 1e11:
		unit = 0
	}
	unixMilli, ok = n.floor(unit)
	return unixMilli, ok && unixMilli < maxUnixMilli
}

// any reads a time in any of these notations.
func (c *clock) any(b []byte) (unixMilli int64, ok bool) {
	if unixMilli, ok := c.sameMinute(b); ok {
		return unixMilli, true
	}
	if len(b) >= 19 && b[4] == '-' {
		return c.rfc3339(b)
	}
	if len(b) >= 20 && b[2] == '/' {
		return c.clf(b)
	}
	if len(b) > 2 && b[0] == '[' && b[len(b)-1] == ']' {
		return c.any(b[1 : len(b)-1])
	}
	return epoch(b)
}

// timeIn reads a time in a mapping's layout.
func (d *Decoder) timeIn(b []byte, layout string) {
	unit := 0
	switch layout {
	case "":
		d.setTime(d.clock.any(b))
		return
	case "s":
		unit = 3
	case "ms":
	case "us":
		unit = -3
	case "ns":
		unit = -6
	default:
		t, err := time.ParseInLocation(layout, string(b), d.clock.loc)
		d.setTime(t.UnixMilli(), err == nil && t.UnixMilli() >= 0 && t.UnixMilli() < maxUnixMilli)
		return
	}
	n, ok := parseDecimal(b)
	ms, fits := n.floor(unit)
	d.setTime(ms, ok && fits && ms >= 0 && ms < maxUnixMilli)
}
