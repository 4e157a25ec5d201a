package grafana

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func files(t *testing.T, o Options) map[string][]byte {
	t.Helper()
	list, err := Files(o)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]byte{}
	for _, f := range list {
		m[f.Name] = f.Content
	}
	return m
}

// What is committed is what the code writes (make generate), and nothing else
// lies beside it.
func TestCommittedFilesAreGenerated(t *testing.T) {
	want := files(t, DefaultOptions())
	for name, content := range want {
		got, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, content) {
			t.Errorf("%s is not what the code writes: run make generate", name)
		}
	}
	for _, dir := range []string{"generated", "provisioning"} {
		err := filepath.WalkDir(filepath.Join("..", dir), func(path string, d fs.DirEntry, err error) error {
			if name := strings.TrimPrefix(filepath.ToSlash(path), "../"); err == nil && !d.IsDir() &&
				want[name] == nil {
				t.Errorf("%s is not generated", name)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A second run changes nothing.
func TestWriteTwice(t *testing.T) {
	list, err := Files(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for run, want := range []int{len(list), 0} {
		changed, err := Write(dir, list)
		if err != nil || len(changed) != want {
			t.Errorf("run %d changed %v (%v); want %d files", run+1, changed, err, want)
		}
	}
}

// The flags reach every place that they name.
func TestOptions(t *testing.T) {
	all := files(t, Options{DatasourceUID: "P123", Folder: "Operations", Database: "logs", Cluster: "east",
		Alerts: AllAlerts, Schema: Classic})
	for name, content := range all {
		if bytes.Contains(content, []byte("`statline`")) {
			t.Errorf("%s reads the database statline; want logs", name)
		}
	}
	for name, want := range map[string]string{
		"provisioning/alerting/rules.yaml":         "datasourceUid: P123",
		"provisioning/dashboards/statline.yaml":    "folder: Operations",
		"provisioning/datasources/clickhouse.yaml": "defaultDatabase: logs",
		"generated/pipeline.json":                  "clusterAllReplicas('east', system.parts)",
		"generated/overview.json":                  `"value": "P123"`,
	} {
		if !bytes.Contains(all[name], []byte(want)) {
			t.Errorf("%s does not say %s", name, want)
		}
	}
	with := DefaultOptions()
	with.Runbooks = "https://wiki.example/page"
	if rules := files(t, with)["provisioning/alerting/rules.yaml"]; !bytes.Contains(rules, []byte("https://wiki.example/page#nothing-arrives")) {
		t.Error("alerts do not lead to their heading in the runbooks")
	}
	with.Runbooks = "wiki"
	if _, err := Files(with); err == nil {
		t.Error("runbooks that are no address: no error")
	}
	for _, bad := range []Options{{}, {DatasourceUID: "a b", Folder: "f", Database: "d", Alerts: AllAlerts,
		Schema: Classic}, {DatasourceUID: "a", Folder: "$X", Database: "d", Alerts: AllAlerts, Schema: Classic},
		{DatasourceUID: "a", Folder: "f", Database: "d;", Alerts: AllAlerts, Schema: Classic},
		{DatasourceUID: "a", Folder: "f", Database: "d", Cluster: "'", Alerts: AllAlerts, Schema: Classic}} {
		if _, err := Files(bad); err == nil {
			t.Errorf("Files(%+v): no error", bad)
		}
	}
}

// Each kind of mistake is found by Lint.
func TestLintFinds(t *testing.T) {
	good := files(t, DefaultOptions())["generated/overview.json"]
	if errs := Lint(good); len(errs) != 0 {
		t.Fatal(errs)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"a wrong enum":           {`"drawStyle": "line"`, `"drawStyle": "barz"`, `got "barz"`},
		"an empty enum":          {`"orientation": "auto"`, `"orientation": ""`, `got ""`},
		"an undefined variable":  {"${service:queryparam}", "${servise:queryparam}", "$servise is not defined"},
		"an unknown macro":       {"$__fromTime", "$__fromtime", "$__fromtime is not defined"},
		"an unknown field":       {`"rawSql":`, `"rawSQL2":`, "rawSQL2"},
		"an unknown option":      {`"graphMode":`, `"grafMode":`, "grafMode"},
		"overlapping panels":     {`"x": 16,`, `"x": 15,`, "overlaps panel"},
		"a panel off the grid":   {`"x": 16,`, `"x": 23,`, "inside 24 columns"},
		"two panels with one id": {`"id": 2,`, `"id": 1,`, "want one of its own"},
		"a panel without id":     {`"id": 2,`, `"id": 0,`, "want one of its own"},
		"a unit nobody knows":    {`"unit": "reqps"`, `"unit": "requests"`, `got "requests"`},
		"no text for no data":    {`"noValue": "no responses"`, `"noValue": ""`, "no text for no data"},
		"no description": {`"description": "Responses per second of event time."`, `"description": ""`,
			"no description"},
		"a format out of step":    {`"queryType": "timeseries"`, `"queryType": "table"`, "as format says"},
		"another data source":     {`"uid": "${ds}"`, `"uid": "clickhouse"`, "data source"},
		"a placeholder left":      {"`statline`.services", "{db}.services", "placeholder"},
		"an unknown override":     {`"id": "custom.width"`, `"id": "custom.widht"`, "custom.widht"},
		"a variable twice":        {`"name": "service"`, `"name": "ds"`, "defined twice"},
		"a missing refId":         {`"refId": "A"`, `"refId": ""`, "refId"},
		"a wrong type of a field": {`"fillOpacity": 8`, `"fillOpacity": "8"`, "strict reading"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := bytes.Replace(good, []byte(c.old), []byte(c.new), 1)
			if bytes.Equal(raw, good) {
				t.Fatalf("%q is not in the dashboard", c.old)
			}
			if err := errors.Join(Lint(raw)...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want something about %q", err, c.want)
			}
		})
	}
}

func builtRules(t *testing.T) (RuleFile, []Board) {
	t.Helper()
	boards, err := Boards(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	f, err := Rules(DefaultOptions(), boards)
	if err != nil {
		t.Fatal(err)
	}
	return f, boards
}

// Each kind of mistake in a rule is found.
func TestLintRulesFinds(t *testing.T) {
	f, boards := builtRules(t)
	if errs := LintRules(f, boards); len(errs) != 0 {
		t.Fatal(errs)
	}
	for name, c := range map[string]struct {
		change func(*Rule)
		want   string
	}{
		"no plan for no data":       {func(r *Rule) { r.NoDataState = "" }, "no plan for no data"},
		"no reason for it":          {func(r *Rule) { r.Annotations["no_data"] = "" }, "no plan for no data"},
		"a condition that is none":  {func(r *Rule) { r.Condition = "C" }, `condition "C"`},
		"a comparison with nothing": {func(r *Rule) { r.Data[1].Model.Expression = "Z" }, `compares "Z"`},
		"a duration that is none":   {func(r *Rule) { r.For = "soon" }, "want a duration"},
		"a time macro": {func(r *Rule) { r.Data[0].Model.RawSQL += " WHERE $__timeFilter(minute)" },
			"a rule has no dashboard"},
		"a variable in a label": {func(r *Rule) { r.Labels["key"] = "{{ $labels.entity }}" },
			"unless it is written $$"},
		"a panel that is not there":  {func(r *Rule) { r.PanelID = 999 }, "has no panel 999"},
		"a dashboard that is none":   {func(r *Rule) { r.DashboardUID = "x" }, "dashboard x"},
		"no runbook":                 {func(r *Rule) { delete(r.Annotations, "runbook") }, "no annotation runbook"},
		"no severity":                {func(r *Rule) { r.Data[0].Model.RawSQL = "SELECT 1" }, "label severity"},
		"no receiver":                {func(r *Rule) { r.NotificationSettings.Receiver = "" }, "no receiver"},
		"a state that is none":       {func(r *Rule) { r.ExecErrState = "Fine" }, "execErrState"},
		"a threshold without number": {func(r *Rule) { r.Data[1].Model.Conditions[0].Evaluator.Params = nil }, "not a threshold"},
		"two data sources":           {func(r *Rule) { r.Data[0].DatasourceUID = "other" }, "data source"},
	} {
		t.Run(name, func(t *testing.T) {
			broken, _ := builtRules(t)
			c.change(&broken.Groups[0].Rules[0])
			if err := errors.Join(LintRules(broken, boards)...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want something about %q", err, c.want)
			}
		})
	}
	if n := len(f.Groups[0].Rules) + len(f.Groups[1].Rules); n < 12 {
		t.Errorf("%d rules; want at least 12", n)
	}
}

// Grafana ignores fields that it does not know: the written files hold only
// those of the types.
func TestProvisioningReadsBackStrictly(t *testing.T) {
	all := files(t, DefaultOptions())
	read := func(name string, into any) {
		t.Helper()
		if err := yaml.UnmarshalWithOptions(all[name], into, yaml.DisallowUnknownField(), yaml.Strict()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	var rules RuleFile
	read("provisioning/alerting/rules.yaml", &rules)
	read("provisioning/alerting/contact-points.yaml", &ContactFile{})
	read("provisioning/dashboards/statline.yaml", &ProviderFile{})
	read("provisioning/datasources/clickhouse.yaml", &DatasourceFile{})
	if errs := LintRules(rules, func() []Board { _, b := builtRules(t); return b }()); len(errs) != 0 {
		t.Error(errs)
	}
	for name := range all {
		if strings.Contains(name, "polic") {
			t.Errorf("%s: a policy file replaces the whole tree of the organisation it is dropped into", name)
		}
	}
	mistyped := bytes.Replace(all["provisioning/alerting/rules.yaml"], []byte("noDataState"), []byte("nodataState"), 1)
	if yaml.UnmarshalWithOptions(mistyped, &rules, yaml.DisallowUnknownField()) == nil {
		t.Error("a mistyped field is read without an error")
	}
}

// Every data link leads to one of the dashboards and sets a variable that it
// has.
func TestLinksLeadSomewhere(t *testing.T) {
	boards, err := Boards(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	variables, titles := map[string][]string{}, map[string]bool{}
	for _, b := range boards {
		for _, v := range b.Dashboard.Templating.List {
			variables[*b.Dashboard.Uid] = append(variables[*b.Dashboard.Uid], v.Name)
		}
		if titles[*b.Dashboard.Title] {
			t.Errorf("two dashboards are called %s", *b.Dashboard.Title)
		}
		titles[*b.Dashboard.Title] = true
	}
	links := 0
	for name, content := range files(t, DefaultOptions()) {
		for _, m := range regexp.MustCompile(`/d/([\w-]+)\?[^"]*&var-(\w+)=`).
			FindAllStringSubmatch(string(content), -1) {
			links++
			if !slices.Contains(variables[m[1]], m[2]) {
				t.Errorf("%s links to %s with var-%s; it has %v", name, m[1], m[2], variables[m[1]])
			}
		}
	}
	if links < 15 {
		t.Errorf("found %d links; the search is broken", links)
	}
}

// The units are the SDK's.
func TestUnitsAreKnown(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}",
		"github.com/grafana/grafana-foundation-sdk/go/units").Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(out)), "types_gen.go"), nil,
		0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			all = append(all, s)
		}
		return true
	})
	for _, u := range knownUnits() {
		if !slices.Contains(all, u) {
			t.Errorf("unit %q is none of the SDK's %d", u, len(all))
		}
	}
}

// A query that the SDK reads back and writes again is the same tree.
func TestQueryRoundTrip(t *testing.T) {
	q := newQuery("A", "SELECT 1", Table, dataSource)
	raw, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	var back Query
	if err := json.Unmarshal(raw, &back); err != nil || !q.Equals(back) || q.Validate() != nil {
		t.Errorf("got %+v (%v); want %+v", back, err, q)
	}
	if (Query{}).Validate() == nil {
		t.Error("an empty query is valid")
	}
}

// The axis of a share ends at 0 and at 1, whatever the figures on it.
func TestSharesEndAtOne(t *testing.T) {
	boards, err := Boards(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, b := range boards {
		for _, p := range b.Dashboard.Panels {
			if p.Panel == nil || p.Panel.Type != "timeseries" {
				continue
			}
			d := p.Panel.FieldConfig.Defaults
			if *d.Unit != "percentunit" {
				continue
			}
			found++
			if d.Min == nil || d.Max == nil || *d.Min != 0 || *d.Max != 1 {
				t.Errorf("%s/%s: axis from %v to %v; want 0 to 1", b.Name, *p.Panel.Title, d.Min, d.Max)
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d panels of shares over time; the search is broken", found)
	}
}
