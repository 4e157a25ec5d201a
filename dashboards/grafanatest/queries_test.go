package grafanatest

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"statline/dashboards/grafana"
	"statline/dashboards/query"
)

// shown is one query of a dashboard with what its panel expects.
type shown struct {
	board, title, kind string
	query              grafana.Query
	points             int
	columns            []string // that overrides name
}

// everything lists every query of every dashboard: panels, variables and
// annotations.
func everything(t testing.TB, list []grafana.Board) []shown {
	t.Helper()
	var all []shown
	for _, b := range list {
		for _, v := range b.Dashboard.Templating.List {
			if v.Query == nil || v.Query.Map == nil {
				continue
			}
			all = append(all, shown{b.Name, "variable " + v.Name, "variable",
				grafana.Query{SQL: grafana.SQL{RawSQL: v.Query.Map["rawSql"].(string), Format: grafana.Table}}, 1000,
				nil})
		}
		for _, a := range b.Dashboard.Annotations.List {
			all = append(all, shown{b.Name, "annotation " + a.Name, "annotation", a.Target.(grafana.Query), 1000, nil})
		}
		for _, p := range b.Dashboard.Panels {
			if p.Panel == nil {
				continue
			}
			s := shown{board: b.Name, title: *p.Panel.Title, kind: p.Panel.Type, points: 1000}
			if p.Panel.MaxDataPoints != nil {
				s.points = int(*p.Panel.MaxDataPoints)
			}
			for _, o := range p.Panel.FieldConfig.Overrides {
				if o.Matcher.Id == "byName" {
					s.columns = append(s.columns, o.Matcher.Options.(string))
				}
			}
			for _, target := range p.Panel.Targets {
				s.query = target.(grafana.Query)
				all = append(all, s)
			}
		}
	}
	if len(all) < 60 {
		t.Fatalf("found %d queries; the search is broken", len(all))
	}
	return all
}

func ask(t testing.TB, g *Grafana, s shown, c Choice, span time.Duration) data.Frames {
	t.Helper()
	to := time.Now().UTC().Add(time.Minute)
	frames, err := g.Ask(t.Context(), c.Apply(s.query.RawSQL), int(s.query.Format), to.Add(-span), to,
		Interval(span, s.points))
	if err != nil {
		t.Fatalf("%v\n%s", err, s.query.RawSQL)
	}
	return frames
}

func numeric(f *data.Field) bool { return f.Type().Numeric() }

// shape checks that the frame is what a panel of its kind draws.
func shape(s shown, frames data.Frames) error {
	if len(frames) != 1 || frames[0].Rows() == 0 {
		return fmt.Errorf("%d frames, no rows", len(frames))
	}
	f := frames[0]
	numbers := 0
	for _, field := range f.Fields {
		if numeric(field) {
			numbers++
		}
	}
	switch s.kind {
	case "timeseries", "heatmap", "state-timeline":
		if f.TimeSeriesSchema().Type != data.TimeSeriesTypeWide {
			return fmt.Errorf("not a wide time series: %v", f.TimeSeriesSchema().Type)
		}
	case "stat":
		if numbers == 0 {
			return fmt.Errorf("no number")
		}
	case "bargauge":
		if numbers != 1 || len(f.Fields) != 2 {
			return fmt.Errorf("%d fields, %d numbers; want a name and a number", len(f.Fields), numbers)
		}
	case "annotation":
		for _, name := range []string{"time", "timeEnd", "text", "tags"} {
			if name == "timeEnd" && s.title == "annotation Deploys" {
				continue // a moment
			}
			if field, _ := f.FieldByName(name); field == nil {
				return fmt.Errorf("no field %s", name)
			}
		}
	case "table":
		for _, name := range s.columns {
			if field, _ := f.FieldByName(name); field == nil {
				return fmt.Errorf("an override names column %q, which is none of %v", name, fieldNames(f))
			}
		}
	}
	if s.kind == "heatmap" {
		for _, field := range f.Fields[1:] {
			if le := field.Labels["le"]; strings.Trim(le, "0123456789") != "" || le == "" {
				return fmt.Errorf("bucket %q is no number", le)
			}
		}
	}
	return nil
}

func fieldNames(f *data.Frame) (list []string) {
	for _, field := range f.Fields {
		list = append(list, field.Name)
	}
	return list
}

