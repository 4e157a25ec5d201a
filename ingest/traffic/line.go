package traffic

import (
	"strconv"
	"time"
)

// event is one response that the generator means to log.
type event struct {
	at       int64 // milliseconds
	service  int
	route    *route
	status   int16
	code     uint16 // 0: none
	outcome  outcome
	message  string
	count    uint64 // of code 25's message
	client   *client
	ip       string
	latency  int64 // microseconds
	upstream int64 // microseconds, negative when the upstream was not asked
	// upstreamStatus is 0 when the upstream gave no answer.
	upstreamStatus int16
	bytes          int64
	requestID      uint64
	query          bool // the path carries the query string, with the key
	page           uint64
	attempt        int // which try it is; 0: the line does not tell
}

const hexDigits = "0123456789abcdef"

// appendLine writes e as one JSON line, without the newline.
func (g *Generator) appendLine(b []byte, e *event) []byte {
	s := &g.services[e.service]
	b = append(b, `{"ts":"`...)
	b = g.times.append(b, e.at)
	b = append(b, '"')
	b = append(b, e.route.head...)
	b = append(b, `,"path":"`...)
	b = e.route.appendPath(b, g.rand)
	if e.query {
		b = append(b, "?language=en-US&page="...)
		b = strconv.AppendUint(b, e.page, 10)
		if e.client.key != "" {
			b = append(b, "&api_key="...)
			b = append(b, e.client.key...)
		}
	}
	b = append(b, '"')
	b = append(b, e.route.tail...)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(e.status), 10)
	if e.code != 0 {
		b = appendStatus(b, s.envelope, e)
	}
	if e.client.key != "" {
		b = append(b, `,"api_key":"`...)
		b = append(b, e.client.key...)
		b = append(b, '"')
	}
	b = append(b, `,"client_ip":"`...)
	b = append(b, e.ip...)
	b = append(b, `","latency_ms":`...)
	b = appendMillis(b, e.latency)
	if e.upstreamStatus > 0 {
		b = append(b, `,"upstream_status":`...)
		b = strconv.AppendInt(b, int64(e.upstreamStatus), 10)
	}
	if e.upstream >= 0 {
		b = append(b, `,"upstream_latency_ms":`...)
		b = appendMillis(b, e.upstream)
	}
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, e.bytes, 10)
	if e.attempt > 0 {
		b = append(b, `,"attempt":`...)
		b = strconv.AppendInt(b, int64(e.attempt), 10)
	}
	b = append(b, `,"request_id":"`...)
	b = appendHex(b, e.requestID, 16)
	b = append(b, `","user_agent":"`...)
	b = append(b, e.client.userAgent...)
	return append(b, `"}`...)
}

// appendStatus writes the API's status in the way of the service.
func appendStatus(b []byte, how envelope, e *event) []byte {
	switch how {
	case plain:
		b = append(b, `,"code":`...)
		b = strconv.AppendUint(b, uint64(e.code), 10)
		b = append(b, `,"message":"`...)
		b = e.appendMessage(b)
	case catalogue:
		b = append(b, `,"status_code":`...)
		b = strconv.AppendUint(b, uint64(e.code), 10)
		b = append(b, `,"status_message":"`...)
		b = e.appendMessage(b)
	case messageOnly:
		b = append(b, `,"message":"`...)
		b = e.appendMessage(b)
	case body:
		b = append(b, `,"message":"{\"status_code\":`...)
		b = strconv.AppendUint(b, uint64(e.code), 10)
		b = append(b, `,\"status_message\":\"`...)
		b = e.appendMessage(b)
		b = append(b, `\"}`...)
	}
	return append(b, '"')
}

// appendMessage writes the API's message; no message needs escaping.
func (e *event) appendMessage(b []byte) []byte {
	if e.code == 25 {
		return appendOverLimit(b, e.count)
	}
	return append(b, e.message...)
}

// appendOverLimit writes the message of code 25 with its two numbers.
func appendOverLimit(b []byte, count uint64) []byte {
	b = append(b, "Your request count ("...)
	b = strconv.AppendUint(b, count, 10)
	b = append(b, ") is over the allowed limit of ("...)
	b = strconv.AppendUint(b, rateLimit, 10)
	return append(b, ")."...)
}

// appendMillis writes microseconds as milliseconds with three decimals.
func appendMillis(b []byte, micros int64) []byte {
	b = strconv.AppendInt(b, micros/1000, 10)
	f := micros % 1000
	return append(b, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}

// appendHex writes the lowest digits of x in hexadecimal.
func appendHex(b []byte, x uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, hexDigits[x>>shift&15])
	}
	return b
}

// timestamps writes event times as RFC 3339 with milliseconds, UTC. It keeps
// the text of the last second, since neighbours share it.
type timestamps struct {
	second int64
	text   [20]byte // "2026-09-01T12:00:00."
	valid  bool
}

func (t *timestamps) append(b []byte, unixMilli int64) []byte {
	second := unixMilli / 1000
	if second != t.second || !t.valid {
		time.Unix(second, 0).UTC().AppendFormat(t.text[:0], "2006-01-02T15:04:05.")
		t.second, t.valid = second, true
	}
	ms := unixMilli % 1000
	b = append(b, t.text[:]...)
	return append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}
