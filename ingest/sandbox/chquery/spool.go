package chquery

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// spool is a file that holds one INSERT's rows while the engine reads them.
//
// Rows cannot go into the query's text: the engine ends inline data at the first blank
// line, which binary formats contain. A pipe would save the copy, but a client that dies
// would look like the end of the data, and a part of its rows would be inserted.
type spool struct {
	file *os.File
	path string
	size int64
}

// keepBytes is the largest spool that is used again.
const keepBytes = 32 << 20

// spools keeps files, with their memory, for the next INSERT.
type spools struct {
	mu   sync.Mutex
	free []*spool
}

func (p *spools) get() (*spool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		s := p.free[n-1]
		p.free = p.free[:n-1]
		return s, nil
	}
	return newSpool()
}

// put takes back a spool that no query reads any more.
func (p *spools) put(s *spool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.size <= keepBytes && len(p.free) < 2 {
		p.free = append(p.free, s)
		return
	}
	_ = s.close()
}

func (p *spools) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.free {
		_ = s.close()
	}
	p.free = nil
}

// Rows are those of an INSERT, in the statement's format.
type Rows interface {
	// WriteRows writes all of them and returns their size in bytes.
	WriteRows(w io.Writer) (int64, error)
}

// FromReader are the rows that r gives.
func FromReader(r io.Reader) Rows { return readerRows{r} }

type readerRows struct{ io.Reader }

// WriteRows implements Rows. The file's own ReadFrom would read in pieces of
// 32 KiB.
func (r readerRows) WriteRows(w io.Writer) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 256<<10))
}

// fill replaces the contents by rows.
func (s *spool) fill(rows Rows) error {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind spool: %w", err)
	}
	n, err := rows.WriteRows(s.file)
	s.size = n
	if err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	if err := s.file.Truncate(n); err != nil {
		return fmt.Errorf("cut spool: %w", err)
	}
	return nil
}
