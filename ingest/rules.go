package ingest

import (
	"context"
	"fmt"

	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/retry"
	"statline/ingest/store"
)

// rules are Rules with their config_hash as the ledger writes it.
type rules struct {
	Rules
	hash string
}

func newRules(f Rules) *rules { return &rules{f, store.ConfigHash(f.Hash())} }

// ConfigHash is what new blocks are declared under.
func (p *Pipeline) ConfigHash() string { return p.rules.Load().hash }

// Reload makes new blocks fold under f, from the next block of each partition on. The
// configuration is stored first, so that every block can be folded again as it was
// declared; an error changes nothing. It is safe for concurrent use.
func (p *Pipeline) Reload(ctx context.Context, f Rules) error {
	next := newRules(f)
	if next.hash == p.ConfigHash() {
		return nil // the current rules make the same rows, and hold memory already
	}
	if err := p.keepConfig(ctx, next); err != nil {
		return fmt.Errorf("store configuration %s: %w", next.hash, err)
	}
	p.rules.Store(next)
	return nil
}

// keepConfig stores the configuration before the first block is declared under it.
func (p *Pipeline) keepConfig(ctx context.Context, f *rules) error {
	body, err := f.Written()
	if err != nil {
		return fmt.Errorf("%w: %w", retry.ErrPermanent, err)
	}
	return p.store.WriteConfig(ctx, store.StoredConfig{
		Hash: f.hash, DecoderVersion: decode.Version, Build: p.cfg.Block.Version, Body: body,
	})
}

// declaredRules implements block.Env.Rules for a partition: the stored configuration
// with that hash, provided that it still has that hash in this binary.
func (p *Pipeline) declaredRules(partition int32) func(ctx context.Context, hash string) (block.Pool, error) {
	return func(ctx context.Context, hash string) (block.Pool, error) {
		body, err := p.store.ReadConfig(ctx, hash)
		if err != nil {
			return nil, err
		}
		if body == nil {
			return nil, fmt.Errorf("%w: configuration %s was never stored", block.ErrOtherRules, hash)
		}
		pool, is, err := p.rules.Load().Under(body, partition)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", block.ErrOtherRules, err)
		}
		if is = store.ConfigHash(is); is != hash {
			return nil, fmt.Errorf("%w: configuration %s is %s to this binary", block.ErrOtherRules, hash, is)
		}
		return pool, nil
	}
}
