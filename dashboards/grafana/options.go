package grafana

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"statline/dashboards"
	"statline/dashboards/query"
)

// Options is what a team can change about the files.
type Options struct {
	// DatasourceUID is the uid of Grafana's ClickHouse data source: alert rules
	// cannot choose one by a variable.
	DatasourceUID string
	// Alerts says who sends notices of incidents: Grafana's rules (AllAlerts), or
	// statline itself, with Grafana's rules only for the pipeline (PipelineAlerts).
	Alerts string
	// Objectives are those of the board about error budgets; the zero value is the
	// default configuration's.
	Objectives query.Objectives
	// Schema is the form of the dashboards: Classic or V2.
	Schema string
	// Folder is the title of Grafana's folder for the dashboards and the rules.
	Folder string
	// Runbooks is the address of a page with the text of README.md; alerts link
	// to their heading in it. Empty for none.
	Runbooks string
	// Database holds the tables; Cluster is ClickHouse's cluster, empty for one
	// server.
	Database, Cluster string
}

// The values of Options.Alerts.
const (
	AllAlerts      = "all"
	PipelineAlerts = "pipeline"
)

// The values of Options.Schema.
const (
	// Classic is the form that every Grafana since 11.6 reads from files.
	Classic = "classic"
	// V2 is that of Grafana 13 (dashboard.grafana.app/v2), with tabs.
	V2 = "v2"
)

// DefaultOptions are those of docker-compose.yml.
func DefaultOptions() Options {
	return Options{DatasourceUID: "clickhouse", Folder: "statline", Database: "statline", Alerts: AllAlerts,
		Schema: Classic}
}

func (o Options) objectives() query.Objectives {
	if o.Objectives.Usual == 0 {
		return dashboards.UsualObjectives()
	}
	return o.Objectives
}

func (o Options) target() query.Target { return query.Target{Database: o.Database, Cluster: o.Cluster} }

// Validate checks o: names stand in SQL and in YAML that Grafana expands.
func (o Options) Validate() error {
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	if !name.MatchString(o.Database) {
		return fmt.Errorf("database: got %q; want letters, digits and underscores", o.Database)
	}
	if o.Cluster != "" && !name.MatchString(o.Cluster) {
		return fmt.Errorf("cluster: got %q; want letters, digits and underscores", o.Cluster)
	}
	if o.Alerts != AllAlerts && o.Alerts != PipelineAlerts {
		return fmt.Errorf("alerts: got %q; want all or pipeline", o.Alerts)
	}
	if o.Schema != Classic && o.Schema != V2 {
		return fmt.Errorf("schema: got %q; want classic or v2", o.Schema)
	}
	if u, err := url.Parse(o.Runbooks); err != nil || o.Runbooks != "" &&
		(u.Host == "" || u.Fragment != "" || strings.Contains(o.Runbooks, "$")) {
		return fmt.Errorf("runbooks: got %q; want the address of a page, without a # and a $", o.Runbooks)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`).MatchString(o.DatasourceUID) {
		return fmt.Errorf("data source uid: got %q; want at most 40 letters, digits, - and _", o.DatasourceUID)
	}
	if !regexp.MustCompile(`^[\pL\pN][\pL\pN ._-]{0,60}$`).MatchString(o.Folder) {
		return fmt.Errorf("folder: got %q; want letters, digits, spaces, dots, - and _", o.Folder)
	}
	return nil
}
