// Package limit simulates rate limits on counted requests: whom they would refuse, how
// often and when. Windows are fixed and aligned to the clock (a window of an hour begins
// with the hour, UTC). Its guarantee: if every window is a whole number of ticks, it
// refuses exactly what a limiter that saw the requests one by one would have refused;
// otherwise it gives bounds. It has no sliding windows and no token buckets.
package limit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limit allows so many requests in a window of so many seconds.
type Limit struct {
	Requests uint64
	Window   uint32
}

// maxWindow is the longest window: minutes are kept for 30 days.
const maxWindow = 30 * 24 * time.Hour

// Parse reads limits such as 600/1m,40/10s.
func Parse(text string) ([]Limit, error) {
	var all []Limit
	for _, part := range strings.Split(text, ",") {
		requests, window, _ := strings.Cut(strings.TrimSpace(part), "/")
		n, err := strconv.ParseUint(requests, 10, 32)
		if window != "" && window[0] >= 'a' { // 600/m
			window = "1" + window
		}
		if days, ok := strings.CutSuffix(window, "d"); ok {
			if d, err := strconv.ParseUint(days, 10, 8); err == nil {
				window = fmt.Sprintf("%dh", 24*d)
			}
		}
		d, err2 := time.ParseDuration(window)
		if err != nil || err2 != nil || d < time.Second || d > maxWindow || d%time.Second != 0 {
			return nil,
				fmt.Errorf("limit: got %q; want requests and a window of whole seconds, up to 30 days, such as 600/1m or 600/1m,40/10s", part)
		}
		all = append(all, Limit{Requests: n, Window: uint32(d / time.Second)})
	}
	slices.SortFunc(all, func(a, b Limit) int { return int(int64(a.Window) - int64(b.Window)) })
	for i := 1; i < len(all); i++ {
		if all[i].Window == all[i-1].Window {
			return nil, fmt.Errorf("limit: got %s and %s; want one limit for each window", all[i-1], all[i])
		}
	}
	return all, nil
}

// String is the limit as Parse reads it.
func (l Limit) String() string { return fmt.Sprintf("%d/%s", l.Requests, Span(l.Window)) }

// Span is a number of seconds as people write it: 10s, 1m, 36h.
func Span(seconds uint32) string {
	switch {
	case seconds%86400 == 0:
		return fmt.Sprintf("%dd", seconds/86400)
	case seconds%3600 == 0:
		return fmt.Sprintf("%dh", seconds/3600)
	case seconds%60 == 0:
		return fmt.Sprintf("%dm", seconds/60)
	}
	return fmt.Sprintf("%ds", seconds)
}

// Tick is how many requests a key made in the tick that begins at At, in Unix
// seconds: between Low and High.
type Tick struct {
	At        uint32
	Low, High uint64
}

// Bounds is a number known only to lie between two others.
type Bounds struct {
	Low  uint64 `json:"low"`
	High uint64 `json:"high"`
}

// Add adds both ends.
func (b *Bounds) Add(o Bounds) { b.Low, b.High = b.Low+o.Low, b.High+o.High }

// Trial is a set of limits tried together: a request is refused if any of them refuses it.
type Trial struct {
	Limits []Limit // by window, as Parse returns them
	// CountRefused: a refused request counts against the limits too. With a single limit
	// that makes no difference, because refusals end with the window.
	CountRefused bool
	// Width is the length of a tick in seconds.
	Width uint32
}

// Exact reports whether every window is a whole number of ticks.
func (t *Trial) Exact() bool {
	return !slices.ContainsFunc(t.Limits, func(l Limit) bool { return l.Window%t.Width != 0 })
}

// Check refuses windows for which ticks give no bounds. vague: the ticks are bounds
// themselves.
func (t *Trial) Check(vague bool) error {
	for i, l := range t.Limits {
		switch {
		case l.Window%t.Width != 0 && t.Width%l.Window != 0:
			return fmt.Errorf("limit: got a window of %s; want whole minutes, or seconds of which a minute has a whole number (1s, 10s, 30s): the store counts by the minute",
				Span(l.Window))
		case i > 0 && (vague || !t.Exact()) && l.Window%t.Limits[i-1].Window != 0:
			return fmt.Errorf("limit: got windows of %s and %s; want each to be a whole number of the next shorter: otherwise what is stored gives no bounds",
				Span(t.Limits[i-1].Window), Span(l.Window))
		}
	}
	return nil
}

