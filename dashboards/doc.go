// Package dashboards shows: it builds the Grafana dashboards, the alert rules
// and their provisioning files from Go, so that a query, a colour or a link is
// written once and checked once. Files gives the same bytes for the same
// options. It reads no store: every SQL text comes from package query, and the
// module grafanatest beside it runs them all.
//
// One file holds one dashboard; alert.go holds the rules.
package dashboards

//go:generate go run statline/cmd/statline dashboards --out .
