package aggregate

import "statline/classify"

// The keys of rows are packed into words, so that they are hashed and compared
// in a few instructions. Where the bits lie is known here only. A word orders
// as its parts do, from the left.

// minuteAnd is (minute, number): a minute since 1970, and the number of a
// service or of dimensions in it.
func minuteAnd(minute, number uint32) uint64 { return uint64(minute)<<32 | uint64(number) }

func minuteIn(w uint64) uint32 { return uint32(w >> 32) }

func numberIn(w uint64) uint32 { return uint32(w) }

// answer is (http status, code, outcome, decided by, blame, 8 bits that are 0):
// what a response row says besides its minute and its names.
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

// wordsRef is a ref of (minute, a 128-bit value, what).
func wordsRef(minute uint32, v words, what, row uint32) ref {
	return ref{[3]uint64{uint64(minute)<<32 | v[0]>>32, v[0]<<32 | v[1]>>32, v[1]<<32 | uint64(what)}, row}
}

// value and what are those of a wordsRef.
func (r *ref) value() words { return words{r.w[0]<<32 | r.w[1]>>32, r.w[1]<<32 | r.w[2]>>32} }
func (r *ref) what() uint32 { return uint32(r.w[2]) }
