package retry

import (
	"sync"
	"time"
)

// logEvery is the least time between two log lines about one thing.
const logEvery = 10 * time.Second

// LogLimiter bounds the log lines about something that fails again and again: an
// outage affects every partition, and one line says so. The zero value is ready to
// use; it is safe for concurrent use.
type LogLimiter struct {
	mu   sync.Mutex
	last map[string]logged
}

type logged struct {
	at         time.Time
	suppressed int
}

// Due reports whether to log about what, one of a small number of names, and how many
// lines about it were suppressed since the last one.
func (l *LogLimiter) Due(what string) (due bool, suppressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = map[string]logged{}
	}
	last := l.last[what]
	if time.Since(last.at) < logEvery {
		last.suppressed++
		l.last[what] = last
		return false, 0
	}
	l.last[what] = logged{at: time.Now()}
	return true, last.suppressed
}
