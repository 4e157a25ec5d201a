package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"statline/ingest"
	"statline/ingest/block"
	"statline/ingest/config"
	"statline/ingest/decode"
	"statline/ingest/fold"
	"statline/ingest/sandbox"
	"statline/ingest/schema"
	"statline/ingest/store"
)

// embedded is the store of commands that need no server: the engine in this process,
// behind the HTTP port that all clients use.
type embedded struct {
	sandbox *sandbox.Sandbox
	store   *store.Store
	folding fold.Config
	limits  *limitsFile
	whole   *block.Whole // for frames, whose counts must be of one moment
	remove  string       // a temporary directory to remove at the end
}

// openEmbedded starts the engine, and a broker when one is described.
func openEmbedded(ctx context.Context, c *config.Config, ttl schema.TTL, broker ...sandbox.Config) (*embedded, error) {
	e := &embedded{whole: block.NewWhole(), limits: &limitsFile{}}
	data := c.Local.Data
	if data == "" {
		dir, err := os.MkdirTemp("", "statline-")
		if err != nil {
			return nil, fmt.Errorf("make a temporary directory: %w", err)
		}
		data, e.remove = dir, dir
	} else if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	fail := func(err error) (*embedded, error) { return nil, errors.Join(err, e.close()) }
	// A temporary store uses the user's secret, so that ids are the same the next time.
	secret, err := c.HMAC()
	if err != nil {
		return fail(err)
	}
	if e.folding, err = c.Fold(secret); err != nil {
		return fail(err)
	}
	cfg := sandbox.Config{ClickHouse: "127.0.0.1:0"}
	if len(broker) > 0 {
		cfg = broker[0]
	}
	cfg.Data, cfg.Engine = serversIn(data), c.Local.Engine
	if e.sandbox, err = sandbox.Start(ctx, cfg); err != nil {
		return fail(err)
	}
	server := store.DefaultConfig()
	server.URL, server.Plain = e.sandbox.ClickHouseURL(), true
	e.store, err = ingest.OpenStore(ctx, ingest.Opening{Store: server, SecretID: decode.SecretID(secret),
		Tables: &schema.Options{TTL: ttl, Temporary: e.remove != ""}})
	if err != nil {
		return fail(err)
	}
	return e, nil
}

func (e *embedded) close() error {
	var err error
	if e.store != nil {
		err = e.store.Close()
	}
	if e.sandbox != nil {
		err = errors.Join(err, e.sandbox.Close())
	}
	if e.remove != "" {
		err = errors.Join(err, os.RemoveAll(e.remove))
	}
	return err
}
