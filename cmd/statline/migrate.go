package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"statline/ingest/schema"
	"statline/ingest/store"
)

func migrateCommand() *cobra.Command {
	var st *settings
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Create or upgrade the tables in ClickHouse",
		Long: `migrate brings the database to this binary's schema; running it again changes
nothing. The daemon does the same at its start unless --migrate=false, so that
its user needs no right to create tables.

--retention-minutes, -hours and -samples change how long rows are kept; without them
retention stays as it is. After you shorten it, ClickHouse deletes expired rows with its
next merges; they do not come back.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := store.Open(cmd.Context(), st.ClickHouse.Store())
			if err != nil {
				return err
			}
			defer s.Close()
			o := schema.Options{Database: s.Database(), Cluster: st.ClickHouse.Cluster, TTL: schema.DefaultTTL(),
				Change: st.Retention.Change()}
			if err := schema.Migrate(cmd.Context(), s.Conn(), o); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "database %s is at schema %d\n", s.Database(), schema.Version())
			return nil
		},
	}
	st = takeSettings(c, "migrate")
	return c
}
