package detect

import "math"

// spreadWindows are the minutes over which the unsteadiness of a share is learnt.
// One that changes from minute to minute is steady over an hour, one that changes
// every half hour is not.
var spreadWindows = [...]int{1, 5, 15, 60}

// usualSpread is the squared coefficient of variation that many shares have from one
// minute to the next. What is learnt above it is drawn back to it by spreadBack: rises
// that were too small to be found are in it.
const (
	usualSpread = 0.4 * 0.4
	spreadBack  = 0.1
)

// leastSpread is how much a share is taken to vary over each of spreadWindows at the
// least, a squared coefficient of variation. From one minute to the next it varies more
// than one day shows: a share with a long tail keeps what is rare for the next day.
var leastSpread = [len(spreadWindows)]float64{usualSpread, 0.1, 0.1, 0.1}

// over is the squared coefficient of variation over w minutes.
func (b *baseline) over(w int) float64 {
	for i := len(spreadWindows) - 1; i > 0; i-- {
		lower, upper := spreadWindows[i-1], spreadWindows[i]
		if w >= upper {
			return b.cv2[i]
		}
		if w > lower {
			part := math.Log(float64(w)/float64(lower)) / math.Log(float64(upper)/float64(lower))
			return math.Exp((1-part)*math.Log(b.cv2[i-1]) + part*math.Log(b.cv2[i]))
		}
	}
	return b.cv2[0]
}

// spread gathers how much the share varies around the usual one of the hours around
// it, beyond counting noise. What lies far off counts as if it lay nearer: it may be
// an incident that was too small to be found.
type spread struct{ num, den float64 }

func (s *spread) add(n, k, p float64) {
	m := n * p
	d := k - m
	s.num += min(d*d-m, spreadReach*max(m, m*m))
	s.den += m * m
}

// over is the squared coefficient of variation, at least least, which it is where
// nothing is known.
func (s *spread) over(least float64) float64 {
	if s.den == 0 {
		return least
	}
	learnt := s.num / s.den
	learnt -= spreadBack * max(learnt-usualSpread, 0)
	return min(max(learnt, least), maxCV2)
}

const (
	spreadReach  = 2
	spreadBlocks = 3 * dayBlocks
	// spreadAround is how many blocks before and after count as the hours around, and
	// spreadWeight how many failures the usual share weighs against theirs.
	spreadAround = 36
	spreadWeight = 10
)

// past are the blocks that a baseline reads of the last three days, summed up from
// their beginning.
type past struct{ n, k [spreadBlocks + 1]float64 }

func (h *History) pastOf(r reader, to int32) *past {
	p := &past{}
	for i := range int32(spreadBlocks) {
		p.n[i+1], p.k[i+1] = p.n[i], p.k[i]
		if b := h.block(to - spreadBlocks + i); b != nil && b.n > 0 && r.reads(b) {
			p.n[i+1], p.k[i+1] = p.n[i]+float64(b.n), p.k[i]+float64(b.k[r.series])
		}
	}
	return p
}

// around is the share in the hours around some blocks.
func (p *past) around(from, to int, usual float64) float64 {
	from, to = max(from-spreadAround, 0), min(to+spreadAround, spreadBlocks)
	return (p.k[to] - p.k[from] + spreadWeight) / (p.n[to] - p.n[from] + spreadWeight/usual)
}

// spreads learns how unsteady the share is over each of spreadWindows but the first.
// Windows that are not all read are left out.
func (h *History) spreads(r reader, to int32, usual float64, cv2 []float64) {
	past := h.pastOf(r, to)
	for j := 1; j < len(spreadWindows); j++ {
		size := spreadWindows[j] / blockMinutes
		var of spread
		for i := 0; i+size <= spreadBlocks; i += size {
			whole := true
			for x := i; x < i+size && whole; x++ {
				whole = past.n[x+1] > past.n[x]
			}
			if whole {
				of.add(past.n[i+size]-past.n[i], past.k[i+size]-past.k[i], past.around(i, i+size, usual))
			}
		}
		if cv2[j] = of.over(leastSpread[j]); of.den == 0 && j > 1 {
			cv2[j] = cv2[j-1]
		}
	}
}

// minuteSpread learns from the minutes of the day before block to, in blocks that
// are read, how unsteady the share is from one minute to the next.
func (h *History) minuteSpread(r reader, to int32, usual, blocks float64) float64 {
	past := h.pastOf(r, to)
	var of spread
	for i := spreadBlocks - dayBlocks; i < spreadBlocks; i++ {
		if past.n[i+1] == past.n[i] {
			continue
		}
		p, first := past.around(i, i+1, usual), Minute(to-spreadBlocks+int32(i))*blockMinutes
		for m := first; m < first+blockMinutes; m++ {
			if c := h.At(m); c.N > 0 {
				of.add(float64(c.N), float64(c.k(r.series)), p)
			}
		}
	}
	if of.den == 0 {
		return max(blocks, leastSpread[0])
	}
	return of.over(leastSpread[0])
}

// spread is how unsteady the share is over w minutes. What only windows of some
// minutes ask for is learnt when they do.
func (st *spikeState) spread(h *History, series, w int) float64 {
	if b := &st.base; w < spreadWindows[1] && b.cv2[0] == 0 {
		b.cv2[0] = h.minuteSpread(reader{series, st.since, st.lifted}, st.baseAt-guardBlocks, b.share, b.cv2[1])
	}
	return st.base.over(w)
}
