package fold

import (
	"fmt"

	"statline/ingest/decode"
)

// lineDecoder is what a builder needs of a decode.Decoder.
type lineDecoder interface {
	Decode(value []byte, sink decode.Sink)
	Columns(fields string)
	Scrub(raw []byte) []byte
}

// decoders lends at most as many decoders as can run at a time, so that their memory
// does not depend on the number of partitions.
type decoders struct {
	make func() (lineDecoder, error)
	free chan lineDecoder // nil stands for a decoder that is not made yet
}

func newDecoders(cfg decode.Config, n int) (*decoders, error) {
	d := &decoders{free: make(chan lineDecoder, n)}
	d.make = func() (lineDecoder, error) { return decode.New(cfg) }
	first, err := d.make()
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	for range n - 1 {
		d.free <- nil
	}
	d.free <- first
	return d, nil
}

func (d *decoders) get() lineDecoder {
	if dec := <-d.free; dec != nil {
		return dec
	}
	return d.fresh()
}

func (d *decoders) fresh() lineDecoder {
	dec, err := d.make()
	if err != nil {
		panic(err) // the same configuration has made a decoder before
	}
	return dec
}

func (d *decoders) put(dec lineDecoder) { d.free <- dec }
