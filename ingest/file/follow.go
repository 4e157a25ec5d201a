package file

import (
	"bytes"
	"container/heap"
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"
)

// follower reads a text along the tree of known streams, once from beginning to end,
// with every stream that still agrees.
type follower struct {
	at     int64
	feed   int64 // the last line feed read
	ended  bool  // the text has ended at at
	events events
	sums   map[int64]*sum // by where they began

	whole  []*node   // with streams of which the text has all
	behind []*branch // that begin at or behind the end of the text
	within []*branch // in which the text ends
}

// sum digests the text from one offset on, for all branches that need it.
type sum struct {
	xxhash.Digest
	users int
}

// event is where a branch begins or ends.
type event struct {
	at     int64
	begins bool
	branch *branch
}

// events is a heap: the nearest first, and at the same offset ends before beginnings.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && !e[i].begins && e[j].begins
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// follow reads until no known stream goes on, or to the text's end.
func (f *follower) follow(text io.Reader, root *node) error {
	f.sums, f.feed = map[int64]*sum{}, -1
	f.reach(root)
	var buf []byte
	for len(f.events) > 0 {
		if buf == nil {
			buf = make([]byte, 256<<10)
		}
		stop := f.events[0].at
		for f.at < stop {
			n, err := text.Read(buf[:min(int64(len(buf)), stop-f.at)])
			f.read(buf[:n])
			if errors.Is(err, io.EOF) && f.at < stop {
				f.ended = true
				f.leave()
				return nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
		for len(f.events) > 0 && f.events[0].at == stop {
			f.pass(heap.Pop(&f.events).(event))
		}
	}
	return nil
}

func (f *follower) read(text []byte) {
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		f.feed = f.at + int64(i)
	}
	for _, s := range f.sums {
		_, _ = s.Write(text) // never fails
	}
	f.at += int64(len(text))
}

// reach continues from a node that the text agrees with.
func (f *follower) reach(n *node) {
	if len(n.streams) > 0 {
		f.whole = append(f.whole, n)
	}
	for _, b := range n.next {
		heap.Push(&f.events, event{at: b.first, begins: true, branch: b})
	}
}

func (f *follower) pass(e event) {
	b := e.branch
	if e.begins {
		s := f.sums[b.first]
		if s == nil {
			s = &sum{}
			s.Reset()
			f.sums[b.first] = s
		}
		s.users++
		heap.Push(&f.events, event{at: b.end, branch: b})
		return
	}
	s := f.sums[b.first]
	if n := b.bySum[s.Sum64()]; n != nil {
		f.reach(n)
	}
	if s.users--; s.users == 0 {
		delete(f.sums, b.first)
	}
}

// leave sorts out the branches whose end the text does not reach.
func (f *follower) leave() {
	for _, e := range f.events {
		if e.branch.first >= f.at {
			f.behind = append(f.behind, e.branch)
		} else {
			f.within = append(f.within, e.branch)
		}
	}
}
