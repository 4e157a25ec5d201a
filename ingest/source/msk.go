package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/aws_msk_iam_v2"
)

// msk is AWS_MSK_IAM: each connection is signed with the credentials that the
// AWS SDK finds, as its documentation says (environment, profile, web
// identity, instance role). The SDK renews them.
func (l *login) msk(ctx context.Context) (sasl.Mechanism, error) {
	if l.aws != nil {
		return l.aws, nil
	}
	var options []func(*config.LoadOptions) error
	if l.cfg.Region != "" {
		options = append(options, config.WithRegion(l.cfg.Region))
	}
	found, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("find AWS credentials for kafka: %w", err)
	}
	if found.Region == "" {
		return nil,
			errors.New("AWS region for kafka: got none; want for example eu-central-1 (kafka-region, or AWS_REGION)")
	}
	l.aws = aws_msk_iam_v2.NewMechanism(found)
	return l.aws, nil
}
