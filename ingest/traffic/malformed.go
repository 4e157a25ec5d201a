package traffic

// malformed appends a line that is no response: cut off, not JSON, or without a usable
// time.
func (g *Generator) malformed(line []byte) ([]byte, int64, uint64, bool) {
	at := max(int64(g.clock), g.start)
	x := g.rand.Uint64()
	switch x % 5 {
	case 0:
		line = append(line, `{"ts":"`...)
		line = g.times.append(line, at)
		line = append(line, `","service":"movies","method":"GET","path":"/3/mov`...)
	case 1:
		line = append(line, `upstream prematurely closed connection while reading response header from upstream`...)
	case 2:
		line = append(line, `{"service":"movies","method":"GET","path":"/3/movie/popular","status":200}`...)
	case 3:
		line = append(line, `{"ts":"not a time","service":"tv","method":"GET","path":"/3/tv/popular","status":200}`...)
	case 4:
		line = append(line, '{', 0x00, 0xff, 0xfe)
		line = appendHex(line, x, 16)
	}
	g.tally.records++
	g.tally.rejected++
	return line, at, x, true
}
