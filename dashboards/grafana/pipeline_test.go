package grafana

import (
	"reflect"
	"strings"
	"testing"
)

// With the alerts of the pipeline alone, statline's own notices tell of incidents:
// no rule asks for one, those that a Grafana has from before are deleted, and the
// rules about statline itself are the same as with all alerts.
func TestPipelineAlertsLeaveIncidents(t *testing.T) {
	all, boards := builtRules(t)
	o := DefaultOptions()
	o.Alerts = PipelineAlerts
	f, err := Rules(o, boards)
	if err != nil {
		t.Fatal(err)
	}
	if errs := LintRules(f, boards); len(errs) != 0 {
		t.Error(errs)
	}
	deleted := map[string]bool{}
	for _, d := range f.DeleteRules {
		deleted[d.UID] = true
	}
	var kept []Rule
	for _, g := range all.Groups {
		for _, r := range g.Rules {
			if !strings.Contains(r.Data[0].Model.RawSQL, ".incidents") {
				kept = append(kept, r)
			} else if !deleted[r.UID] {
				t.Errorf("rule %s tells of incidents, and is not deleted", r.UID)
			}
		}
	}
	if len(f.Groups) != 1 || !reflect.DeepEqual(f.Groups[0].Rules, kept) || len(kept) < 3 {
		t.Errorf("got %d groups; want one, of the %d rules that read no incidents, as they are with all alerts",
			len(f.Groups), len(kept))
	}
	for _, r := range kept {
		if deleted[r.UID] {
			t.Errorf("rule %s is written and deleted", r.UID)
		}
	}
}
