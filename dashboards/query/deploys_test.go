package query_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"statline/dashboards/query"
	"statline/ingest/store/storetest"
)

// What people marked is shown, and what the requests of a service tell, each once: not the
// first version of a service, nor what somebody marked within the hour.
func TestDeploysAreToldOnce(t *testing.T) {
	s := storetest.Open(t)
	noon := time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		minute                   int
		service, version, author string
		seen, first              bool
	}{
		{-600, "movies", "1.8.0", "service.version", true, true},
		{0, "movies", "1.9.0", "service.version", true, false},
		{0, "movies", "1.9.0", "service.version", true, false}, // of another instance
		{30, "people", "1.9.0", "service.version", true, false},
		{-20, "people", "1.9.0", "ci", false, false},
		{70, "search", "7", "service.version", true, false},
		{5, "search", "7", "ann", false, false}, // more than an hour before: another deploy
		{90, "people", "1.8.0", "service.version", true, false},
		{60, "tv", "2", "service.version", true, false},
		{125, "tv", "2", "ci", false, false}, // behind the span
		{100, "tv", "3", "service.version", true, false},
		{130, "tv", "3", "ci", false, false}, // behind it too, and of the same hour
	} {
		known, first := int64(0), 0
		if row.seen {
			known = noon.Add(time.Duration(row.minute+4) * time.Minute).Unix()
		}
		if row.first {
			first = 1
		}
		at := noon.Add(time.Duration(row.minute) * time.Minute).UnixMilli()
		storetest.Exec(t, s, fmt.Sprintf("INSERT INTO %s.deploys (at, service, version, author, known, first) VALUES (fromUnixTimestamp64Milli(%d, 'UTC'), '%s', '%s', '%s', %d, %d)",
			s.Database(), at, row.service, row.version, row.author, known, first))
	}
	p := query.Params{From: noon.Add(-24 * time.Hour), To: noon.Add(2 * time.Hour)}
	var got []string
	read(t, s, query.Deploys(), p, func(scan func(...any) error) error {
		var at time.Time
		var service, version, author string
		err := scan(&at, &service, &version, &author)
		got = append(got, fmt.Sprintf("%s %s %s %s", at.UTC().Format("15:04"), service, version, author))
		return err
	})
	want := []string{"13:30 people 1.8.0 service.version", "13:10 search 7 service.version", "13:00 tv 2 service.version",
		"12:05 search 7 ann", "12:00 movies 1.9.0 service.version", "11:40 people 1.9.0 ci"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	var texts []string
	read(t, s, query.DeployMarks(), p, func(scan func(...any) error) error {
		var at time.Time
		var text, tags string
		err := scan(&at, &text, &tags)
		texts = append(texts, text)
		return err
	})
	if len(texts) != len(want) || texts[4] != "movies 1.9.0 (service.version)" || texts[5] != "people 1.9.0" {
		t.Errorf("got annotations %q", texts)
	}
}
