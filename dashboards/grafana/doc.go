// Package grafana makes Grafana's files of the boards and alerts: dashboards as
// JSON, alert rules and the rest of the provisioning as YAML. It is the only
// importer of Grafana's SDK. Files gives the same bytes for the same options,
// and refuses what does not pass Lint.
package grafana
