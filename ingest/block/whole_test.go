package block

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Promise: whoever reads between blocks finds every block that has a row in the
// ledger as stored.
func TestReadersSeeWholeBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(5000)
		h.cfg.Limits.Records, h.cfg.Pipelined = 20, true
		h.env.Whole = NewWhole()
		go func() { h.ended <- Run(t.Context(), h.cfg, h.env, h.stop) }()
		halves, reads := 0, 0
		for range 200 {
			err := h.env.Whole.Read(t.Context(), time.Second, func() error {
				reads++
				halves += h.w.halfWritten()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(7 * time.Millisecond)
		}
		h.finish(t)
		if h.w.halfWritten() != 0 || halves > 0 || reads != 200 || len(h.w.ledger) < 30 {
			t.Errorf("got %d half written blocks in %d reads, %d rows of the ledger", halves, reads, len(h.w.ledger))
		}
	})
}

// halfWritten counts the blocks that have rows and are not stored.
func (w *world) halfWritten() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	begun := map[string]bool{}
	for _, op := range w.ops {
		if of, ok := strings.CutPrefix(op, "insert "); ok {
			of = of[:strings.LastIndex(of[:strings.LastIndex(of, "/")], "/")]
			begun[of[strings.LastIndex(of, "/")+1:]] = true
		}
		var first, end int64
		if _, err := fmt.Sscanf(op, "ledger block stored [%d,%d)", &first, &end); err == nil {
			delete(begun, fmt.Sprintf("%d-%d", first, end))
		}
	}
	return len(begun)
}

// Promise: neither a block that is never whole nor a reader stops the other blocks: the
// reader gives up after its patience, and one that was refused holds nobody off.
func TestNobodyWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWhole()
		hung, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- w.Write(hung, func() error { <-hung.Done(); return hung.Err() })
		}()
		synctest.Wait()
		began := time.Now()
		got := make(chan error)
		go func() {
			got <- w.Read(t.Context(), 2*time.Second, func() error { t.Error("it read half a block"); return nil })
		}()
		synctest.Wait()
		if err := w.Write(t.Context(), func() error { return nil }); err != nil { // waits for the reader
			t.Error(err)
		}
		if err := <-got; !errors.Is(err, ErrHalfWritten) || time.Since(began) != 2*time.Second {
			t.Errorf("a reader beside a hung block: got %v after %s; want ErrHalfWritten after its patience", err,
				time.Since(began))
		}
		cancel()
		<-ended
		if err := w.Read(t.Context(), time.Second, func() error { return errKilled }); !errors.Is(err, errKilled) {
			t.Errorf("got %v; want the reader's own error", err)
		}
		waiting, stop := context.WithCancel(t.Context())
		err := w.Read(t.Context(), time.Second, func() error {
			stop()
			return w.Write(waiting, func() error { t.Error("it wrote beside a reader"); return nil })
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a block that is stopped while a reader reads: got %v", err)
		}
		var none *Whole
		if err := errors.Join(none.Write(t.Context(), func() error { return nil }),
			none.Read(t.Context(), 0, func() error { return nil })); err != nil {
			t.Error(err)
		}
	})
}
