package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// The codecs of a record batch.
const (
	codecGzip   = 1
	codecSnappy = 2
	codecLZ4    = 3
	codecZstd   = 4
)

func codecName(codec uint16) string {
	switch codec {
	case codecGzip:
		return "gzip"
	case codecSnappy:
		return "snappy"
	case codecLZ4:
		return "lz4"
	case codecZstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", codec)
}

var (
	errTooLarge = errors.New("larger than the decompression limit")
	errCut      = errors.New("cut off")
)

// xerialMagic begins the block stream that Java's snappy library writes.
const xerialMagic = "\x82SNAPPY\x00"

// codecs decompresses batches. It is made for one goroutine and keeps its
// decoders between calls.
type codecs struct {
	limit int // bytes of one decompressed batch

	src  bytes.Reader
	gzip *gzip.Reader
	lz4  *lz4.Reader
	zstd *zstd.Decoder
}

// decode appends the decompressed src to dst[:0] and returns it; the result
// has memory of its own when dst is too small. More than limit bytes are an
// error, found before that much memory is taken.
func (c *codecs) decode(codec uint16, dst, src []byte) ([]byte, error) {
	switch codec {
	case codecGzip:
		c.src.Reset(src)
		if c.gzip == nil {
			c.gzip = new(gzip.Reader)
		}
		if err := c.gzip.Reset(&c.src); err != nil {
			return nil, err
		}
		return readAll(c.gzip, dst[:0], c.limit)
	case codecSnappy:
		return c.snappy(dst[:0], src)
	case codecLZ4:
		c.src.Reset(src)
		if c.lz4 == nil {
			c.lz4 = lz4.NewReader(nil)
		}
		c.lz4.Reset(&c.src)
		return readAll(c.lz4, dst[:0], c.limit)
	case codecZstd:
		if c.zstd == nil {
			// The limit also bounds the window, which a writer of level 22
			// may set to 128 MiB.
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(uint64(c.limit)))
			if err != nil {
				return nil, err
			}
			c.zstd = d
		}
		out, err := c.zstd.DecodeAll(src, dst[:0])
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) || len(out) > c.limit {
			return nil, errTooLarge
		}
		return out, err
	}
	return nil, errors.New("unknown codec")
}

// readAll is io.ReadAll into dst, with a limit.
func readAll(r io.Reader, dst []byte, limit int) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			if len(dst) >= limit+1 {
				return nil, errTooLarge
			}
			grown := make([]byte, len(dst), min(max(2*cap(dst), 64<<10), limit+1))
			copy(grown, dst)
			dst = grown
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), limit+1)])
		dst = dst[:len(dst)+n]
		if len(dst) > limit {
			return nil, errTooLarge
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// snappy reads a bare snappy block, or the xerial stream of blocks.
func (c *codecs) snappy(dst, src []byte) ([]byte, error) {
	if len(src) < 16 || string(src[:len(xerialMagic)]) != xerialMagic {
		return c.snappyBlock(dst, src)
	}
	for src = src[16:]; len(src) > 0; {
		if len(src) < 4 {
			return nil, errCut
		}
		n := binary.BigEndian.Uint32(src)
		src = src[4:]
		if uint64(n) > uint64(len(src)) {
			return nil, errCut
		}
		var err error
		if dst, err = c.snappyBlock(dst, src[:n]); err != nil {
			return nil, err
		}
		src = src[n:]
	}
	return dst, nil
}

// snappyBlock appends one block, whose size is known from its head.
func (c *codecs) snappyBlock(dst, src []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > c.limit-len(dst) {
		return nil, errTooLarge
	}
	if cap(dst)-len(dst) < n {
		grown := make([]byte, len(dst), max(len(dst)+n, min(2*cap(dst), c.limit)))
		copy(grown, dst)
		dst = grown
	}
	out, err := snappy.Decode(dst[len(dst):len(dst)+n], src)
	if err != nil {
		return nil, err
	}
	return dst[:len(dst)+len(out)], nil
}
