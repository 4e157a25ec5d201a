package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"statline/dashboards/console"
	"statline/ingest"
	"statline/ingest/store"
)

func consoleCommand() *cobra.Command {
	var (
		st     *settings
		listen = "127.0.0.1:8081"
	)
	c := &cobra.Command{
		Use:   "console",
		Short: "Show the boards in a browser: what is stored, on a page of this process",
		Long: `console serves a web page with the same boards, panels and queries as the Grafana
dashboards: what is wrong now, incidents, codes, limits, keys, clients,
availability, and whether everything is stored once. It needs nothing else and
loads nothing from elsewhere. It reads only: a ClickHouse user that may only
SELECT is enough (deploy/clickhouse/users.xml has one).

It listens on this machine alone and wants no token there. Where the newest data
is older than an hour, times count back from the end of the data.

demo serves the same page, and so does run on --listen.`,
		Example: `  statline console --clickhouse http://127.0.0.1:8123
  statline console --data ./store --listen 127.0.0.1:9090`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			if host, _, err := net.SplitHostPort(listen); err != nil || !console.Loopback(host) {
				return fmt.Errorf("--listen: got %q; want an address of this machine alone, such as 127.0.0.1:8081: "+
					"what the page shows is for nobody else", listen)
			}
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			page, err := newConsole(ctx, listen, st.ClickHouse.Cluster, func() console.Store { return s })
			if err != nil {
				return err
			}
			url, wait, err := serveConsole(listen, page)
			if err != nil {
				return fmt.Errorf("--listen: %w", err)
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "console", url)
			<-ctx.Done()
			return wait()
		},
	}
	st = takeSettings(c, "console")
	c.Flags().StringVar(&listen, "listen", listen, "`address` of the page, on loopback")
	return c
}

// newConsole is the page about a store, which may be nil while it is not there.
func newConsole(ctx context.Context, listen, cluster string, s func() console.Store) (http.Handler, error) {
	host, _, _ := net.SplitHostPort(listen)
	k, err := console.New(console.Config{Store: s, Version: version, Cluster: cluster, Host: host, Done: ctx.Done()})
	if err != nil {
		return nil, err
	}
	return k.Handler(), nil
}

// serveConsole serves a page until wait is called, and returns its address.
func serveConsole(listen string, page http.Handler) (url string, wait func() error, err error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: page, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	return "http://" + listener.Addr().String() + "/", ingest.ServeOn(listener, server), nil
}

// storeOf is a store as the console asks it; nil stays nil.
func storeOf(s *store.Store) console.Store {
	if s == nil {
		return nil
	}
	return s
}
