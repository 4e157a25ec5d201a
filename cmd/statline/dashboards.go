package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"statline/dashboards/grafana"
)

func dashboardsCommand() *cobra.Command {
	o := grafana.DefaultOptions()
	out := "."
	var st *settings
	c := &cobra.Command{
		Use:   "dashboards",
		Short: "Write Grafana's dashboards and alert rules, and Prometheus' rules",
		Long: `dashboards writes DIR/generated (the dashboards as JSON) and DIR/provisioning
(data source, dashboard provider, alert rules and contact point of Grafana; rules
about statline itself for Prometheus, which work while ClickHouse is away). The
same flags and settings give the same bytes; a second run changes nothing. The board
about error budgets has the objectives of the configuration (detect.slo.objective,
detect.services): write it again when they change.`,
		Example: `  statline dashboards --out ./grafana --datasource-uid P1234 --database logs`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Database, o.Cluster = st.ClickHouse.Database, st.ClickHouse.Cluster
			o.Objectives.Usual, o.Objectives.Services = st.Detect.Detectors.Objectives()
			files, err := grafana.Files(o)
			if err != nil {
				return err
			}
			changed, err := grafana.Write(out, files)
			for _, name := range changed {
				fmt.Fprintln(cmd.OutOrStdout(), name)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d files, %d changed\n", len(files), len(changed))
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", out, "`directory` to write to")
	f.StringVar(&o.DatasourceUID, "datasource-uid", o.DatasourceUID, "`uid` of Grafana's ClickHouse data source")
	f.Var(choiceValue{&o.Alerts, []string{grafana.AllAlerts, grafana.PipelineAlerts}}, "alerts",
		"who tells of incidents: all (Grafana's rules) or pipeline (statline's own notices; Grafana only of the pipeline)")
	f.Var(choiceValue{&o.Schema, []string{grafana.Classic, grafana.V2}}, "schema",
		"form of the dashboards: classic (files that Grafana reads since 11.6) or v2 (Grafana 13, with tabs; into DIR/v2)")
	f.StringVar(&o.Runbooks, "runbooks", o.Runbooks,
		"`address` of a page with the text of dashboards/README.md, for the alerts' runbook_url")
	f.StringVar(&o.Folder, "folder", o.Folder, "`title` of Grafana's folder")
	st = takeSettings(c, "dashboards")
	return c
}