// Every query of every dashboard runs, gives data in the shape of its panel,
// and no query drops a row that another reader would see: over minutes and over
// hours, with every variable at All and with one value chosen.
func TestEveryQueryOnTraffic(t *testing.T) {
	list, _ := boards(t, shared.full)
	var service, key string
	if err := shared.full.Conn().QueryRow(t.Context(),
		in(shared.full, "SELECT toString(argMax(service, requests)) FROM {db}.services")).Scan(&service); err != nil {
		t.Fatal(err)
	}
	if err := shared.full.Conn().QueryRow(t.Context(),
		in(shared.full,
			"SELECT key_id FROM {db}.keys WHERE outcome = 'rate_limited' GROUP BY key_id ORDER BY sum(requests) DESC LIMIT 1")).Scan(&key); err != nil {
		t.Fatal(err)
	}
	for _, s := range everything(t, list) {
		t.Run(s.board+"/"+s.title, func(t *testing.T) {
			for _, span := range []time.Duration{6 * time.Hour, 7 * 24 * time.Hour} {
				frames := ask(t, shared.asks, s, nil, span)
				if s.title == "What a limit would do" && span > 48*time.Hour { // of rows of minutes alone
					if len(frames) != 1 || frames[0].Rows() != 0 {
						t.Errorf("over %v: got rows", span)
					}
					continue
				}
				if err := shape(s, frames); err != nil {
					t.Errorf("over %v: %v\n%s", span, err, s.query.RawSQL)
				}
			}
			ask(t, shared.asks, s, Choice{"service": {service, "it's"}, "route": {"/3/movie/{id}"},
				"outcome": {"timeout", "rate_limited"}, "key": {key}}, 6*time.Hour)
		})
	}
}

// On empty tables nothing fails.
func TestEveryQueryOnEmptyTables(t *testing.T) {
	list, _ := boards(t, shared.empty)
	for _, s := range everything(t, list) {
		t.Run(s.board+"/"+s.title, func(t *testing.T) {
			for _, span := range []time.Duration{6 * time.Hour, 7 * 24 * time.Hour} {
				ask(t, shared.nothing, s, nil, span)
			}
		})
	}
}

// A broken column, table or macro fails.
func TestBrokenQueryFails(t *testing.T) {
	now := time.Now()
	for _, text := range []query.Text{"SELECT requestz FROM {db}.services", "SELECT 1 FROM {db}.servicez",
		query.OutcomeRates() + " LIMIT $__nothing"} {
		if _, err := shared.asks.Ask(t.Context(), Choice{}.Apply(text.Grafana(query.Target{Database: "full"})), 1,
			now.Add(-time.Hour), now, time.Minute); err == nil {
			t.Errorf("no error: %s", text)
		}
	}
}

// column adds up the numbers of a column (or of every series, for "").
func column(f *data.Frame, name string) (sum float64) {
	for _, field := range f.Fields {
		if !numeric(field) || name != "" && field.Name != name {
			continue
		}
		for i := range field.Len() {
			if x, err := field.FloatAt(i); err == nil && !math.IsNaN(x) {
				sum += x
			}
		}
	}
	return sum
}

// text runs one text of package query over the whole of the traffic.
func text(t testing.TB, sql query.Text, format grafana.Format, span, interval time.Duration) *data.Frame {
	t.Helper()
	to := shared.truth.Last.Truncate(10 * time.Minute).Add(20 * time.Minute) // no point is cut off
	frames, err := shared.asks.Ask(t.Context(), Choice{}.Apply(sql.Grafana(query.Target{Database: "full"})),
		int(format), to.Add(-span), to, interval)
	if err != nil || len(frames) != 1 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	return frames[0]
}

