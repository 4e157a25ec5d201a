package aggregate

import (
	"cmp"
	"math/bits"
)

// ref is a row to be sorted: a 192-bit number, most significant word first, that
// begins with the minute, and the row's number.
type ref struct {
	w   [3]uint64
	row uint32
}

func (r *ref) less(o *ref) bool {
	if r.w[0] != o.w[0] {
		return r.w[0] < o.w[0]
	}
	if r.w[1] != o.w[1] {
		return r.w[1] < o.w[1]
	}
	return r.w[2] < o.w[2]
}

// compareWithin compares all but the minute.
func (r *ref) compareWithin(o *ref) int {
	if a, b := uint32(r.w[0]), uint32(o.w[0]); a != b {
		return cmp.Compare(a, b)
	}
	if r.w[1] != o.w[1] {
		return cmp.Compare(r.w[1], o.w[1])
	}
	return cmp.Compare(r.w[2], o.w[2])
}

// few is how many refs insertion sort takes.
const few = 16

// sortRefs sorts refs, equal ones in any order; spare has the same length. It is a
// radix sort from the most significant bit that skips the bits that all refs share.
// Key ids are random and addresses mostly close together, so two or three rounds are
// enough, where sorting by comparison takes seventeen.
func sortRefs(refs, spare []ref) {
	if len(refs) > 4096 {
		var counts [2048]uint32
		sortByDigit(refs, spare, counts[:])
		return
	}
	var counts [128]uint32
	sortByDigit(refs, spare, counts[:])
}

func sortByDigit(refs, spare []ref, counts []uint32) {
	if len(refs) <= few {
		insertionSort(refs)
		return
	}
	bit := firstDifference(refs)
	if bit < 0 {
		return
	}
	width := min(bits.Len(uint(len(counts)))-1, bits.Len(uint(len(refs)))-2)
	word, left := bit/64, bit%64
	digit := func(r *ref) uint64 {
		d := r.w[word] << left
		if word < 2 {
			d |= r.w[word+1] >> (64 - left) // 0 when left is 0
		}
		return d >> (64 - width)
	}
	for i := range refs {
		counts[digit(&refs[i])]++
	}
	var sum uint32
	for i, n := range counts[:1<<width] {
		counts[i] = sum
		sum += n
	}
	for i := range refs {
		d := digit(&refs[i])
		spare[counts[d]] = refs[i]
		counts[d]++
	}
	copy(refs, spare[:len(refs)])
	from := uint32(0)
	for _, to := range counts[:1<<width] {
		if to-from > 1 {
			sortRefs(refs[from:to], spare[from:to])
		}
		from = to
	}
}

// firstDifference is the position of the most significant bit in which refs
// differ, -1 when they are all equal.
func firstDifference(refs []ref) int {
	var d [3]uint64
	first := refs[0].w
	for i := range refs {
		w := &refs[i].w
		d[0] |= w[0] ^ first[0]
		d[1] |= w[1] ^ first[1]
		d[2] |= w[2] ^ first[2]
	}
	for i, x := range d {
		if x != 0 {
			return 64*i + bits.LeadingZeros64(x)
		}
	}
	return -1
}

func insertionSort(refs []ref) {
	for i := 1; i < len(refs); i++ {
		r := refs[i]
		j := i
		for ; j > 0 && r.less(&refs[j-1]); j-- {
			refs[j] = refs[j-1]
		}
		refs[j] = r
	}
}
