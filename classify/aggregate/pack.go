package aggregate

import (
	"math"
	"slices"

	"statline/classify"
)

// The keys of rows are packed into words, so that hashing and comparing them takes a
// few instructions. Only this file knows the layout. Words order as their parts do,
// from the left.

// minuteAnd is (minute, number): a minute since 1970, and the number of a
// service or of dimensions in it.
func minuteAnd(minute, number uint32) uint64 { return uint64(minute)<<32 | uint64(number) }

func minuteIn(w uint64) uint32 { return uint32(w >> 32) }

func numberIn(w uint64) uint32 { return uint32(w) }

// answer is (http status, code, outcome, decided by, blame, 8 bits that are 0): a
// response row without its minute and its names.
type answer uint64

func answerOf(r *classify.Response, d classify.Decision) answer {
	return answer(max(r.Status, 0))<<48 | answer(d.Code)<<32 |
		answer(d.Outcome)<<24 | answer(d.DecidedBy)<<16 | answer(r.Blame)<<8
}

func (a answer) status() uint16                { return uint16(a >> 48) }
func (a answer) code() uint16                  { return uint16(a >> 32) }
func (a answer) outcome() classify.Outcome     { return classify.Outcome(a >> 24) }
func (a answer) decidedBy() classify.DecidedBy { return classify.DecidedBy(a >> 16) }
func (a answer) blame() classify.Blame         { return classify.Blame(a >> 8) }

// result is (outcome, code): what a key's or a client's row says of a response.
type result uint32

func resultOf(d classify.Decision) result { return result(d.Outcome)<<16 | result(d.Code) }

// resultOfType is (number of the error type, result).
func resultOfType(errorType uint32, r result) uint64 { return uint64(errorType)<<32 | uint64(r) }

func errorTypeIn(w uint64) uint32 { return uint32(w >> 32) }

func (r result) outcome() classify.Outcome { return classify.Outcome(r >> 16) }
func (r result) code() uint16              { return uint16(r) }

// numberRef is a ref of (minute, number, answer).
func numberRef(minute, number uint32, a answer, row uint32) ref {
	return ref{[3]uint64{minuteAnd(minute, number), uint64(a)}, row}
}

func (r *ref) minute() uint32 { return minuteIn(r.w[0]) }

// number and answer are those of a numberRef.
func (r *ref) number() uint32 { return numberIn(r.w[0]) }
func (r *ref) answer() answer { return answer(r.w[1]) }

// A valueRef is a ref of (day, rank of the outcome, a 128-bit value, 29 bits of what,
// minute of the day). Of one day that is how the tables of keys and of clients are
// sorted: the server need not sort what is inserted, and the minutes of an hour
// follow each other.
func valueRef(minute uint32, o classify.Outcome, v words, what, row uint32) ref {
	return ref{[3]uint64{
		uint64(minute/dayMinutes)<<48 | uint64(outcomeRanks[o])<<40 | v[0]>>24,
		v[0]<<40 | v[1]>>24,
		v[1]<<40 | uint64(what)<<minuteBits | uint64(minute%dayMinutes),
	}, row}
}

const (
	dayMinutes = 24 * 60
	minuteBits = 11
)

// outcomeRanks order outcomes by their names.
var outcomeRanks = func() (ranks [256]uint8) {
	names := make([]string, len(ranks))
	for i := range names {
		names[i] = classify.Outcome(i).String()
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	for i, name := range names {
		n, _ := slices.BinarySearch(sorted, name)
		ranks[i] = uint8(n)
	}
	return ranks
}()

// spelled is a key's id as a value that orders as its stored form does: in
// base32's alphabet 2 to 7 come after z, among characters before a. OtherKey's
// underscores come between.
func spelled(key words) words {
	if key == wordsOf(classify.OtherKey) {
		return otherSpelled
	}
	first, second := key[0]>>4, (key[0]&0xf)<<56|key[1]>>8 // 12 characters each
	first, second = respell(first), respell(second)
	last := (key[1]>>3+6)&0x1f<<3 | (key[1]+1)&7 // 5 bits, and 3, of which 7 is a 4
	return words{first<<4 | second>>56, second<<8 | last}
}

// otherSpelled comes after all that begin with a digit.
var otherSpelled = words{6<<59 - 1, math.MaxUint64}

// respell adds 6, modulo 32, to each of twelve groups of 5 bits.
func respell(x uint64) uint64 {
	const ones = 0x084210842108421 // 1 in each group
	return (x&(ones*15) + ones*6) ^ x&(ones*16)
}
