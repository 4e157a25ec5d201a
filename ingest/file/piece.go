package file

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// piece is a stretch of a file's text, [first, end), and its digest: what the
// store remembers of the text. Pieces end with a line, and are a 64th as long
// as what lies before them. So the first hundred lines of a file have a piece
// each, by which files with one beginning are told apart at once, and a file of
// a gigabyte has some eight hundred pieces.
type piece struct {
	first, end int64
	lines      uint64
	sum        uint64
}

// pieceShare: a piece is at least 1/pieceShare of the text before it.
const pieceShare = 64

// pieces digests the text of one block, which comes line by line.
type pieces struct {
	done  []piece
	at    piece // in hand
	until int64 // its least end
	hash  xxhash.Digest
}

// begin starts a block that begins at first.
func (p *pieces) begin(first int64) {
	p.done = p.done[:0]
	p.next(first)
}

func (p *pieces) next(first int64) {
	p.at, p.until = piece{first: first, end: first}, first+max(1, first/pieceShare)
	p.hash.Reset()
}

// add digests text, which belongs to the current piece.
func (p *pieces) add(text []byte) {
	_, _ = p.hash.Write(text) // never fails
	p.at.end += int64(len(text))
}

// cut ends the current piece.
func (p *pieces) cut() {
	if p.at.end == p.at.first {
		return
	}
	p.at.sum = p.hash.Sum64()
	p.done = append(p.done, p.at)
	p.next(p.at.end)
}

// note is what the ledger keeps of a block: the file's name when it was
// written, which is for people and to compare with, and the block's pieces.
type note struct {
	File   string `json:"file"`
	Pieces string `json:"pieces"`
}

// writeNote makes the note of a block. A piece has its length, its number of lines and
// eight bytes of digest.
func writeNote(name string, all []piece) (string, error) {
	var b []byte
	for _, p := range all {
		b = binary.AppendUvarint(b, uint64(p.end-p.first))
		b = binary.AppendUvarint(b, p.lines)
		b = binary.BigEndian.AppendUint64(b, p.sum)
	}
	text, err := json.Marshal(note{name, base64.RawStdEncoding.EncodeToString(b)})
	return string(text), err
}

var errNote = errors.New("this version cannot read what the ledger says of the file's text")

// readNote reads the note of the block [first, end). Its pieces must cover the block.
func readNote(text string, first, end int64) (name string, all []piece, err error) {
	var n note
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return "", nil, fmt.Errorf("%w: %w", errNote, err)
	}
	b, err := base64.RawStdEncoding.DecodeString(n.Pieces)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", errNote, err)
	}
	at := first
	for len(b) > 0 {
		length, used := binary.Uvarint(b)
		lines, more := binary.Uvarint(b[max(used, 0):])
		if used <= 0 || more <= 0 || len(b) < used+more+8 || length == 0 || length > uint64(end-at) {
			return "", nil, errNote
		}
		b = b[used+more:]
		p := piece{first: at, end: at + int64(length), lines: lines, sum: binary.BigEndian.Uint64(b)}
		all, at, b = append(all, p), p.end, b[8:]
	}
	if at != end {
		return "", nil, errNote
	}
	return n.File, all, nil
}
