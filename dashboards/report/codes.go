package report

import (
	"context"

	"statline/classify"
	"statline/dashboards/query"
)

// said is what failing responses say about themselves.
type said struct {
	name, outcome, message string
	code, status           uint16
	n                      uint64
}

func (x *said) response() *classify.Response {
	r := &classify.Response{ErrorType: []byte(x.name), Code: x.code, Status: int16(x.status),
		Message: []byte(x.message)}
	if x.status == 0 {
		r.Status = -1
	}
	if o, ok := classify.ParseOutcome(x.outcome); ok && o.Failure() {
		r.Mark = classify.MarkError // also behind HTTP 200
	}
	return r
}

// SuggestCodes proposes a catalogue for the API whose responses are stored. Messages
// come from examples; an example that may belong to several errors is left out.
func SuggestCodes(ctx context.Context, s Store, f Filter) ([]classify.Entry, error) {
	p := params(Everything(), f)
	errors, err := Collect(ctx, s, "the stored errors", query.StoredErrors(), p, func(scan Scan) (x said, err error) {
		err = scan(&x.name, &x.code, &x.status, &x.outcome, &x.n)
		return x, err
	})
	if err != nil {
		return nil, err
	}
	messages, err := Collect(ctx, s, "the messages of the samples", query.StoredMessages(), p,
		func(scan Scan) (x said, err error) {
			err = scan(&x.name, &x.code, &x.status, &x.outcome, &x.message, &x.n)
			return x, err
		})
	if err != nil {
		return nil, err
	}
	var suggest classify.Suggester
	for i := range errors {
		suggest.Add(errors[i].response(), errors[i].n)
	}
	for i := range messages {
		suggest.AddExample(messages[i].response(), messages[i].n)
	}
	return suggest.Entries(), nil
}
