// Command statline reads API access logs, works out why each response was what
// it was, and says who is failing and since when. This package only wires: one
// file per subcommand, nothing that thinks or moves.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker (make build).
var version = "dev"

func main() { os.Exit(execute()) }

// execute is main with everything tidied up when it returns.
func execute() int {
	received := catchSignals()
	stdout := &output{File: os.Stdout}
	root := rootCommand()
	ctx := received.until(context.Background(), reloading(root, os.Args[1:]))
	root.SetOut(stdout)
	err := root.ExecuteContext(ctx)
	if stdout.err != nil {
		err = stdout.err
	}
	var code exitCode
	var by interruption
	switch {
	case err == nil:
		return 0
	case errors.Is(stdout.err, syscall.EPIPE): // the reader has seen enough
		return interruption{syscall.SIGPIPE}.exit()
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &by):
		fmt.Fprintln(os.Stderr, "statline:", by)
		return by.exit()
	}
	fmt.Fprintln(os.Stderr, "statline:", err)
	return 1
}

// exitDataSaysNo is the status of a command that did its work and whose data is
// not as it should be.
const exitDataSaysNo = 3

// exitCode ends the process with a status and without a message: the command
// has already said what there was to say.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

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

Every setting can also stand in a YAML file (--config, key = flag name) or in the
environment (STATLINE_ and the flag's name in capitals, - as _). A flag beats
the environment, the environment beats the file. "statline config example" shows
every setting, "statline config show" what is in force. STATLINE_HMAC_SECRET and
STATLINE_KAFKA_PASSWORD hold secrets, which have no flag.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetVersionTemplate("statline {{.Version}}\n")
	root.PersistentFlags().String("config", "", "YAML `file` with settings; STATLINE_CONFIG names it too")
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
	add("daemon", runCommand(), migrateCommand(), checkCommand(), configCommand(), repairCommand())
	add("ask", consoleCommand(), reportCommand(), incidentsCommand(), notifyCommand(), backtestCommand(), auditCommand(), rejectsCommand(), samplesCommand(), sqlCommand())
	add("tools", dashboardsCommand(), probeCommand(), formatsCommand(), routesCommand(), codesCommand(), keyIDCommand(), generateCommand(), sandboxCommand(), versionCommand())
	root.SetFlagErrorFunc(explainFlag)
	return root
}
