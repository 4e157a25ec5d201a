package grafana

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboardv2"

	"statline/dashboards"
	"statline/dashboards/query"
)

func oneV2(s string) dashboardv2.StringOrArrayOfString {
	return dashboardv2.StringOrArrayOfString{String: &s}
}

// allV2 is the choice of every value.
func allV2() dashboardv2.VariableOption {
	several := func(s string) dashboardv2.StringOrArrayOfString {
		return dashboardv2.StringOrArrayOfString{ArrayOfString: []string{s}}
	}
	return dashboardv2.VariableOption{Selected: cog.ToPtr(true), Text: several("All"), Value: several("$__all")}
}

// sourceVariable is the choice of the data source.
func sourceVariable(o Options) dashboardv2.VariableKind {
	v := dashboardv2.NewDatasourceVariableKind()
	v.Spec.Name, v.Spec.Label, v.Spec.PluginId = "ds", cog.ToPtr("Data source"), pluginID
	v.Spec.Refresh = dashboardv2.VariableRefreshOnDashboardLoad
	v.Spec.Current = dashboardv2.VariableOption{Text: oneV2("ClickHouse"), Value: oneV2(o.DatasourceUID)}
	return dashboardv2.VariableKind{DatasourceVariableKind: v}
}

func variableV2(from dashboards.Variable, target query.Target) dashboardv2.VariableKind {
	if from.Query == "" {
		v := dashboardv2.NewCustomVariableKind()
		v.Spec.Name, v.Spec.Label, v.Spec.Description = from.Name, &from.Label, &from.About
		v.Spec.Query, v.Spec.Multi, v.Spec.IncludeAll, v.Spec.Current = strings.Join(from.Values, ","), true, true,
			allV2()
		return dashboardv2.VariableKind{CustomVariableKind: v}
	}
	sql := from.Query.Grafana(target)
	v := dashboardv2.NewQueryVariableKind()
	v.Spec.Name, v.Spec.Label, v.Spec.Description = from.Name, &from.Label, &from.About
	v.Spec.Multi, v.Spec.IncludeAll, v.Spec.AllowCustomValue, v.Spec.Current = true, true, true, allV2()
	v.Spec.Refresh, v.Spec.Sort, v.Spec.Definition = dashboardv2.VariableRefreshOnTimeRangeChanged,
		dashboardv2.VariableSortDisabled, &sql
	v.Spec.Query = queryV2(newSQL(sql, Table))
	return dashboardv2.VariableKind{QueryVariableKind: v}
}
