package watch

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"statline/classify/detect"
)

// Series is the history in a CSV file as evidence: requests and timeouts of services,
// without keys, clients or codes.
type Series struct {
	rows []ServiceRow // sorted by minute and service, one of each
	// Lines is the number of data lines read, StepMinutes the interval of the file's
	// points: a count of five minutes is spread over its five minutes.
	Lines       int
	StepMinutes int
}

// ReadCSV reads lines of time,service,requests,timeouts, in any order, with a
// header that may name the columns in another order. Times are RFC 3339,
// "2006-01-02 15:04[:05]" (UTC) or Unix seconds. Lines of the same service and
// minute add up; minutes without a line are gaps. Errors name the line, the
// column and what is wrong with it.
func ReadCSV(r io.Reader) (*Series, error) {
	in := csv.NewReader(bufio.NewReaderSize(r, 1<<20))
	in.ReuseRecord, in.TrimLeadingSpace, in.Comment = true, true, '#'
	in.FieldsPerRecord = -1
	columns := []int{0, 1, 2, 3}
	s := &Series{}
	names := map[string]string{}
	for first := true; ; first = false {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err // says its line
		}
		line, _ := in.FieldPos(0)
		if first {
			record[0] = strings.TrimPrefix(record[0], "\ufeff") // spreadsheets write one
			var header bool
			if columns, header, err = csvColumns(record); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			if header {
				continue
			}
		}
		row, err := csvRow(record, columns, names)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		s.rows = append(s.rows, row)
		s.Lines++
	}
	if len(s.rows) == 0 {
		return nil, errors.New("no data: want lines of time,service,requests,timeouts")
	}
	if first, last := s.bounds(); last-first > maxSpan {
		return nil, fmt.Errorf("the times span %s to %s; want at most %d days: is one in the wrong unit?",
			first.Time().Format(time.DateOnly), last.Time().Format(time.DateOnly), maxSpan/1440)
	}
	s.settle()
	return s, nil
}

// maxSpan bounds the minutes between the first and the last row, all of which are
// decided.
const maxSpan detect.Minute = 400 * 1440

func (s *Series) bounds() (first, last detect.Minute) {
	first, last = s.rows[0].Minute, s.rows[0].Minute
	for i := range s.rows {
		first, last = min(first, s.rows[i].Minute), max(last, s.rows[i].Minute)
	}
	return first, last
}

var csvNames = []string{"time", "service", "requests", "timeouts"}

// csvColumns finds the columns in a header; header is false when the first
// line is data.
func csvColumns(record []string) (columns []int, header bool, err error) {
	if len(record) == 1 && strings.ContainsAny(record[0], ";\t") {
		return nil, false, fmt.Errorf("got %q; want commas between the columns", record[0])
	}
	if len(record) < len(csvNames) {
		return nil, false, fmt.Errorf("got %d columns; want time,service,requests,timeouts", len(record))
	}
	if _, err := csvTime(record[0]); err == nil {
		return []int{0, 1, 2, 3}, false, nil
	}
	for _, name := range csvNames {
		i := slices.IndexFunc(record, func(c string) bool { return strings.EqualFold(strings.TrimSpace(c), name) })
		if i < 0 {
			return nil, false, fmt.Errorf("the header %q has no column %s; want time,service,requests,timeouts",
				strings.Join(record, ","), name)
		}
		columns = append(columns, i)
	}
	return columns, true, nil
}

func csvRow(record []string, columns []int, names map[string]string) (row ServiceRow, err error) {
	for _, c := range columns {
		if c >= len(record) {
			return row, fmt.Errorf("got %d columns; want time,service,requests,timeouts", len(record))
		}
	}
	at, err := csvTime(record[columns[0]])
	if err != nil {
		return row, err
	}
	n, err := csvCount("requests", record[columns[2]])
	if err != nil {
		return row, err
	}
	k, err := csvCount("timeouts", record[columns[3]])
	if err != nil {
		return row, err
	}
	if k > n {
		return row, fmt.Errorf("timeouts: got %d of %d requests; want no more than requests", k, n)
	}
	if strings.TrimSpace(record[columns[1]]) == "" {
		return row, errors.New("service: got an empty name")
	}
	name, ok := names[record[columns[1]]]
	if !ok {
		name = strings.Clone(strings.TrimSpace(record[columns[1]]))
		names[name] = name
	}
	return ServiceRow{Minute: at, Service: name, Counts: detect.Counts{N: n, Timeout: k, Bad: k}}, nil
}

func csvTime(s string) (detect.Minute, error) {
	s = strings.TrimSpace(s)
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && seconds >= 0 {
		if seconds >= 1<<33 {
			return 0, fmt.Errorf("time: got %q; want seconds: are these milliseconds?", s)
		}
		return detect.MinuteOf(seconds), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05",
		"2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() >= 0 {
			return detect.MinuteOf(t.Unix()), nil
		}
	}
	return 0, fmt.Errorf("time: got %q; want 2026-01-31T12:00:00Z, 2026-01-31 12:00 or Unix seconds", s)
}

