package config

import (
	"maps"
	"slices"
)

// use is which settings a command takes.
type use struct {
	sets     []Set
	required []string
	defaults map[string]string // where they differ from the common ones
}

var (
	daemonSets = []Set{SetTopic, SetKafka, SetGroup, SetClickHouse, SetServer, SetLines, SetCatalogue, SetHMAC,
		SetRetention, SetLabels, SetLimits, SetDetect, SetNotify, SetDaemon, SetTLS, SetConsole, SetLog}
	mendSets = []Set{SetTopic, SetKafka, SetGroup, SetClickHouse, SetServer, SetLines, SetCatalogue, SetHMAC}
	servers  = []string{"brokers", "clickhouse"}
	// A command that asks takes a server, or the directory of an embedded store.
	askSets = []Set{SetClickHouse, SetServer, SetData, SetEngine}
	stored  = []string{"clickhouse|data"}
)

// uses says which settings each command takes, by the command's path. A
// command that is missing takes none.
var uses = map[string]use{
	"run":         {sets: daemonSets, required: servers},
	"check":       {sets: daemonSets, required: servers},
	"diag":        {sets: append(slices.Clone(daemonSets), SetData, SetEngine)},
	"config show": {sets: append(slices.Clone(daemonSets), SetData, SetEngine)},

	"repair":          {sets: mendSets, required: servers},
	"replay":          {sets: append(slices.Clone(mendSets), SetLimits, SetDetect), required: servers},
	"forget":          {sets: append(slices.Clone(askSets), SetHMAC), required: stored},
	"rejects replay":  {sets: mendSets, required: servers},
	"rejects discard": {sets: mendSets, required: servers},
	"migrate":         {sets: []Set{SetClickHouse, SetServer, SetRetention}, required: []string{"clickhouse"}},

	"audit":           {sets: append(slices.Clone(askSets), SetTopic, SetKafka, SetGroup), required: stored},
	"limits headroom": {sets: append(slices.Clone(askSets), SetLimits), required: stored},
	"limits simulate": {sets: append(slices.Clone(askSets), SetLimits, SetTopic, SetKafka, SetGroup, SetHMAC), required: stored},
	"mcp":             {sets: askSets, required: stored},
	"receipt":         {sets: append(slices.Clone(askSets), SetTopic, SetKafka, SetGroup), required: stored},
	"receipt verify":  {sets: append(slices.Clone(askSets), SetTopic, SetKafka, SetGroup)},
	"report":          {sets: append(slices.Clone(askSets), SetCatalogue), required: stored},
	"incidents":       {sets: askSets, required: stored},
	"incidents ack":   {sets: askSets, required: stored},
	"incidents note":  {sets: askSets, required: stored},
	"incidents mute":  {sets: askSets, required: stored},
	"incidents show":  {sets: append(slices.Clone(askSets), SetTopic, SetKafka, SetGroup, SetHMAC), required: stored},
	"mark deploy":     {sets: askSets, required: stored},
	"backtest":        {sets: append(slices.Clone(askSets), SetCatalogue, SetLimits, SetDetect)},
	"rejects list":    {sets: askSets, required: stored},
	"rejects show":    {sets: askSets, required: stored},
	"routes suggest":  {sets: askSets, required: stored},
	"keys show":       {sets: askSets, required: stored},
	"storage":         {sets: askSets, required: stored},
	"samples":         {sets: askSets, required: stored},
	"sql":             {sets: askSets, required: stored},
	"console":         {sets: append(slices.Clone(askSets), SetHMAC, SetTLS, SetConsole, SetDetect), required: stored},
	"dashboards":      {sets: []Set{SetClickHouse, SetDetect}},

	"notify test": {sets: []Set{SetNotify}},

	"analyze": {sets: []Set{SetLines, SetCatalogue, SetHMAC, SetLabels, SetLimits, SetDetect, SetData,
		SetEngine}},
	"demo": {sets: []Set{SetHMAC, SetLabels, SetLog, SetData, SetEngine},
		defaults: map[string]string{"log-level": "error"}},
	"probe":         {sets: []Set{SetLines, SetCatalogue, SetHMAC}},
	"codes":         {sets: []Set{SetCatalogue}},
	"codes suggest": {sets: append(slices.Clone(askSets), SetLines, SetHMAC)},
	"key-id":        {sets: []Set{SetHMAC, SetData}},
	"generate":      {sets: []Set{SetTopic}},
	"sandbox":       {sets: []Set{SetData, SetEngine}},
}

// Commands lists the commands that take settings, sorted.
func Commands() []string { return slices.Sorted(maps.Keys(uses)) }

// Of lists the options of a command in the order of the example file.
func Of(command string) []Option {
	return slices.DeleteFunc(Options(), func(o Option) bool { return !slices.Contains(uses[command].sets, o.Set) })
}
