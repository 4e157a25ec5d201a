package file

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"github.com/cespare/xxhash/v2"

	"statline/ingest/block"
)

// stretch is the text of a block, or the text between two blocks.
type stretch struct {
	first, end int64
	pieces     []piece
	// declared is set when some, but perhaps not all, of the block's rows are stored:
	// it has to be written as it was declared.
	declared *block.LedgerRow
}

// stream is the text of one file, as far as the store has it.
type stream struct {
	topic   string
	names   []string // of the file, when blocks were written and in this run
	claimed string   // the input of this run that it belongs to
	blocks  []stretch
}

// name is the file's newest name.
func (s *stream) name() string { return s.names[len(s.names)-1] }

// called adds a name.
func (s *stream) called(name string) {
	s.names = append(slices.DeleteFunc(s.names, func(n string) bool { return n == name }), name)
}

func (s *stream) end() int64 {
	if len(s.blocks) == 0 {
		return 0
	}
	return s.blocks[len(s.blocks)-1].end
}

// next is the first stretch from offset at on that has to be written.
func (s *stream) next(at int64) stretch {
	for _, b := range s.blocks {
		switch {
		case b.end <= at:
		case b.first > at:
			return stretch{first: at, end: b.first}
		case b.declared != nil:
			return b
		default:
			at = b.end
		}
	}
	return stretch{first: at, end: math.MaxInt64}
}

// known has every file of which the store has something.
type known struct {
	streams map[string]*stream // by topic
	root    *node
	// old are the topics of version 1, which recognised a file by its first line.
	old map[string]bool
}

// newKnown reads the ledger's rows of kind block.
func newKnown(rows []block.LedgerRow) (*known, error) {
	k := &known{streams: map[string]*stream{}, root: &node{}, old: map[string]bool{}}
	stored := map[block.ID]bool{}
	for i := range rows {
		if rows[i].State == block.Stored {
			stored[rows[i].ID] = true
		}
	}
	for i := range rows {
		row := &rows[i]
		if row.State != block.Declared {
			continue
		}
		if row.Note == "" {
			k.old[row.Topic] = true
			continue
		}
		name, all, err := readNote(row.Note, row.First, row.End)
		if err != nil {
			return nil, fmt.Errorf("block %s: %w; a newer one kept it: use that, or another --data directory", row.ID,
				err)
		}
		b := stretch{first: row.First, end: row.End, pieces: all}
		if !stored[row.ID] {
			b.declared = row
		}
		s := k.streams[row.Topic]
		if s == nil {
			s = &stream{topic: row.Topic}
			k.streams[row.Topic] = s
		}
		s.called(name)
		s.blocks = append(s.blocks, b)
	}
	for _, s := range k.streams {
		k.add(s)
	}
	return k, nil
}

// topic is a name for a new stream, made of the text at its beginning, with a number
// if another begins the same way.
func (k *known) topic(first []piece) string {
	h := xxhash.New()
	for _, p := range first {
		_, _ = fmt.Fprintf(h, "%d-%x ", p.end, p.sum) // never fails
	}
	name := hex.EncodeToString(h.Sum(nil))
	topic := name
	for n := 2; k.streams[topic] != nil || k.old[topic]; n++ {
		topic = fmt.Sprintf("%s-%d", name, n)
	}
	return topic
}

// node is a position in the text of one or more streams, which have the same pieces up
// to it.
type node struct {
	lines   uint64 // of the piece that ends here
	next    map[[2]int64]*branch
	streams []*stream // that end here
}

// branch is a possible continuation of the text: pieces with the same range, by their
// digests.
type branch struct {
	first, end int64
	bySum      map[uint64]*node
}

// add adds a stream's pieces to the tree.
func (k *known) add(s *stream) {
	slices.SortFunc(s.blocks, func(a, b stretch) int { return cmp.Compare(a.first, b.first) })
	n := k.root
	for _, b := range s.blocks {
		for _, p := range b.pieces {
			n = n.child(p)
		}
	}
	n.streams = append(n.streams, s)
}

// remove removes a stream from the tree, before blocks are added to it.
func (k *known) remove(s *stream) {
	n := k.root
	for _, b := range s.blocks {
		for _, p := range b.pieces {
			n = n.child(p)
		}
	}
	n.streams = slices.DeleteFunc(n.streams, func(o *stream) bool { return o == s })
}

func (n *node) child(p piece) *node {
	key := [2]int64{p.first, p.end}
	b := n.next[key]
	if b == nil {
		if n.next == nil {
			n.next = map[[2]int64]*branch{}
		}
		b = &branch{first: p.first, end: p.end, bySum: map[uint64]*node{}}
		n.next[key] = b
	}
	c := b.bySum[p.sum]
	if c == nil {
		c = &node{lines: p.lines}
		b.bySum[p.sum] = c
	}
	return c
}

// below calls with for every stream at or below n.
func (n *node) below(with func(*stream)) {
	for _, s := range n.streams {
		with(s)
	}
	for _, b := range n.next {
		for _, c := range b.bySum {
			c.below(with)
		}
	}
}

// match is a stream that an input agrees with, as far as both have text.
type match struct {
	stream  *stream
	covered int64 // how much of the input's text it is
	// beginning: the input ends within the stream, or with it.
	beginning bool
}

