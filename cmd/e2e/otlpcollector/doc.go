// Package otlpcollector tries the OpenTelemetry Collector's own kafkaexporter
// against statline: it writes log records and spans into the sandbox's broker, run
// reads them, and every total is what was sent. The exporter brings a hundred
// modules along, so this is a module of its own: make test-collector.
package otlpcollector