func csvCount(name, s string) (uint64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64) // exports write 12.0
	if err != nil || v != math.Trunc(v) || v < 0 || v >= 1<<53 {
		return 0, fmt.Errorf("%s: got %q; want a whole number of 0 or more", name, s)
	}
	return uint64(v), nil
}

// settle sorts the rows, adds up those of one minute and spreads coarser points
// over their minutes.
func (s *Series) settle() {
	slices.SortFunc(s.rows, func(a, b ServiceRow) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), strings.Compare(a.Service, b.Service))
	})
	sums := s.rows[:0]
	for _, r := range s.rows {
		if n := len(sums); n > 0 && sums[n-1].Minute == r.Minute && sums[n-1].Service == r.Service {
			sums[n-1].Counts.Add(r.Counts)
			continue
		}
		sums = append(sums, r)
	}
	s.rows = sums
	s.StepMinutes = step(s.rows)
	if s.StepMinutes == 1 {
		return
	}
	spread := make([]ServiceRow, 0, len(s.rows)*s.StepMinutes)
	for _, r := range s.rows {
		for i := range s.StepMinutes {
			part := r
			part.Minute += detect.Minute(i)
			part.N, part.Timeout = share(r.N, i, s.StepMinutes), share(r.Timeout, i, s.StepMinutes)
			part.Bad = part.Timeout
			spread = append(spread, part)
		}
	}
	slices.SortFunc(spread, func(a, b ServiceRow) int {
		return cmp.Or(cmp.Compare(a.Minute, b.Minute), strings.Compare(a.Service, b.Service))
	})
	s.rows = spread
}

// share is part i of n divided into so many almost equal parts.
func share(n uint64, i, parts int) uint64 {
	return n*uint64(i+1)/uint64(parts) - n*uint64(i)/uint64(parts)
}

// step is the greatest common distance of the points, at most an hour: 5 for a
// file of five-minute counts, gaps or not.
func step(rows []ServiceRow) int {
	d := detect.Minute(0)
	for _, r := range rows[1:] {
		a, b := d, r.Minute-rows[0].Minute
		for b != 0 {
			a, b = b, a%b
		}
		d = a
	}
	if d < 1 || d > 60 {
		return 1
	}
	return int(d)
}

// Range covers the whole file.
func (s *Series) Range() Range {
	first, last := s.rows[0].Minute, s.rows[len(s.rows)-1].Minute
	return Range{First: first, From: first, To: last}
}

// Rows implements Evidence.
func (s *Series) Rows(_ context.Context, minutes []detect.Minute) (*Rows, error) {
	b := &Rows{Minutes: minutes}
	for _, at := range minutes {
		i, _ := slices.BinarySearchFunc(s.rows, at,
			func(r ServiceRow, m detect.Minute) int { return cmp.Compare(r.Minute, m) })
		for ; i < len(s.rows) && s.rows[i].Minute == at; i++ {
			b.Services = append(b.Services, s.rows[i])
		}
	}
	return b, nil
}

// Keys implements Evidence: a file has none.
func (s *Series) Keys(context.Context, KeyNeed, func(*KeyRow)) error { return nil }

// Candidates implements Evidence: a file has none.
func (s *Series) Candidates(context.Context, []detect.Minute, detect.Minute, detect.Candidate) ([]string, error) {
	return nil, nil
}

// Errors implements Evidence: a file has none.
func (s *Series) Errors(context.Context, []detect.Minute, []detect.Deploy) ([]ErrorRow, error) {
	return nil, nil
}

// Clients implements Evidence: a file has none.
func (s *Series) Clients(context.Context, Need, func(*ClientRow)) error {
	return nil
}

// ClientCandidates implements Evidence: a file has none.
func (s *Series) ClientCandidates(context.Context, []detect.Minute, detect.Minute, detect.ClientCandidate) ([]string,
	error) {
	return nil, nil
}

// FloodCandidates implements Evidence: a file has none.
func (s *Series) FloodCandidates(context.Context, detect.EntityType, []detect.Minute, uint64) ([]string, error) {
	return nil, nil
}

// Floods implements Evidence: a file has none.
func (s *Series) Floods(context.Context, detect.EntityType, []string, []detect.Minute, func(*FloodRow)) error {
	return nil
}

// PairSeen implements Evidence: a file has none.
func (s *Series) PairSeen(context.Context, Pair, detect.Minute) (detect.Minute, error) { return 0, nil }

// Past implements Evidence: a file has nothing before its beginning.
func (s *Series) Past(context.Context, detect.Minute, []string, []string) (*Past, error) {
	return &Past{}, nil
}
