// Package dashboards shows: a board is data, and so is an alert. A panel says
// what it asks, in which unit, what its columns are, which limits colour it,
// where a click leads and what it says without data; how that is drawn is the
// renderer's business. Package grafana makes Grafana's files of the boards; it
// is the only one that knows Grafana's SDK.
//
// This package reads no store and knows no client: every SQL text comes from
// package query, and the module grafanatest beside it runs them all. One file
// holds one board; alert.go holds the rules.
package dashboards

//go:generate go run statline/cmd/statline dashboards --out .
