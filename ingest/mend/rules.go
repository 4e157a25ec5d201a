package mend

import (
	"context"
	"errors"
	"fmt"

	"statline/ingest/block"
	"statline/ingest/fold"
	"statline/ingest/store"
)

// rules are a configuration with the hash that blocks name it by.
type rules struct {
	hash string
	fold fold.Config
}

// rulebook finds the rules that a block was declared or stored under, so that no later
// configuration makes a block unreadable.
type rulebook struct {
	own   fold.Config
	read  func(ctx context.Context, hash string) ([]byte, error)
	known map[string]rules
}

func newRulebook(own fold.Config, read func(context.Context, string) ([]byte, error)) *rulebook {
	b := &rulebook{own: own, read: read, known: map[string]rules{}}
	mine := b.mine()
	b.known[mine.hash] = mine
	return b
}

// mine are the rules of this binary and its configuration.
func (b *rulebook) mine() rules { return rules{store.ConfigHash(b.own.Hash()), b.own} }

// of returns the rules with a hash. The error wraps block.ErrOtherRules when this
// binary does not have them: they were never stored, or it folds differently.
func (b *rulebook) of(ctx context.Context, hash string) (rules, error) {
	if r, ok := b.known[hash]; ok {
		return r, nil
	}
	body, err := b.read(ctx, hash)
	if err != nil {
		return rules{}, err
	}
	if body == nil {
		return rules{}, fmt.Errorf("%w: configuration %s was never stored", block.ErrOtherRules, hash)
	}
	c, err := b.own.Under(body)
	if err != nil {
		return rules{}, fmt.Errorf("%w: %w", block.ErrOtherRules, err)
	}
	r := rules{store.ConfigHash(c.Hash()), c}
	if r.hash != hash {
		return rules{}, fmt.Errorf("%w: configuration %s is %s to this binary", block.ErrOtherRules, hash, r.hash)
	}
	b.known[hash] = r
	return r, nil
}

// nearest returns the rules with a hash or, when this binary does not have them, its
// own: the caller checks whether they give what was stored.
func (b *rulebook) nearest(ctx context.Context, hash string) (rules, error) {
	r, err := b.of(ctx, hash)
	if errors.Is(err, block.ErrOtherRules) {
		return b.mine(), nil
	}
	return r, err
}
