package file

import (
	"bytes"
	"errors"
	"io"
)

// cutter splits what the store does not have into spans, until stop is closed. broken
// is closed when a worker has failed.
type cutter struct {
	*job
	stop, broken <-chan struct{}
	spans        chan<- span
}

// send hands a span to a worker; false means that no more are taken.
func (c *cutter) send(s span) bool {
	select {
	case c.spans <- s:
		return true
	case <-c.stop:
	case <-c.broken:
	}
	return false
}

// missing is the first stretch from at on that has to be written.
func (c *cutter) missing(at int64) stretch {
	if c.stream == nil {
		return (&stream{}).next(at)
	}
	return c.stream.next(at)
}

// file splits a plain file into spans that end with a line.
func (c *cutter) file() error {
	for at := int64(0); ; {
		m := c.missing(at)
		if m.first >= c.in.Size {
			return nil
		}
		s := span{first: m.first, end: min(m.end, c.in.Size), declared: m.declared}
		if end := m.first + int64(c.cfg.BlockBytes); s.declared == nil && end < s.end {
			var err error
			if s.end, err = c.in.lineEnd(m.first, end, s.end); err != nil {
				return err
			}
		}
		before := []byte{'\n'}
		if s.first > 0 {
			if _, err := c.in.plain.ReadAt(before, s.first-1); err != nil {
				return c.in.readError(err)
			}
		}
		s.within = before[0] != '\n'
		if !c.send(s) {
			return nil
		}
		at = s.end
	}
}

// lineEnd is the end of the last line that ends in (first, end]; if none does, of the
// first one after it, at most last.
func (in *Input) lineEnd(first, end, last int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for to := end; to > first; {
		from := max(first, to-int64(len(buf)))
		part := buf[:to-from]
		if _, err := in.plain.ReadAt(part, from); err != nil {
			return 0, in.readError(err)
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		to = from
	}
	for end < last {
		n, err := in.plain.ReadAt(buf[:min(int64(len(buf)), last-end)], end)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return end + int64(i) + 1, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, in.readError(err)
		}
		if n == 0 {
			break
		}
		end += int64(n)
	}
	return last, nil
}

// chunkBytes is how much text is read at once; a longer line is read whole.
const chunkBytes = 1 << 20

// text reads chunks of whole lines and hands out one span after the other: while one
// worker writes its rows, another folds.
func (c *cutter) text() error {
	// Buffers for chunks on their way, one being read and one being folded.
	c.buffers = make(chan []byte, 8)
	for range cap(c.buffers) {
		c.buffers <- nil
	}
	for at := int64(0); ; {
		m := c.missing(at)
		if m.first > at || at == 0 {
			if err := c.in.seek(m.first); err != nil {
				return c.unlessStopped(err)
			}
			at = m.first
		}
		if len(c.rest) == 0 {
			if ended, err := c.in.empty(); ended || err != nil {
				return c.unlessStopped(err)
			}
		}
		s := span{first: at, chunks: make(chan []byte, cap(c.buffers)), declared: m.declared,
			within: at > 0 && len(c.rest) == 0 && c.in.last != '\n', columns: c.in.fields.before(at)}
		if !c.send(s) {
			return nil
		}
		n, ended, err := c.deal(s.chunks, m)
		if ended || err != nil {
			return c.unlessStopped(err)
		}
		at += n
	}
}

// unlessStopped returns nil for the end of reading that was asked for.
func (c *cutter) unlessStopped(err error) error {
	select {
	case <-c.stop:
		return nil
	default:
		return err
	}
}

// deal reads the text of a span of m into chunks, and returns how much it was and
// whether there is more.
func (c *cutter) deal(chunks chan<- []byte, m stretch) (n int64, ended bool, err error) {
	defer close(chunks)
	left, want := m.end-m.first, int64(c.cfg.BlockBytes)
	if m.declared != nil {
		want = left
	}
	for left > 0 {
		var buf []byte
		select {
		case buf = <-c.buffers:
		case <-c.stop:
			return n, true, nil
		case <-c.broken:
			return n, true, nil
		}
		text, err := c.chunk(buf, min(want, left, chunkBytes), left)
		if len(text) > 0 {
			chunks <- text // never waits: there are no more buffers than room
		}
		n += int64(len(text))
		left, want = left-int64(len(text)), want-int64(len(text))
		c.progress.OnDisk.Store(c.in.Consumed())
		if err != nil {
			return n, true, c.atEnd(err)
		}
		if m.declared == nil && want < chunkBytes {
			break
		}
	}
	return n, false, nil
}

func (c *cutter) atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// slowRead: when a read brings less, a pipe or terminal has no more at the moment.
// What has come is then folded without waiting for more.
const slowRead = 4 << 10

// chunk reads at least one line: about size bytes of whole lines, but at most limit
// bytes, where a chunk may end within a line. What follows the last line feed is kept
// for the next call. With an error, including io.EOF, it returns the last chunk;
// unless the text ends there, that has whole lines.
func (c *cutter) chunk(buf []byte, size, limit int64) ([]byte, error) {
	size = min(max(size, int64(len(c.rest))+1), limit)
	if int64(cap(buf)) < size {
		buf = make([]byte, 0, size)
	}
	buf = append(buf[:0], c.rest...)
	c.rest = nil
	for {
		for int64(len(buf)) < size {
			n, err := c.in.Read(buf[len(buf):size])
			buf = buf[:len(buf)+n]
			if err == io.EOF {
				return buf, io.EOF
			}
			if err != nil {
				return buf[:bytes.LastIndexByte(buf, '\n')+1], c.in.readError(err)
			}
			if c.in.waits() && n < slowRead && int64(len(buf)) < limit && bytes.IndexByte(buf, '\n') >= 0 {
				size = int64(len(buf)) // there is no more just now
			}
		}
		if size == limit {
			return buf, nil
		}
		if i := bytes.LastIndexByte(buf, '\n'); i >= 0 {
			c.rest = append([]byte(nil), buf[i+1:]...)
			return buf[:i+1], nil
		}
		if size >= maxLine {
			return nil, c.in.tooLong()
		}
		size = min(2*size, maxLine, limit)
		buf = append(make([]byte, 0, size), buf...)
	}
}
