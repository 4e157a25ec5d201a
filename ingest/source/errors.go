package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// ErrNoTopic: the cluster does not know the topic (yet). It is transient, since
// topics may be made after their readers start.
var ErrNoTopic = errors.New("the topic does not exist")

// configError is an error in our own configuration, found when it is first used. It is
// permanent.
type configError struct{ err error }

func (e *configError) Error() string        { return e.err.Error() }
func (e *configError) Unwrap() error        { return e.err }
func (e *configError) Is(target error) bool { return target == retry.ErrPermanent }

// CorruptError is data that is no valid record set, or one that is refused (an old
// format, a decompressed size beyond the limit). Reading the log again gives it again,
// so it is permanent.
type CorruptError struct {
	Offset int64 // of the batch, or the one asked for when the batch has none
	Reason string
	Err    error // what the decompressor said, nil otherwise
}

func (e *CorruptError) Error() string {
	said := e.Reason
	if e.Err != nil {
		said += ": " + e.Err.Error()
	}
	return fmt.Sprintf("record batch at offset %d: %s; to leave it out, delete the records up to the batch after it (kafka-delete-records) and set on-gap to skip", e.Offset, said)
}

func (e *CorruptError) Unwrap() error        { return e.Err }
func (e *CorruptError) Is(target error) bool { return target == retry.ErrPermanent }

// classify marks an error of kafka-go or of a connection, for retry.ClassOf and for
// the protocol's decisions, and adds what to do about a permanent one.
// UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER, COORDINATOR_*, storage errors, codes newer
// than kafka-go, timeouts and connection errors are transient.
func classify(err error) error {
	var (
		code    kafka.Error
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		plain   tls.RecordHeaderError
	)
	switch {
	case err == nil, retry.ClassOf(err) != retry.Transient, errors.Is(err, block.ErrFenced),
		errors.Is(err, block.ErrOutOfRange):
		return err
	case errors.As(err, &cert), errors.As(err, &unknown):
		return permanent(err, "set kafka-ca to the authority that signed the broker's certificate")
	case errors.As(err, &plain):
		return permanent(err, "kafka-tls is set, and the broker's listener speaks no TLS")
	case errors.As(err, &code):
		return codeClass(code, err)
	}
	return err
}

func permanent(err error, todo string) error {
	return fmt.Errorf("%w: %w: %s", retry.ErrPermanent, err, todo)
}

// codeClass marks err by the code in it.
func codeClass(code kafka.Error, err error) error {
	switch code {
	case kafka.UnknownTopicOrPartition:
		if errors.Is(err, ErrNoTopic) { // it is said already
			return err
		}
		return fmt.Errorf("%w: %w", ErrNoTopic, err)
	case kafka.IllegalGeneration, kafka.UnknownMemberId, kafka.RebalanceInProgress, kafka.FencedInstanceID:
		return fmt.Errorf("%w: %w", block.ErrFenced, err)
	case kafka.OffsetOutOfRange:
		return fmt.Errorf("%w: %w", block.ErrOutOfRange, err)
	case kafka.ThrottlingQuotaExceeded:
		return fmt.Errorf("%w: %w", retry.ErrWaiting, err)
	case kafka.TopicAuthorizationFailed:
		return permanent(err, "grant the user Read, Describe and DescribeConfigs on the topic")
	case kafka.GroupAuthorizationFailed:
		return permanent(err, "grant the user Read on the consumer group")
	case kafka.ClusterAuthorizationFailed, kafka.BrokerAuthorizationFailed:
		return permanent(err, "grant the user what the request needs on the cluster")
	case kafka.SASLAuthenticationFailed:
		return permanent(err, "kafka-user or kafka-password is not the broker's")
	case kafka.UnsupportedSASLMechanism, kafka.SecurityDisabled:
		return permanent(err, "kafka-sasl is not what the broker's listener offers")
	case kafka.IllegalSASLState:
		return permanent(err, "the broker's listener wants no user: set no kafka-sasl")
	case kafka.UnsupportedVersion, kafka.UnsupportedForMessageFormat, kafka.UnsupportedCompressionType:
		return permanent(err, "the broker speaks another version of this request")
	case kafka.OffsetMetadataTooLarge, kafka.InvalidCommitOffsetSize:
		return permanent(err, "raise offset.metadata.max.bytes of the brokers to their default")
	case kafka.InvalidSessionTimeout:
		return permanent(err,
			"set kafka-session-timeout within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms")
	case kafka.InconsistentGroupProtocol:
		return permanent(err, "another program is in this consumer group: give statline a group of its own")
	case kafka.InvalidTopic, kafka.InvalidGroupId, kafka.InvalidRequest, kafka.InvalidConfiguration,
		kafka.PolicyViolation,
		kafka.InvalidPartitionNumber, kafka.InvalidReplicationFactor, kafka.TopicAlreadyExists:
		return fmt.Errorf("%w: %w", retry.ErrPermanent, err)
	}
	return err
}

// codeError is the marked error of a code in a response, nil for 0.
func codeError(code int16) error {
	if code == 0 {
		return nil
	}
	return classify(kafka.Error(code))
}

// again reports that the same call may succeed without anybody's decision or action.
func again(err error) bool {
	return err != nil && retry.ClassOf(err) != retry.Permanent && !errors.Is(err, block.ErrFenced) &&
		!errors.Is(err, block.ErrOutOfRange)
}