// Verdict is what the limits do to one key.
type Verdict struct {
	Refused Bounds
	// Windows counts the windows of each limit in which it refused something.
	Windows []Bounds
	// First and Last are the first and the last tick in which something is, or may
	// be, refused; 0 when nothing is.
	First, Last uint32
}

// Run tries the limits on a key's ticks, which are sorted by time. It calls each, unless
// nil, for every tick in which requests are or may be refused, with their number and with
// the beginning of the window of each limit that refuses some of them.
func (t *Trial) Run(ticks []Tick, each func(at uint32, refused Bounds, windows []uint32)) Verdict {
	v := Verdict{Windows: make([]Bounds, len(t.Limits))}
	low, high := t.pass(), t.pass()
	windows := make([]uint32, 0, len(t.Limits))
	for _, tick := range ticks {
		refused := Bounds{Low: low.take(tick.At, tick.Low, false), High: high.take(tick.At, tick.High, true)}
		if refused.High == 0 && refused.Low == 0 {
			continue
		}
		v.Refused.Add(refused)
		if v.First == 0 {
			v.First = tick.At
		}
		v.Last = tick.At
		windows = windows[:0]
		for i := range t.Limits {
			v.Windows[i].Low += low.windows[i]
			v.Windows[i].High += high.windows[i]
			if high.over[i] {
				windows = append(windows, tick.At/t.Limits[i].Window*t.Limits[i].Window)
			} else {
				windows = append(windows, 0)
			}
		}
		if each != nil {
			each(tick.At, refused, windows)
		}
	}
	return v
}

// pass is the state of the limits along a key's ticks, for the most or for the fewest
// refusals.
type pass struct {
	*Trial
	window, used []uint64 // window+1 of each limit, and what it has counted there
	refusing     []uint64 // window+1 that is in windows already
	over         []bool   // by limit: it refuses in this tick
	windows      []uint64 // by limit: windows that begin to refuse in this tick
}

func (t *Trial) pass() *pass {
	n := len(t.Limits)
	return &pass{Trial: t, window: make([]uint64, n), used: make([]uint64, n), refusing: make([]uint64, n),
		over: make([]bool, n), windows: make([]uint64, n)}
}

// take counts n requests of a tick and returns how many are refused: the most possible if
// they come at once (worst), else the fewest, if they are spread over the windows that are
// shorter than the tick.
func (p *pass) take(at uint32, n uint64, worst bool) uint64 {
	allowed := n
	for i, l := range p.Limits {
		if now := uint64(at/l.Window) + 1; now != p.window[i] || l.Window < p.Width {
			p.window[i], p.used[i] = now, 0
		}
		allowed = min(allowed, p.left(i, worst))
	}
	for i, l := range p.Limits {
		left := p.left(i, worst)
		p.over[i], p.windows[i] = n > left && (p.CountRefused || left == allowed), 0
		if p.over[i] {
			p.windows[i] = p.begins(i, n, worst)
		}
		if l.Window >= p.Width {
			if p.CountRefused {
				p.used[i] += n
			} else {
				p.used[i] += allowed
			}
		}
	}
	return n - allowed
}

// left is what a limit still allows in the tick.
func (p *pass) left(i int, worst bool) uint64 {
	l := p.Limits[i]
	if l.Window < p.Width && !worst {
		return l.Requests * uint64(p.Width/l.Window)
	}
	return l.Requests - min(l.Requests, p.used[i])
}

// begins is how many of a limit's windows begin to refuse in a tick of n requests.
func (p *pass) begins(i int, n uint64, worst bool) uint64 {
	l := p.Limits[i]
	switch {
	case l.Window < p.Width && worst:
		return min(uint64(p.Width/l.Window), n/(l.Requests+1))
	case p.refusing[i] == p.window[i] && l.Window >= p.Width:
		return 0
	}
	p.refusing[i] = p.window[i]
	return 1
}
