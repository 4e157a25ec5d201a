package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"statline/classify/detect"
	"statline/dashboards/console"
	"statline/ingest"
	"statline/ingest/config"
	"statline/ingest/decode"
	"statline/ingest/store"
)

func consoleCommand() *cobra.Command {
	var (
		st     *settings
		listen = "127.0.0.1:8081"
	)
	c := &cobra.Command{
		Use:   "console",
		Short: "Show the dashboards in a browser, served by this process",
		Long: `console serves a web page with the same boards, panels and queries as the Grafana
dashboards: what is wrong now, incidents, codes, limits, keys, clients,
availability, and whether everything is stored once. It needs no other server and
loads nothing from elsewhere. It only reads: a ClickHouse user with SELECT is enough
(deploy/clickhouse/users.xml has one). With --console-write, whoever has the token
can also write: notes that acknowledge, reopen and mute incidents, and names of keys.

By default it listens on this machine only, without a token. Any other address needs
a token and TLS (--listen-cert, --listen-key), or --console-insecure behind a proxy
that has TLS. When the newest data is older than an hour, times count back from the
end of the data.

demo serves the same page, and so does run on --listen.`,
		Example: `  statline console --clickhouse http://127.0.0.1:8123
  statline console --data ./store --listen 127.0.0.1:9090
  statline console --data ./store --listen 0.0.0.0:8443 --console-token-file token --listen-cert cert.pem --listen-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			tls := st.Daemon.ListenCert != ""
			if err := st.Console.Servable(listen, tls); err != nil {
				return fmt.Errorf("--listen: the console cannot be served on %s: %w", listen, err)
			}
			s, err := openAsked(ctx, st.Config)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			keyID, err := keyIDs(st.Config)
			if err != nil {
				return err
			}
			page := console.Config{KeyID: keyID, Access: consoleAccess(&st.Console, listen, tls),
				Cluster: st.ClickHouse.Cluster,
				Store:   func() console.Store { return s }, Objectives: st.Detect.Detectors.Objectives}
			if st.Console.Write {
				page.Writer = func() console.Writer { return writerOf(s.Store) }
			}
			handler, err := newConsole(ctx, page)
			if err != nil {
				return err
			}
			url, wait, err := serveConsole(ingest.Listening{Address: listen, Cert: st.Daemon.ListenCert,
				Key: st.Daemon.ListenKey}, handler)
			if err != nil {
				return fmt.Errorf("--listen: %w", err)
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "console", url)
			<-ctx.Done()
			return wait()
		},
	}
	st = takeSettings(c, "console")
	c.Flags().StringVar(&listen, "listen", listen, "`address` of the page")
	return c
}

// newConsole makes the page about a store, which is nil until it can be reached.
func newConsole(ctx context.Context, c console.Config) (http.Handler, error) {
	c.Version, c.Done = version, ctx.Done()
	k, err := console.New(c)
	if err != nil {
		return nil, err
	}
	return k.Handler(), nil
}

// consoleAccess says who may open a console at an address.
func consoleAccess(c *config.Console, listen string, tls bool) console.Access {
	host, _, _ := net.SplitHostPort(listen)
	return console.Access{Local: console.Loopback(host), Token: c.GetToken, TLS: tls,
		Hosts: append(slices.Clone(c.Hosts), host)}
}

// keyIDs turns keys into ids with the existing secret. It is nil without one: then a
// key cannot be searched for.
func keyIDs(c *config.Config) (func(key string) string, error) {
	secret, _, err := c.FindHMAC()
	if err != nil || secret == nil {
		return nil, err
	}
	return keyIDsOf(secret), nil
}

func keyIDsOf(secret []byte) func(key string) string {
	return func(key string) string { return decode.KeyID(secret, key).String() }
}

// serveConsole serves a page until wait is called, and returns its address.
func serveConsole(at ingest.Listening, page http.Handler) (url string, wait func() error, err error) {
	listener, err := at.Open()
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: page, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute,
		IdleTimeout:  time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	scheme := "http"
	if at.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + pageAddress(at.Address, listener.Addr().String()) + "/", ingest.ServeOn(listener, server), nil
}

// pageAddress is the address of a page: the host as the user wrote it, where the
// listener's would be [::] for all addresses, with the port that was chosen.
func pageAddress(asked, taken string) string {
	host, _, err := net.SplitHostPort(asked)
	_, port, taking := net.SplitHostPort(taken)
	if host == "" || err != nil || taking != nil {
		return taken
	}
	return net.JoinHostPort(host, port)
}

// storeOf is a store for the console; nil stays nil.
func storeOf(s *store.Store) console.Store {
	if s == nil {
		return nil
	}
	return s
}

// serveStore serves the console for an embedded store, to this machine, until Ctrl-C.
func serveStore(cmd *cobra.Command, e *embedded, rules *detect.Config) error {
	ctx := cmd.Context()
	page, err := newConsole(ctx, console.Config{Access: console.Access{Local: true},
		KeyID: keyIDsOf(e.folding.Decode.Secret),
		Store: func() console.Store { return storeOf(e.store) }, Objectives: rules.Objectives})
	if err != nil {
		return err
	}
	url, wait, err := serveConsole(ingest.Listening{Address: demoPage}, page)
	if err != nil { // the port is in use
		url, wait, err = serveConsole(ingest.Listening{Address: "127.0.0.1:0"}, page)
	}
	if err != nil {
		return fmt.Errorf("--serve: %w", err)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "console", url)
	<-ctx.Done()
	return wait()
}
