package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"statline/classify/limit"
	"statline/cmd/statline/answer"
	"statline/dashboards/limits"
)

// trial is the question of limits simulate.
type trial struct {
	limits    string
	q         limits.Question
	suggest   bool
	fromKafka bool
}

func limitsSimulateCommand() *cobra.Command {
	var (
		st  *settings
		out *answers
		t   trial
		ask asking
	)
	c := &cobra.Command{
		Use:   "simulate --limit N/WINDOW[,N/WINDOW]",
		Short: "Show whom a rate limit would refuse, how often, and who of them is clean today",
		Long: `simulate tries limits on every key's own traffic: who would have been refused, how
often and when, how much of the traffic that is, and which of these keys no rate limit
refuses today. Windows are fixed and aligned to the clock, UTC; every request counts
that arrived, also those that today's limit refused.

Windows of whole minutes are exact, from what is stored by the minute. For shorter ones,
and with --route, the store gives bounds, and the answer says so; --from-kafka counts
again from the log, by the second, as far back as the log goes: exactly.

--suggest proposes limits that refuse no clean key, with what lower ones would do; with
--limits-file for each of its tiers.`,
		Example: `  statline limits simulate --clickhouse http://127.0.0.1:8123 --limit 600/1m --since 30d
  statline limits simulate --data ./store --limit 600/1m,10000/1h --service search
  statline limits simulate --clickhouse http://127.0.0.1:8123 --limit 40/10s --from-kafka --brokers kafka:9092 --topic access
  statline limits simulate --data ./store --suggest --since 30d --limits-file limits.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := t.parse(); err != nil {
				return err
			}
			s, w, stored, err := ask.open(cmd, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			ctx := cmd.Context()
			if !stored {
				return fmt.Errorf("limits simulate: nothing is stored yet")
			}
			t.q.Filter, t.q.Route = ask.filter, ask.filter.Route
			if t.q.TimeRange, err = limits.Span(ctx, s, w, &t.q); err != nil {
				return err
			}
			t.q.EachWindow = out.by == "window"
			found, err := t.ask(ctx, st, s)
			if err != nil {
				return err
			}
			return out.print(cmd, func(to io.Writer) { printTrial(to, found) }, found,
				found.ByKey, found.ByHour, found.Windows, found.Suggested)
		},
	}
	st = takeSettings(c, "limits simulate")
	f := c.Flags()
	f.StringVar(&t.limits, "limit", "", "`limits` to try together: requests/window, such as 600/1m or 600/1m,40/10s")
	ask.takeTime(c, "24h")
	ask.keysByRoute = true
	ask.takeFilters(c, byService, byRoute, byKey)
	f.BoolVar(&t.q.CountRefused, "count-refused", false,
		"a request that one limit refuses counts against the others too")
	f.BoolVar(&t.fromKafka, "from-kafka", false, "count again from the log, by the second (needs --brokers and --topic)")
	f.BoolVar(&t.suggest, "suggest", false, "propose limits for the windows of --limit (default: 1m and 1h)")
	out = takeOutput(c, answer.Of[limits.Answer](answer.RowsOf[limits.Key]("key"), answer.RowsOf[limits.Hour]("hour"),
		answer.RowsOf[limits.Window]("window"), answer.RowsOf[limits.Suggestion]("suggestion")), answer.JSON)
	return c
}

// parse reads the limits.
func (t *trial) parse() (err error) {
	if t.limits == "" && !t.suggest {
		return usage("got no limit; want --limit, such as --limit 600/1m, or --suggest")
	}
	if t.limits == "" {
		t.limits = "0/1m,0/1h" // for a suggestion only the windows matter
	}
	if t.q.Limits, err = limit.Parse(t.limits); err != nil {
		return usage("%w", err)
	}
	return nil
}

func (t *trial) ask(ctx context.Context, st *settings, s *asked) (*limits.Answer, error) {
	switch {
	case t.suggest:
		file, err := readLimits(st.Keys.Limits)
		if err != nil {
			return nil, usage("%w", err)
		}
		return limits.Suggest(ctx, s, t.q, file.inForce())
	case t.fromKafka:
		counter := limits.NewCounter(&t.q)
		if err := recount(ctx, st, s, t.q.From, t.q.To, counter.Add); err != nil {
			return nil, err
		}
		return counter.Answer(ctx, s)
	}
	return limits.Simulate(ctx, s, t.q)
}

// maxRows is how many keys and hours are printed; --output has all of them.
const maxRows = 20

func printTrial(w io.Writer, a *limits.Answer) {
	st := newStyle(w)
	fmt.Fprintf(w, "%s to %s UTC, %s requests of %s keys, %s of them clean today (refused by no rate limit)\n",
		clock(a.From, true), clock(a.To, true), count(a.Requests), count(a.Keys), count(a.Clean))
	if len(a.Suggested) > 0 {
		printSuggestions(w, st, a)
		return
	}
	share := percent(a.Refused.High, a.Requests)
	if !a.Exact && a.Refused.Low != a.Refused.High {
		share = percent(a.Refused.Low, a.Requests) + " to " + share
	}
	fmt.Fprintf(w, "%s would refuse %s requests (%s) of %s keys, %s of which are clean today\n",
		st.bold.Render(strings.Join(a.Limits, " with ")),
		between(a.Refused), share, between(a.KeysRefused), between(a.CleanRefused))
	printHow(w, a)
	rows := [][]string{{"key", "refused", "of its requests", "in windows", "refused today", "first", "last"}}
	for _, k := range a.ByKey[:min(len(a.ByKey), maxRows)] {
		windows := ""
		for i, b := range k.Windows {
			if b.High > 0 {
				windows += fmt.Sprintf("%s of %s ", between(b), a.Limits[i])
			}
		}
		today := count(k.RefusedToday)
		if k.RefusedToday == 0 {
			today = st.warn.Render("clean")
		}
		rows = append(rows, []string{keyName(k.Key, k.Name), between(k.Refused), percent(k.Refused.High, k.Requests),
			windows, today,
			clock(k.First, true), clock(k.Last, true)})
	}
	if len(rows) > 1 {
		fmt.Fprintln(w)
		table(w, "  ", "lrrrr", rows)
	}
	if more := len(a.ByKey) - maxRows; more > 0 {
		fmt.Fprintf(w, "  and %d keys more: --output csv\n", more)
	}
}

// printHow says how the figures were computed, and what they leave out.
func printHow(w io.Writer, a *limits.Answer) {
	counted := "a refused request does not count against the limits"
	if a.CountRefused {
		counted = "a refused request counts against the limits too"
	}
	exact := "exact"
	if !a.Exact {
		exact = "between bounds, because what is stored is by the minute, and by the key without its routes: --from-kafka counts exactly"
	}
	fmt.Fprintf(w, "  fixed windows, aligned to the clock; %s; %s\n", counted, exact)
	if a.Untold > 0 {
		fmt.Fprintf(w, "  not tried: %s requests of keys that were not told apart, beyond the budget of a block\n",
			count(a.Untold))
	}
	if a.Stored != nil && *a.Stored != a.Requests {
		fmt.Fprintf(w,
			"  counted from Kafka: %s requests; stored are %s: the log or the configuration has changed since\n",
			count(a.Requests), count(*a.Stored))
	}
}

func printSuggestions(w io.Writer, st style, a *limits.Answer) {
	tiers := slices.ContainsFunc(a.Suggested, func(x limits.Suggestion) bool { return x.Tier != "" })
	rows, numbers := [][]string{{"limit", "", "clean keys refused", "keys refused today that it refuses"}},
		"rlrr"
	if tiers {
		rows, numbers = [][]string{append([]string{"tier"}, rows[0]...)}, "l"+numbers
	}
	for _, x := range a.Suggested {
		mark := x.Of
		if x.Suggested {
			mark = st.good.Render(x.Of + ": suggested")
		}
		row := []string{x.Limit, mark, count(x.CleanRefused), count(x.OthersRefused)}
		if tiers {
			row = append([]string{cmp.Or(x.Tier, "none")}, row...)
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(w)
	table(w, "  ", numbers, rows)
	fmt.Fprintln(w, "\nWhat one of them would do: statline limits simulate --limit LIMIT")
}

func between(b limit.Bounds) string {
	if b.Low == b.High {
		return count(b.Low)
	}
	return count(b.Low) + " to " + count(b.High)
}
