package ingest

import (
	"context"
	"fmt"

	"statline/ingest/block"
	"statline/ingest/decode"
	"statline/ingest/retry"
	"statline/ingest/store"
)

// keepConfig stores the configuration that blocks are going to be declared
// under, before the first of them is.
func (p *Pipeline) keepConfig(ctx context.Context) (struct{}, error) {
	body, err := p.folds.Written()
	if err != nil {
		return struct{}{}, fmt.Errorf("%w: %w", retry.ErrPermanent, err)
	}
	return struct{}{}, p.store.WriteConfig(ctx, store.StoredConfig{
		Hash: p.cfg.Block.ConfigHash, DecoderVersion: decode.Version, Build: p.cfg.Block.Version, Body: body,
	})
}

// rules implements block.Env.Rules for a partition: the stored configuration
// with that hash, if this binary still folds under it as its hash says.
func (p *Pipeline) rules(partition int32) func(ctx context.Context, hash string) (block.Folders, error) {
	return func(ctx context.Context, hash string) (block.Folders, error) {
		body, err := p.store.ReadConfig(ctx, hash)
		if err != nil {
			return nil, err
		}
		if body == nil {
			return nil, fmt.Errorf("%w: configuration %s was never stored", block.ErrOtherRules, hash)
		}
		folders, is, err := p.folds.Under(body, partition)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", block.ErrOtherRules, err)
		}
		if is = store.ConfigHash(is); is != hash {
			return nil, fmt.Errorf("%w: configuration %s is %s to this binary", block.ErrOtherRules, hash, is)
		}
		return folders, nil
	}
}
