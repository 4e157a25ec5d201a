package source

import (
	"bufio"
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
	flow *zstd.Decoder // zstd, piece by piece
}

// maxWindow is the largest window of zstd: that of its highest level, which a
// batch of any size may ask for.
const maxWindow = 128 << 20

// parts opens a batch that decompresses to more than the limit, to be read in parts.
// Without a reader only its size is known: a snappy block, and zstd with a huge
// window, give nothing before they give everything.
func (c *codecs) parts(codec uint16, src []byte) (*parts, error) {
	c.src.Reset(src)
	var r io.Reader
	switch codec {
	case codecGzip:
		if err := c.gzip.Reset(&c.src); err != nil {
			return nil, err
		}
		r = c.gzip
	case codecLZ4:
		c.lz4.Reset(&c.src)
		r = c.lz4
	case codecZstd:
		if c.flow == nil {
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			c.flow = d
		}
		if err := c.flow.Reset(&c.src); err != nil {
			return nil, err
		}
		r = c.flow
	case codecSnappy:
		if !xerial(src) {
			n, err := snappy.DecodedLen(src)
			return &parts{whole: int64(n)}, err
		}
		r = &xerialReader{src: src[xerialHeader:], limit: c.limit}
	}
	p := &parts{r: bufio.NewReaderSize(r, 64<<10)}
	if _, err := p.r.Peek(1); errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return &parts{whole: int64(len(src))}, nil
	}
	return p, nil
}

// decode appends the decompressed src to dst[:0] and returns it, in new memory when
// dst is too small. More than limit bytes are an error, found before that much memory
// is used.
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
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(uint64(c.limit)), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			c.zstd = d
		}
		out, err := c.zstd.DecodeAll(src, dst[:0])
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) ||
			len(out) > c.limit {
			return nil, errTooLarge
		}
		return out, err
	}
	return nil, errors.New("unknown codec")
}

// lz4Block is the largest block of what Kafka's clients compress with lz4: a reader that
// has so much room writes there what it decompresses, and copies otherwise.
const lz4Block = 64 << 10

// readAll is io.ReadAll into dst, with a limit.
func readAll(r io.Reader, dst []byte, limit int) ([]byte, error) {
	for {
		if cap(dst)-len(dst) < min(lz4Block, limit+1-len(dst)) {
			grown := make([]byte, len(dst), min(max(2*cap(dst), len(dst)+lz4Block), limit+1))
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
	if !xerial(src) {
		return snappyBlock(dst, src, c.limit)
	}
	for src = src[xerialHeader:]; len(src) > 0; {
		b, rest, err := xerialBlock(src)
		if err != nil {
			return nil, err
		}
		if dst, err = snappyBlock(dst, b, c.limit); err != nil {
			return nil, err
		}
		src = rest
	}
	return dst, nil
}

// xerialHeader is the magic and two versions.
const xerialHeader = 16

func xerial(src []byte) bool {
	return len(src) >= xerialHeader && string(src[:len(xerialMagic)]) == xerialMagic
}

// xerialBlock splits off the first block of a stream.
func xerialBlock(src []byte) (b, rest []byte, err error) {
	if len(src) < 4 {
		return nil, nil, errCut
	}
	n := binary.BigEndian.Uint32(src)
	src = src[4:]
	if uint64(n) > uint64(len(src)) {
		return nil, nil, errCut
	}
	return src[:n], src[n:], nil
}

// xerialReader reads a stream of blocks, one at a time.
type xerialReader struct {
	src, block []byte // to come; what is left of the open block
	limit      int
	buf        []byte
}

// Read implements io.Reader.
func (x *xerialReader) Read(p []byte) (int, error) {
	for len(x.block) == 0 {
		if len(x.src) == 0 {
			return 0, io.EOF
		}
		b, rest, err := xerialBlock(x.src)
		if err == nil {
			x.buf, err = snappyBlock(x.buf[:0], b, x.limit)
		}
		if err != nil {
			return 0, err
		}
		x.src, x.block = rest, x.buf
	}
	n := copy(p, x.block)
	x.block = x.block[n:]
	return n, nil
}

// snappyBlock appends one block, whose size is in its header.
func snappyBlock(dst, src []byte, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > limit-len(dst) {
		return nil, errTooLarge
	}
	if cap(dst)-len(dst) < n {
		grown := make([]byte, len(dst), max(len(dst)+n, min(2*cap(dst), limit)))
		copy(grown, dst)
		dst = grown
	}
	out, err := snappy.Decode(dst[len(dst):len(dst)+n], src)
	if err != nil {
		return nil, err
	}
	return dst[:len(dst)+len(out)], nil
}
