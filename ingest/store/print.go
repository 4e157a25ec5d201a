package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Print runs a user's query and writes the answer in one of ClickHouse's formats, as
// the server makes it. The server lets a read-only request change nothing.
func (s *Store) Print(ctx context.Context, w io.Writer, query, format string) error {
	post := s.pool.Load().post
	if post == nil {
		return errors.New("queries need ClickHouse's HTTP interface: http://host:8123 or https://host:8443")
	}
	err := post.get(ctx, w, url.Values{"query": {query}, "database": {s.database}, "default_format": {format},
		"wait_end_of_query": {"1"}})
	var refused *clickhouse.Exception
	switch {
	case errors.As(err, &refused) && refused.Code == readOnly:
		return fmt.Errorf("query: got one that changes something; want one that reads (clickhouse-client runs the others): %w", refused)
	case err != nil:
		return fmt.Errorf("query: %w", cause(ctx, Classify(err)))
	}
	return nil
}

// readOnly is ClickHouse's code for a statement that GET does not run.
const readOnly = 164

func (p *poster) get(ctx context.Context, w io.Writer, query url.Values) error {
	target := p.targets[p.current.Load()]
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	request.Header = p.header
	answer, err := p.client.Do(request)
	if err != nil {
		return notQuoted(target, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("answer of %s: %w", target.Host, err)
		}
		return verdict(answer, said)
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("answer of %s: %w", target.Host, err)
	}
	return nil
}

// notQuoted is the error of a request without its address, which contains the whole
// statement.
func notQuoted(target url.URL, err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return fmt.Errorf("ask %s: %w", target.Host, err)
}
