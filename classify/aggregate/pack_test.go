package aggregate

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"statline/classify"
)

// TestSpelled: keys order as the server orders their stored forms.
func TestSpelled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func() (k classify.KeyID) {
		binary.BigEndian.PutUint64(k[:8], r.Uint64())
		binary.BigEndian.PutUint64(k[8:], r.Uint64())
		return k
	}
	for range 20_000 {
		a := draw()
		b := draw()
		switch r.IntN(10) {
		case 0:
			b = classify.OtherKey
		case 1:
			a = classify.OtherKey
		case 2, 3, 4: // they part late
			n := r.IntN(16)
			copy(b[:n], a[:n])
		case 5:
			b = a
			b[15] ^= byte(1 + r.IntN(255))
		}
		want := cmp.Compare(a.String(), b.String())
		if got := spelled(wordsOf(a)).compare(spelled(wordsOf(b))); got != want {
			t.Fatalf("got %d for %s and %s; want %d", got, a, b, want)
		}
	}
}

// minuteOf, value and what are those of a valueRef.
func (r *ref) minuteOf() uint32 {
	return uint32(r.w[0]>>48)*dayMinutes + uint32(r.w[2]&(1<<minuteBits-1))
}
func (r *ref) value() words { return words{r.w[0]<<24 | r.w[1]>>40, r.w[1]<<24 | r.w[2]>>40} }
func (r *ref) what() uint32 { return uint32(r.w[2]>>minuteBits) & (1<<29 - 1) }

// TestValueRef: what is packed comes out, and orders from the left.
func TestValueRef(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var last ref
	for i := range 10_000 {
		minute, what := r.Uint32N(1<<32/60), r.Uint32N(1<<29)
		outcome, value := classify.Outcome(r.UintN(12)), words{r.Uint64(), r.Uint64()}
		got := valueRef(minute, outcome, value, what, uint32(i))
		if got.minuteOf() != minute || got.value() != value || got.what() != what {
			t.Fatalf("got %d %x %d; want %d %x %d", got.minuteOf(), got.value(), got.what(), minute, value, what)
		}
		if i%2 == 0 { // of the same day and outcome
			last = valueRef(minute, outcome, words{r.Uint64(), r.Uint64()}, what, 0)
			want := value.less(last.value())
			if got.less(&last) != want {
				t.Fatalf("got %t for %x and %x; want %t", !want, value, last.value(), want)
			}
		}
	}
}
