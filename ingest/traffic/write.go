package traffic

import (
	"context"
	"fmt"
	"io"
)

// Source gives out lines: a Generator, a world's Lines, or a Delivery of either.
// Next appends a line without its newline to line and returns the result, the
// time at which the line is logged (milliseconds) and a hash that keeps a
// key's lines together; ok is false at the end.
type Source interface {
	Next(line []byte) (out []byte, unixMilli int64, partitionKey uint64, ok bool)
}

// WriteTo writes g's lines to w, each with a newline, until they end or ctx
// does. It writes about 1 MiB at a time.
func WriteTo(ctx context.Context, g Source, w io.Writer) error {
	const chunk = 1 << 20
	buffer := make([]byte, 0, chunk+4096)
	for more := true; more; {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("write traffic: %w", err)
		}
		for buffer = buffer[:0]; more && len(buffer) < chunk; {
			if buffer, _, _, more = g.Next(buffer); more {
				buffer = append(buffer, '\n')
			}
		}
		if _, err := w.Write(buffer); err != nil {
			return fmt.Errorf("write traffic: %w", err)
		}
	}
	return nil
}
