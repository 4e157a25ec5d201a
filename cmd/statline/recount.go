package main

import (
	"context"
	"errors"
	"time"

	"statline/classify"
	"statline/ingest/mend"
)

// recount reads the responses of a time range from Kafka again.
func recount(ctx context.Context, st *settings, s *asked, from, to time.Time,
	each func(*classify.Response, classify.Outcome)) (err error) {
	if len(st.Kafka.Brokers) == 0 {
		return usage("from-kafka: got no brokers; want --brokers and --topic")
	}
	secret, _, err := st.FindHMAC()
	if err != nil {
		return err
	}
	logs, err := openLogs(ctx, st.Config, secret)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.close()) }()
	r := mend.Recount{Store: s.Store, Log: logs.all[0].client, Fold: logs.all[0].folding, Block: logs.block}
	if r.Others, err = logs.others(ctx); err != nil {
		return err
	}
	return r.Run(ctx, from, to, each)
}
