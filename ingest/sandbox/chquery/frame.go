package chquery

import (
	"errors"
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/compress"
)

// frameBytes is the uncompressed size of a frame.
const frameBytes = 1 << 20

// FrameWriter writes ClickHouse's compressed frames. Flush sends what it holds.
type FrameWriter struct {
	out     io.Writer
	codec   *compress.Writer
	pending []byte // of the next frame
}

// NewFrameWriter returns a writer of frames of one method.
func NewFrameWriter(out io.Writer, method compress.Method) *FrameWriter {
	return &FrameWriter{out: out, codec: compress.NewWriter(compress.LevelZero, method)}
}

// Write implements io.Writer.
func (w *FrameWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part := min(frameBytes-len(w.pending), len(p))
		w.pending = append(w.pending, p[:part]...)
		p = p[part:]
		if len(w.pending) == frameBytes {
			if err := w.Flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// Flush writes the pending frame.
func (w *FrameWriter) Flush() error {
	if len(w.pending) == 0 {
		return nil
	}
	if err := w.codec.Compress(w.pending); err != nil {
		return fmt.Errorf("compress answer: %w", err)
	}
	w.pending = w.pending[:0]
	_, err := w.out.Write(w.codec.Data)
	return err
}

// FrameReader reads compressed frames and returns a bare io.EOF, as io.Copy needs it; the
// library wraps it. A frame over 128 MiB is an error before it is allocated.
type FrameReader struct{ r *compress.Reader }

// NewFrameReader returns a reader of the frames in r.
func NewFrameReader(r io.Reader) FrameReader { return FrameReader{compress.NewReader(r)} }

func (f FrameReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
