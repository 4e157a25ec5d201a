package decode

import (
	"bytes"
	"math"

	"statline/classify"
)

// quotaTexts are the response headers about a rate limit.
type quotaTexts [quotaFields][]byte

// scannedQuota reads the headers that the scanner has found.
func (d *Decoder) scannedQuota() {
	var t quotaTexts
	for i := range t {
		if d.scan.told&(1<<i) != 0 {
			t[i] = d.value(d.scan.quota[i])
		}
	}
	for i := range attemptFields {
		if at := int(quotaFields) + int(i); d.scan.told&(1<<at) != 0 {
			d.attempt(i, d.value(d.scan.quota[at]))
		}
	}
	d.quota(&t)
}

// quota fills the response's Quota: the limit, what is left of it, and its window, as
// one header or headers that name one another tell them. Of several limits it is the
// one with the least left.
func (d *Decoder) quota(t *quotaTexts) {
	var q quota
	q.plain(t)
	q.draft(t[quotaDraft])
	q.policy(t[quotaPolicy])
	q.windows(t)
	out := &d.r.Quota
	if !q.none {
		out.Limit, out.Window = q.limit, q.window
		if q.leftTold {
			out.SetLeft(q.left)
		}
	}
	out.RetryAfter = d.retryAfter(t[quotaRetry])
}

// quota is what is known of one limit.
type quota struct {
	limit, left, window uint32
	leftTold            bool
	none                bool   // a limit of 0 or below: there is none
	name                []byte // of the policy that RateLimit names
}

// plain reads X-RateLimit-Limit and X-RateLimit-Remaining. Envoy and older drafts list
// further limits after the current one: 10, 10;w=1, 1000;w=3600.
func (q *quota) plain(t *quotaTexts) {
	if b := t[quotaLimit]; len(b) > 0 {
		list := fieldList{b: b}
		item, _ := list.next()
		n, ok := leadingCount(item)
		if q.none = !ok || n == 0; q.none {
			return
		}
		q.limit = n
		for ok = true; ok && q.window == 0; item, ok = list.next() {
			if same, isNumber := leadingCount(item); isNumber && same == n {
				q.window, _ = parameter(item, "w")
			}
		}
	}
	q.left, q.leftTold = leadingCount(t[quotaLeft])
}

// draft reads RateLimit: "burst";r=5;t=1, "daily";r=900;t=4000, and the older
// limit=100, remaining=5, reset=1.
func (q *quota) draft(b []byte) {
	list := fieldList{b: b}
	var nearest []byte
	var left uint32
	for item, ok := list.next(); ok; item, ok = list.next() {
		if n, is := parameter(item, "r"); is && (nearest == nil || n < left) {
			nearest, left = item, n
		}
		if n, is := valueOf(item, "limit"); is && n > 0 {
			q.limit = n
		}
		if n, is := valueOf(item, "remaining"); is {
			q.left, q.leftTold = n, true
		}
	}
	if nearest == nil {
		return
	}
	q.left, q.leftTold, q.name = left, true, itemName(nearest)
	if n, is := parameter(nearest, "q"); is {
		q.limit = n
	}
	if n, is := parameter(nearest, "w"); is {
		q.window = n
	}
}

// policy reads RateLimit-Policy: "burst";q=100;w=60, "daily";q=1000;w=86400, and the
// older 100;w=60. It is the policy that RateLimit names, or the one with the known
// limit, or else the first.
func (q *quota) policy(b []byte) {
	if len(b) == 0 || q.limit != 0 && q.window != 0 {
		return
	}
	list := fieldList{b: b}
	for item, ok := list.next(); ok; item, ok = list.next() {
		n, is := parameter(item, "q")
		if !is {
			n, is = leadingCount(item)
		}
		if !is || n == 0 || q.limit != 0 && n != q.limit || len(q.name) > 0 && !bytes.Equal(q.name, itemName(item)) {
			continue
		}
		q.limit = n
		q.window, _ = parameter(item, "w")
		return
	}
}