// The panels show the generator's truth, from rows of minutes and from rows of
// hours alike.
func TestPanelsShowTheTruth(t *testing.T) {
	truth := shared.truth
	for _, c := range []struct{ span, interval time.Duration }{{12 * time.Hour, time.Minute},
		{12 * time.Hour, 5 * time.Minute}, {7 * 24 * time.Hour, time.Hour}} {
		t.Run(c.span.String()+" by "+c.interval.String(), func(t *testing.T) {
			rates := text(t, query.OutcomeRates(), grafana.TimeSeries, c.span, c.interval)
			got := map[string]float64{}
			for _, field := range rates.Fields[1:] {
				got[field.Labels["outcome"]] = column(&data.Frame{Fields: []*data.Field{field}},
					"") * c.interval.Seconds()
			}
			for outcome, want := range truth.ByOutcome {
				if want > 0 && math.Abs(got[outcome]-float64(want)) > 0.01 {
					t.Errorf("outcome %s: got %v responses; want %d", outcome, got[outcome], want)
				}
			}
			codes := text(t, query.CodeTable(catalogue()), grafana.Table, c.span, c.interval)
			code, _ := codes.FieldByName("Code")
			responses, _ := codes.FieldByName("Responses")
			seen := 0
			for i := range code.Len() {
				n, _ := responses.FloatAt(i)
				number, _ := code.FloatAt(i)
				if want := truth.ByCode[fmt.Sprint(number)]; float64(want) != n {
					t.Errorf("code %v: got %v; want %d", number, n, want)
				}
				seen++
			}
			if seen < 30 {
				t.Errorf("%d codes listed; want all of the catalogue", seen)
			}
			services := text(t, query.ServiceTable(), grafana.Table, c.span, c.interval)
			if got := column(services, "Requests"); got != float64(truth.Responses) {
				t.Errorf("services: got %v requests; want %d", got, truth.Responses)
			}
			bad := truth.ByOutcome["timeout"] + truth.ByOutcome["offline"] + truth.ByOutcome["internal_error"] +
				truth.ByOutcome["server_error"]
			if got, want := column(text(t, query.ServerFailureShare(), grafana.Table, c.span, c.interval), "server"),
				float64(bad)/float64(truth.Responses); math.Abs(got-want) > 1e-9 {
				t.Errorf("failures on the server's side: got %v; want %v", got, want)
			}
		})
	}
}

// catalogue is a catalogue of the codes 1 to 34.
func catalogue() (list []query.Code) {
	for i := range uint16(34) {
		list = append(list, query.Code{Code: i + 1, HTTPStatus: 200, Message: "it's", Outcome: "success"})
	}
	return list
}

// Over two days no part of the minute table is opened, up to two days none of
// the hour tables, and none of responses_hour where services_hour always was.
func TestEitherReadsOneSide(t *testing.T) {
	granules := regexp.MustCompile(`Granules: (\d+)/`)
	for _, c := range []struct {
		span time.Duration
		read string
		not  []string
	}{
		{6 * time.Hour, "services", []string{"services_hour", "responses_hour"}},
		{30 * 24 * time.Hour, "services_hour", []string{"services", "responses_hour"}},
	} {
		to := time.Now()
		frames, err := shared.asks.Ask(t.Context(), "EXPLAIN indexes = 1 "+Choice{}.Apply(query.OutcomeRates().
			Grafana(query.Target{Database: "full"})), 1, to.Add(-c.span), to, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		read, table := map[string]string{}, ""
		for i := range frames[0].Rows() {
			line := fmt.Sprint(frames[0].Fields[0].At(i))
			if _, after, ok := strings.Cut(line, "ReadFromMergeTree (full."); ok {
				table = strings.TrimSuffix(after, ")")
			}
			if m := granules.FindStringSubmatch(line); m != nil {
				read[table] = m[1] // the last index decides
			}
		}
		if n := read[c.read]; n == "" || n == "0" {
			t.Errorf("over %v: %s is not read: %v", c.span, c.read, read)
		}
		for _, not := range c.not {
			if n := read[not]; n != "" && n != "0" {
				t.Errorf("over %v: %s granules of %s are read", c.span, n, not)
			}
		}
	}
}

// The percentiles of the panels are those that the report of the command line
// computes in another way.
func TestPercentilesAgreeWithTheReport(t *testing.T) {
	to := shared.truth.Last.Add(time.Hour)
	rows, err := shared.full.Conn().Query(t.Context(),
		"SELECT service, toFloat64(q) FROM (SELECT toString(service) AS service, quantileExactWeighted(0.95)(if(b < 128, toFloat64(b), (64 + b % 64 + 0.5) * exp2(intDiv(b, 64) - 1)), n) AS q FROM full.responses ARRAY JOIN latency.1 AS b, latency.2 AS n WHERE minute < $1 GROUP BY service)", to)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	want := map[string]float64{}
	for rows.Next() {
		var service string
		var p95 float64
		if err := rows.Scan(&service, &p95); err != nil {
			t.Fatal(err)
		}
		want[service] = p95
	}
	if err := rows.Err(); err != nil || len(want) < 3 {
		t.Fatalf("%d services, %v", len(want), err)
	}
	f := text(t, query.ServiceTable(), grafana.Table, 12*time.Hour, time.Minute)
	names, _ := f.FieldByName("Service")
	values, _ := f.FieldByName("p95")
	for i := range f.Rows() {
		name := fmt.Sprint(names.At(i))
		if got, err := values.FloatAt(i); err != nil || got != want[name] {
			t.Errorf("service %s: got %v (%v); want %v", name, got, err, want[name])
		}
	}
}