// find returns the stream that an input belongs to; its stream is nil for a file that
// the store does not have. Of several, it takes the one with most of the text, then
// the shortest. With distinct, each stream belongs to one input of a run only,
// preferably to the one with its name, and never to a part of it.
func (k *known) find(in *Input, distinct bool) (match, error) {
	found, unsure, err := k.candidates(in)
	if err != nil {
		return match{}, err
	}
	path := absolute(in.Name)
	if distinct {
		found = slices.DeleteFunc(found, func(m match) bool {
			return m.stream.claimed != "" || m.beginning && m.covered < m.stream.end()
		})
	}
	slices.SortFunc(found, func(a, b match) int {
		if own := a.stream.name() == path; distinct && own != (b.stream.name() == path) {
			if own {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.covered, a.covered), cmp.Compare(a.stream.end(), b.stream.end()),
			cmp.Compare(a.stream.topic, b.stream.topic))
	})
	switch {
	case len(found) > 0 && found[0].beginning:
		return found[0], nil
	case unsure != nil && !distinct:
		return match{},
			&InputError{fmt.Errorf("%s begins as %s does, which is stored and is no longer there to compare the "+
				"rest with: when it is a part of that, all of it is stored already; --distinct counts it as a file of its own",
				in.Name, unsure.name())}
	case len(found) > 0:
		return found[0], nil
	case len(k.old) > 0 && !distinct:
		return match{}, k.refuseOld(in)
	}
	return match{}, nil
}

// candidates are the streams that agree with the input's text. unsure is one of which
// that cannot be decided.
func (k *known) candidates(in *Input) (found []match, unsure *stream, err error) {
	var text io.Reader = in
	if in.plain != nil {
		text = stoppable{io.NewSectionReader(in.plain, 0, in.Size), in.stop}
	}
	f := follower{}
	if err := f.follow(text, k.root); err != nil {
		return nil, nil, in.readError(err)
	}
	for _, n := range f.whole {
		for _, s := range n.streams {
			found = append(found, match{stream: s, covered: s.end(), beginning: f.ended && s.end() == f.at})
		}
	}
	inside := func(s *stream) { found = append(found, match{stream: s, covered: f.at, beginning: true}) }
	for _, b := range f.behind {
		for _, n := range b.bySum {
			n.below(inside)
		}
	}
	for _, b := range f.within {
		for sum, n := range b.bySum {
			if n.lines == 1 && f.feed >= b.first {
				continue // the line ends sooner here
			}
			n.below(func(s *stream) {
				switch same, err := f.compare(s, piece{first: b.first, end: b.end, sum: sum}); {
				case err != nil:
					unsure = s
				case same:
					inside(s)
				}
			})
		}
	}
	return found, unsure, nil
}

// compare reads a stream's own file, where a piece of it is longer than the input. It
// is an error when that file no longer exists.
func (f *follower) compare(s *stream, p piece) (same bool, err error) {
	for _, name := range slices.Backward(s.names) {
		var sum uint64
		if sum, err = digest(name, p, f.at); err == nil {
			return sum == f.sums[p.first].Sum64(), nil
		}
	}
	return false, err
}

// digest reads a piece of a file, which must be unchanged, and returns the digest of
// its part before an offset.
func digest(name string, p piece, before int64) (sum uint64, err error) {
	if name == "-" {
		return 0, errors.New("standard input cannot be read again")
	}
	in, err := Open(name, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := in.seek(p.first); err != nil {
		return 0, err
	}
	h := xxhash.New()
	if _, err := io.CopyN(h, in, before-p.first); err != nil {
		return 0, err
	}
	sum = h.Sum64()
	if _, err := io.CopyN(h, in, p.end-before); err != nil {
		return 0, err
	}
	if h.Sum64() != p.sum {
		return 0, fmt.Errorf("%s has changed", name)
	}
	return sum, nil
}

// refuseOld says what to do about a file that version 1 may have stored: it recognised
// a file by its first line, which other files may have too.
func (k *known) refuseOld(in *Input) error {
	line, err := in.firstLine()
	if err != nil {
		return err
	}
	if !k.old[oldTopic(line)] {
		return nil
	}
	return &InputError{fmt.Errorf("%s: the store was kept by a version that knew files by their first line, and has one with "+
		"the first line of this: whether it is this one cannot be told; analyze it into another --data directory, or count it "+
		"as a new file with --distinct", in.Name)}
}

func oldTopic(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:8])
}

// firstLine is the first non-blank line, or the first 64 KiB of it.
func (in *Input) firstLine() ([]byte, error) {
	if in.at > 0 {
		if err := in.rewind(); err != nil {
			return nil, err
		}
	}
	r := bufio.NewReaderSize(in, 1<<16)
	for n := 4096; ; n *= 2 {
		b, err := r.Peek(min(n, 1<<16))
		line := bytes.TrimLeft(b, "\r\n \t")
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			return line[:i], nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, in.readError(err)
		}
		if err != nil || n >= 1<<16 {
			return line, nil
		}
	}
}

// absolute is a name under which a file can be found from any directory.
func absolute(name string) string {
	if path, err := filepath.Abs(name); name != "-" && err == nil {
		return path
	}
	return name
}