// windows reads X-RateLimit-Limit-Minute and its like.
func (q *quota) windows(t *quotaTexts) {
	known := q.limit != 0 || q.leftTold
	if known && q.window != 0 {
		return
	}
	found := false
	for i := range quotaWindows {
		limit, is := leadingCount(t[quotaLimits+quotaField(i)])
		if !is || limit == 0 {
			continue
		}
		left, leftTold := leadingCount(t[quotaLefts+quotaField(i)])
		switch {
		case known && (limit != q.limit || q.leftTold && leftTold && left != q.left):
		case found && (!leftTold || q.leftTold && left >= q.left):
		default:
			if !known {
				q.limit, q.left, q.leftTold = limit, left, leftTold
			}
			q.window, found = quotaWindows[i].seconds, true
			if known {
				return
			}
		}
	}
}

// retryAfter is the number of seconds to wait: the header has a number or a date.
func (d *Decoder) retryAfter(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	if n, ok := leadingCount(b); ok {
		return n
	}
	at, ok := httpDate(b)
	if now := d.r.UnixMilli; ok && d.draft.timeOK && now != classify.RecordTime && at > now {
		return uint32(min((at-now+999)/1000, math.MaxUint32))
	}
	return 0
}

// httpDate reads Sun, 01 Mar 2026 12:00:00 GMT.
func httpDate(b []byte) (unixMilli int64, ok bool) {
	if len(b) != 29 || b[3] != ',' || b[7] != ' ' || b[11] != ' ' || b[16] != ' ' || b[19] != ':' || b[22] != ':' ||
		string(b[25:]) != " GMT" {
		return 0, false
	}
	day, ok1 := digit2(b, 5)
	year, ok2 := digit4(b, 12)
	hour, ok3 := digit2(b, 17)
	minute, ok4 := digit2(b, 20)
	second, ok5 := digit2(b, 23)
	month := monthOf(b[8:11])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !validDate(year, month, day) || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	return ((daysOf(year, month, day)*24+hour)*60+minute)*60_000 + second*1000, true
}

// fieldList walks a list of HTTP's structured fields: the items between commas outside
// strings.
type fieldList struct {
	b []byte
	i int
}

func (l *fieldList) next() (item []byte, ok bool) {
	if l.i >= len(l.b) {
		return nil, false
	}
	start, inString := l.i, false
	for ; l.i < len(l.b); l.i++ {
		switch c := l.b[l.i]; {
		case inString && c == '\\':
			l.i++
		case c == '"':
			inString = !inString
		case c == ',' && !inString:
			item = l.b[start:l.i]
			l.i++
			return trimSpace(item), true
		}
	}
	return trimSpace(l.b[start:]), true
}

// itemName is an item without its parameters.
func itemName(item []byte) []byte {
	name, _ := cutItem(item)
	return name
}

// cutItem splits item at its first ; outside a string.
func cutItem(item []byte) (head, rest []byte) {
	inString := false
	for i := 0; i < len(item); i++ {
		switch c := item[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case c == ';' && !inString:
			return trimSpace(item[:i]), item[i+1:]
		}
	}
	return trimSpace(item), nil
}

// parameter is the number in a parameter of item.
func parameter(item []byte, name string) (uint32, bool) {
	_, rest := cutItem(item)
	for len(rest) > 0 {
		var one []byte
		one, rest = cutItem(rest)
		if n, is := valueOf(one, name); is {
			return n, true
		}
	}
	return 0, false
}

// valueOf is the number after name= in pair.
func valueOf(pair []byte, name string) (uint32, bool) {
	if len(pair) <= len(name) || string(pair[:len(name)]) != name || pair[len(name)] != '=' {
		return 0, false
	}
	return leadingCount(pair[len(name)+1:])
}

// leadingCount reads the whole number that b begins with, up to a comma, a semicolon,
// a blank or the end. It saturates.
func leadingCount(b []byte) (uint32, bool) {
	var n uint64
	i := 0
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		n = min(n*10+uint64(b[i]-'0'), math.MaxUint32)
	}
	if i == 0 || i < len(b) && b[i] != ',' && b[i] != ';' && b[i] != ' ' {
		return 0, false
	}
	return uint32(n), true
}
