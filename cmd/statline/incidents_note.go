package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/classify"
	"statline/ingest/watch"
)

// noteHelp has the help of the three commands that add a note.
var noteHelp = map[watch.Action]struct{ use, short, long, example string }{
	watch.Ack: {
		"ack ID [TEXT]", "Acknowledge an incident: no reminders unless it gets worse",
		"ack records who takes care of an incident. It sends no more reminders, unless its\nseverity rises; its end is still notified.",
		"  statline incidents ack abcdefgh --clickhouse http://127.0.0.1:8123 'looking at it'",
	},
	watch.Remark: {
		"note ID TEXT", "Add a note to an incident",
		"note stores a sentence with an incident. Notifications stay the same.",
		"  statline incidents note abcdefgh --clickhouse http://127.0.0.1:8123 'the upstream was patched'",
	},
	watch.Mute: {
		"mute ID [TEXT]", "Notify nobody of an incident for a while",
		"mute stops all notifications of an incident, whatever becomes of it, until the\ntime has passed.",
		"  statline incidents mute abcdefgh --for 8h --clickhouse http://127.0.0.1:8123",
	},
}

// incidentNoteCommand adds a note to an incident, which is named by its id or the
// first characters of it.
func incidentNoteCommand(action watch.Action) *cobra.Command {
	var (
		st     *settings
		author string
	)
	length := spanValue(4 * time.Hour)
	help := noteHelp[action]
	c := &cobra.Command{
		Use: help.use, Short: help.short, Long: help.long, Example: help.example,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n := watch.Note{Action: action, At: time.Now(), Author: author, Text: strings.Join(args[1:], " ")}
			switch {
			case action == watch.Remark && n.Text == "":
				return errors.New("note: got no text; want a sentence after the incident's id")
			case action == watch.Mute:
				n.Until = n.At.Add(time.Duration(length))
			}
			ctx := cmd.Context()
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer s.Close()
			sql := watch.NewSQL(s.Store, classify.Builtin())
			if n.Incident, n.Severity, err = sql.Find(ctx, args[0]); err != nil {
				return err
			}
			if err := sql.AddNote(ctx, n); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", n.Incident, action)
			return nil
		},
	}
	st = takeSettings(c, "incidents "+string(action))
	c.Flags().StringVar(&author, "by", os.Getenv("USER"), "`name` of whoever says so")
	if action == watch.Mute {
		c.Flags().Var(&length, "for", "how long: 30m, 8h, 7d")
	}
	return c
}
