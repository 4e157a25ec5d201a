package prometheus

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"statline/dashboards"
)

// Each alert about statline itself is asked of the metrics too, and says there
// what it says in Grafana.
func TestRules(t *testing.T) {
	raw, err := Rules("https://wiki.example/statline")
	if err != nil {
		t.Fatal(err)
	}
	var f File
	if err := yaml.UnmarshalWithOptions(raw, &f, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	byUID := map[string]Rule{}
	for _, r := range f.Groups[0].Rules {
		byUID[r.Labels["uid"]] = r
	}
	for _, a := range dashboards.Alerts() {
		r, ok := byUID[a.UID]
		if want := a.Board == dashboards.PipelineUID && a.Severity != "" || a.Query == ""; ok != want {
			t.Errorf("%s: is among Prometheus' rules: %t; want %t", a.UID, ok, want)
		}
		if !ok {
			continue
		}
		if r.Labels["severity"] != a.Severity || r.For != a.Lasting || r.Annotations["description"] != a.Means ||
			r.Annotations["runbook"] != a.ToDo {
			t.Errorf("%s: got %+v; want what the alert says", a.UID, r)
		}
		if strings.Contains(r.Annotations["summary"], "$values") {
			t.Errorf("%s: %q is Grafana's", a.UID, r.Annotations["summary"])
		}
		if want := "https://wiki.example/statline#" + strings.ReplaceAll(strings.ToLower(a.Title), " ", "-"); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url: got %q; want %q", a.UID, r.Annotations["runbook_url"], want)
		}
	}
}
