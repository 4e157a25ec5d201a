package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"

	"statline/ingest/block"
)

// ErrorClass is what a caller can do about an error.
type ErrorClass string

// The classes of error.
const (
	// Transient: the same call may succeed later; a broker is away, a leader
	// moves, a topic is being made. Connection errors, timeouts and ended
	// contexts are transient.
	Transient ErrorClass = "transient"
	// Fenced: the partition belongs to somebody else; wraps block.ErrFenced.
	Fenced ErrorClass = "fenced"
	// OutOfRange: the offset is not retained; wraps block.ErrOutOfRange.
	OutOfRange ErrorClass = "out_of_range"
	// Auth: credentials, certificates or rights are missing or wrong.
	Auth ErrorClass = "auth"
	// Fatal: trying again cannot help; corrupt data, an unsupported format, a
	// configuration that the cluster refuses.
	Fatal ErrorClass = "fatal"
)

// ErrNoTopic: the cluster does not know the topic (yet). Its class is
// Transient, since topics may be made after their readers start.
var ErrNoTopic = errors.New("the topic does not exist")

// configError is a fault in our own configuration, found when it is first
// used.
type configError struct{ err error }

func (e *configError) Error() string { return e.err.Error() }
func (e *configError) Unwrap() error { return e.err }

// CorruptError is data that is not a valid record set, or one that is refused
// (an old format, a decompressed size beyond the limit). The log holds it, so
// reading again gives it again.
type CorruptError struct {
	Offset int64 // of the batch, or the one asked for when the batch has none
	Reason string
	Err    error // what the decompressor said, nil otherwise
}

func (e *CorruptError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("record batch at offset %d: %s: %v", e.Offset, e.Reason, e.Err)
	}
	return fmt.Sprintf("record batch at offset %d: %s", e.Offset, e.Reason)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// Class tells what can be done about an error of this package; it is empty
// for nil.
func Class(err error) ErrorClass {
	var (
		code    kafka.Error
		conf    *configError
		corrupt *CorruptError
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
	)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, block.ErrFenced):
		return Fenced
	case errors.Is(err, block.ErrOutOfRange):
		return OutOfRange
	case errors.As(err, &conf), errors.As(err, &corrupt):
		return Fatal
	case errors.As(err, &cert), errors.As(err, &unknown):
		return Auth
	case errors.As(err, &code):
		return codeClass(code)
	}
	return Transient
}

func codeClass(code kafka.Error) ErrorClass {
	switch code {
	case kafka.TopicAuthorizationFailed, kafka.GroupAuthorizationFailed, kafka.ClusterAuthorizationFailed,
		kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState, kafka.SASLAuthenticationFailed, kafka.SecurityDisabled,
		kafka.BrokerAuthorizationFailed:
		return Auth
	case kafka.IllegalGeneration, kafka.UnknownMemberId, kafka.RebalanceInProgress, kafka.FencedInstanceID:
		return Fenced
	case kafka.OffsetOutOfRange:
		return OutOfRange
	case kafka.OffsetMetadataTooLarge, kafka.InvalidTopic, kafka.InvalidGroupId, kafka.InvalidSessionTimeout,
		kafka.InconsistentGroupProtocol, kafka.UnsupportedVersion, kafka.UnsupportedForMessageFormat, kafka.InvalidRequest,
		kafka.InvalidConfiguration, kafka.PolicyViolation, kafka.InvalidPartitionNumber, kafka.InvalidReplicationFactor,
		kafka.TopicAlreadyExists, kafka.UnsupportedCompressionType, kafka.InvalidCommitOffsetSize:
		return Fatal
	}
	// UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER, COORDINATOR_*, storage errors,
	// and codes younger than kafka-go: time may heal them.
	return Transient
}

// codeError is the error of a code in a response, nil for 0, with the
// sentinel that the protocol decides on.
func codeError(code int16) error {
	if code == 0 {
		return nil
	}
	e := kafka.Error(code)
	switch codeClass(e) {
	case Fenced:
		return fmt.Errorf("%w: %w", block.ErrFenced, e)
	case OutOfRange:
		return fmt.Errorf("%w: %w", block.ErrOutOfRange, e)
	}
	if e == kafka.UnknownTopicOrPartition {
		return fmt.Errorf("%w: %w", ErrNoTopic, e)
	}
	return e
}
