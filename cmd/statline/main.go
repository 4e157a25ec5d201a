// Command statline reads API access logs, works out why each response was what
// it was, and says who is failing and since when. This package only wires: one
// file per subcommand, nothing that thinks or moves.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
)

// version is set by the linker (make build).
var version = "dev"

func main() { os.Exit(execute()) }

// execute is main with everything tidied up when it returns.
func execute() int {
	received := catchSignals()
	stdout := &output{File: os.Stdout}
	root, began := rootCommand(), false
	watched(root, &began)
	ctx := received.until(context.Background(), reloading(root, os.Args[1:]))
	root.SetOut(stdout)
	err := root.ExecuteContext(ctx)
	if err != nil && !began {
		err = mistyped(root, os.Args[1:], err)
	}
	status, message := ending(ctx, err, stdout.err, began)
	complain(message, status)
	return status
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "statline",
		Short: "Why are our responses failing, who is doing it, and since when?",
		Long: `statline reads API access logs from Kafka, classifies each response by its
HTTP status and by the API's own status code, and writes exact aggregates to
ClickHouse.

Try it with nothing installed:      statline demo
Look into a log file:               statline analyze access.log.gz
Run it against your own servers:    statline run --brokers kafka:9092 --topic access --clickhouse clickhouse://user:pass@host:9000/statline

Settings come from flags, the environment (STATLINE_ and the flag's name in
capitals, _ for -) and a YAML file (--config; its keys are the flags' names). Flags
override the environment, which overrides the file. "statline config example" lists
every setting, "statline config show" the current values. Secrets have no flag:
STATLINE_HMAC_SECRET, STATLINE_KAFKA_PASSWORD.

Exit status: 0 success; 1 an error; 2 a mistake in the command line, a setting or
the config file; 3 the command found a problem in the data (audit and demo: a
difference; analyze: no line understood; incidents --fail-on: an open incident);
130 after Ctrl-C.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetVersionTemplate("statline {{.Version}}\n")
	root.PersistentFlags().String("config", "", "YAML config `file` (or set STATLINE_CONFIG)")
	root.AddGroup(
		&cobra.Group{ID: "start", Title: "Start here:"},
		&cobra.Group{ID: "daemon", Title: "The daemon:"},
		&cobra.Group{ID: "ask", Title: "Ask what is stored:"},
		&cobra.Group{ID: "tools", Title: "Tools:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("start", demoCommand(), analyzeCommand())
	add("daemon", runCommand(), migrateCommand(), checkCommand(), configCommand(), repairCommand(), replayCommand(),
		forgetCommand(), diagCommand())
	add("ask", consoleCommand(), reportCommand(), incidentsCommand(), notifyCommand(), backtestCommand(),
		auditCommand(), rejectsCommand(), markCommand(), samplesCommand(), keysCommand(), storageCommand(),
		sqlCommand(), receiptCommand(), limitsCommand(), mcpCommand())
	add("tools", dashboardsCommand(), probeCommand(), formatsCommand(), routesCommand(), codesCommand(), keyIDCommand(),
		generateCommand(), sandboxCommand(), outputCommand(), versionCommand())
	root.SetFlagErrorFunc(explainFlag)
	root.SetUsageFunc(printUsage)
	root.SetHelpFunc(printHelp)
	takeFormerNames(root)
	completeValues(root)
	return root
}
