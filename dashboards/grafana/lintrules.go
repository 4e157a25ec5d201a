package grafana

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// LintRules checks the alert rules: that each has what Grafana needs and a choice for
// no data, and that its panel exists.
func LintRules(f RuleFile, boards []Board) []error {
	var errs []error
	seen := map[string]bool{}
	for _, g := range f.Groups {
		if d, err := time.ParseDuration(g.Interval); err != nil || d <= 0 || d%(10*time.Second) != 0 {
			errs = append(errs, fmt.Errorf("group %s: interval: got %q; want a multiple of 10s", g.Name, g.Interval))
		}
		if g.Folder == "" || len(g.Rules) == 0 {
			errs = append(errs, fmt.Errorf("group %s: no folder or no rules", g.Name))
		}
		for _, r := range g.Rules {
			if seen[r.UID] || len(r.UID) > 40 {
				errs = append(errs, fmt.Errorf("rule %s: uid: want one of its own, of at most 40 characters", r.UID))
			}
			seen[r.UID] = true
			for _, problem := range lintRule(r, boards) {
				errs = append(errs, fmt.Errorf("rule %s: %s", r.UID, problem))
			}
		}
	}
	return errs
}

func lintRule(r Rule, boards []Board) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !slices.Contains([]string{"OK", "Alerting", "NoData", "KeepLast"}, r.NoDataState) ||
		r.Annotations["no_data"] == "" {
		bad("no plan for no data: state %q, reason %q", r.NoDataState, r.Annotations["no_data"])
	}
	if !slices.Contains([]string{"Error", "Alerting", "OK", "KeepLast"}, r.ExecErrState) {
		bad("execErrState: got %q", r.ExecErrState)
	}
	if d, err := time.ParseDuration(r.For); err != nil || d < 0 {
		bad("for: got %q; want a duration", r.For)
	}
	for _, name := range []string{"summary", "description", "runbook"} {
		if r.Annotations[name] == "" {
			bad("no annotation %s", name)
		}
	}
	if s, ok := r.Labels["severity"]; ok && s != "page" && s != "ticket" || !ok &&
		!strings.Contains(r.Data[0].Model.RawSQL, "AS severity") {
		bad("label severity: got %q; want page or ticket, or a column of the query", s)
	}
	if r.NotificationSettings.Receiver == "" {
		bad("no receiver: the alert would go where the organisation's tree of policies sends it")
	}
	for k, v := range r.Labels {
		if loose(v) {
			bad("label %s: %q: a $ is expanded from the environment unless it is written $$", k, v)
		}
	}
	for _, s := range []string{r.UID, r.Title, r.DashboardUID} {
		if loose(s) {
			bad("%q: a $ is expanded from the environment unless it is written $$", s)
		}
	}
	if !hasPanel(boards, r.DashboardUID, r.PanelID) {
		bad("dashboard %s has no panel %d", r.DashboardUID, r.PanelID)
	}
	refs := map[string]bool{}
	for _, d := range r.Data {
		if refs[d.RefID] || d.RefID != d.Model.RefID {
			bad("refId %q: want one of its own, the same in its model (%q)", d.RefID, d.Model.RefID)
		}
		refs[d.RefID] = true
		problems = append(problems, lintStep(d)...)
	}
	for _, d := range r.Data {
		if e := d.Model.Expression; e != "" && !refs[e] {
			bad("%s compares %q, which is no query of the rule", d.RefID, e)
		}
	}
	if !refs[r.Condition] {
		bad("condition %q is no step of the rule", r.Condition)
	}
	return problems
}

// lintStep checks a step: a query, which must have no macro, variable or placeholder,
// or a threshold.
func lintStep(d RuleData) (problems []string) {
	if d.DatasourceUID != d.Model.Datasource.UID {
		problems = append(problems, fmt.Sprintf("%s: data source %q in the step, %q in its model", d.RefID,
			d.DatasourceUID, d.Model.Datasource.UID))
	}
	if d.DatasourceUID == "__expr__" {
		if d.Model.Type != "threshold" || len(d.Model.Conditions) != 1 ||
			len(d.Model.Conditions[0].Evaluator.Params) != 1 ||
			!slices.Contains([]string{"gt", "lt"}, d.Model.Conditions[0].Evaluator.Type) {
			problems = append(problems, d.RefID+": not a threshold with one parameter")
		}
		return problems
	}
	if d.Model.RawSQL == "" || d.Model.Format != Table || d.Model.QueryType != "table" {
		problems = append(problems, d.RefID+": not a query for a table")
	}
	if strings.ContainsAny(d.Model.RawSQL, "${}") {
		problems = append(problems, d.RefID+": a macro, variable or placeholder in the query; a rule has no dashboard")
	}
	if d.RelativeTimeRange.From <= d.RelativeTimeRange.To {
		problems = append(problems, d.RefID+": empty time range")
	}
	return problems
}

// loose reports a single $ in a field that Grafana expands.
func loose(s string) bool {
	return regexp.MustCompile(`(^|[^$])(\$\$)*\$([^$]|$)`).MatchString(s)
}

func hasPanel(boards []Board, uid string, id uint32) bool {
	for _, b := range boards {
		if *b.Dashboard.Uid == uid {
			return slices.ContainsFunc(b.Dashboard.Panels,
				func(p panelOrRow) bool { return p.Panel != nil && *p.Panel.Id == id })
		}
	}
	return false
}
