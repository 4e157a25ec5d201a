package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"statline/ingest/config"
	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// asked is the store that a command reads: a server's, or one that --data keeps.
type asked struct {
	*store.Store
	sandbox *sandbox.Sandbox // nil when another process serves it
}

// openAsked opens the store. A directory that a running process has open is read
// through that process.
func openAsked(ctx context.Context, c *config.Config) (_ *asked, err error) {
	dir, err := c.Asked()
	if err != nil {
		return nil, err
	}
	a := &asked{}
	server := c.ClickHouse.Store()
	if dir != "" {
		server = store.DefaultConfig()
		if c.Origin("database").Layer == config.FromFlag { // a file's is that of a server
			server.Database = c.ClickHouse.Database
		}
		if server.URL, err = a.serve(ctx, dir, c.Local.Engine); err != nil {
			return nil, err
		}
	}
	if a.Store, err = store.Open(ctx, server); err == nil && a.sandbox != nil {
		err = a.migrate(ctx, dir)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// serve starts the engine on a directory and returns its address, or the address of
// the process that has it open.
func (a *asked) serve(ctx context.Context, data, engine string) (url string, err error) {
	dir := serversIn(data)
	switch _, err := os.Stat(filepath.Join(dir, "clickhouse")); {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("--data %s: it holds no store; statline analyze --data %s FILE makes one", data,
			shellWord(data))
	case err != nil:
		return "", fmt.Errorf("--data %s: %w", data, err)
	}
	a.sandbox, err = sandbox.Start(ctx, sandbox.Config{ClickHouse: "127.0.0.1:0", Data: dir, Engine: engine})
	if errors.Is(err, sandbox.ErrLocked) {
		return sandbox.Serving(dir)
	}
	if err != nil {
		return "", err
	}
	return a.sandbox.ClickHouseURL(), nil
}

// migrate brings a store of an older version to this version's tables.
func (a *asked) migrate(ctx context.Context, dir string) error {
	ttl, err := schema.StoredTTL(ctx, a.Conn(), a.Database())
	if err != nil {
		return fmt.Errorf("--data %s: %w", dir, err)
	}
	return schema.Migrate(ctx, a.Conn(), schema.Options{Database: a.Database(), TTL: ttl})
}

// Close ends the connection, and the engine when it is ours.
func (a *asked) Close() error {
	var err error
	if a.Store != nil {
		err = a.Store.Close()
	}
	if a.sandbox != nil {
		err = errors.Join(err, a.sandbox.Close())
	}
	return err
}

// serversIn is where the servers of a data directory keep their files. The sandbox of
// earlier versions kept them in the directory itself.
func serversIn(data string) string {
	if data == "" {
		return ""
	}
	within := filepath.Join(data, "servers")
	if _, err := os.Stat(within); err == nil {
		return within
	}
	for _, old := range []string{"clickhouse", "kafka"} {
		if _, err := os.Stat(filepath.Join(data, old)); err == nil {
			return data
		}
	}
	return within
}
