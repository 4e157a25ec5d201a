package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/ingest/block"
)

// ErrClass is what to do about an error of the store.
type ErrClass uint8

// The classes. Retryable: the same statement may succeed soon. Wait: the
// server is at a limit; retry later and write smaller blocks from the next one
// on. Permanent: repeating the statement cannot help; a person must act.
const (
	None ErrClass = iota
	Retryable
	Wait
	Permanent
)

// String is the class in logs and metrics.
func (c ErrClass) String() string {
	return [...]string{"none", "retryable", "wait", "permanent"}[c&3]
}

// Class says what to do about err. What is not known to be permanent is
// retried: a declared block must be written in the end.
func Class(err error) ErrClass {
	var e *clickhouse.Exception
	var h *clickhouse.HTTPError
	var cert *tls.CertificateVerificationError
	switch {
	case err == nil:
		return None
	case errors.Is(err, block.ErrPermanent):
		return Permanent
	case errors.Is(err, block.ErrWait):
		return Wait
	case errors.Is(err, context.Canceled):
		return Retryable
	case errors.As(err, &e):
		return codeClass(e.Code)
	case errors.As(err, &h):
		return statusClass(h.StatusCode)
	case errors.As(err, &cert), errors.Is(err, clickhouse.ErrUnsupportedServerRevision):
		return Permanent
	default:
		return Retryable
	}
}

// codeClass sorts ClickHouse's error codes (ErrorCodes.cpp of its source).
func codeClass(code int32) ErrClass {
	switch code {
	case
		173, 241, // CANNOT_ALLOCATE_MEMORY, MEMORY_LIMIT_EXCEEDED
		201, 202, 203, 364, // QUOTA_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, NO_FREE_CONNECTION, RECEIVED_ERROR_TOO_MANY_REQUESTS
		243,      // NOT_ENOUGH_SPACE
		252, 692, // TOO_MANY_PARTS, TOO_MANY_MUTATIONS
		439, 745, 242: // CANNOT_SCHEDULE_TASK, SERVER_OVERLOADED, TABLE_IS_READ_ONLY (a replica without its keeper)
		return Wait
	case
		10, 16, 20, 47, // NOT_FOUND_COLUMN_IN_BLOCK, NO_SUCH_COLUMN_IN_TABLE, NUMBER_OF_COLUMNS_DOESNT_MATCH, UNKNOWN_IDENTIFIER
		36, 42, 43, 44, 46, 48, 50, // BAD_ARGUMENTS, NUMBER_OF_ARGUMENTS_DOESNT_MATCH, ILLEGAL_*, UNKNOWN_FUNCTION, NOT_IMPLEMENTED, UNKNOWN_TYPE
		53, 57, 62, 70, // TYPE_MISMATCH, TABLE_ALREADY_EXISTS, SYNTAX_ERROR, CANNOT_CONVERT_TYPE
		60, 81, 115, 184, // UNKNOWN_TABLE, UNKNOWN_DATABASE, UNKNOWN_SETTING, ILLEGAL_AGGREGATION
		164, 192, 193, 194, 195, 291, // READONLY, UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED, DATABASE_ACCESS_DENIED
		452, 497, 516: // SETTING_CONSTRAINT_VIOLATION, ACCESS_DENIED, AUTHENTICATION_FAILED
		return Permanent
	default:
		return Retryable
	}
}

func statusClass(status int) ErrClass {
	switch {
	case status == 429 || status == 503:
		return Wait
	case status == 401 || status == 403 || status == 404 || status == 413:
		return Permanent
	default:
		return Retryable
	}
}

// classify wraps err so that block.ErrWait and block.ErrPermanent find it.
func (s *Store) classify(err error) error {
	switch {
	case err == nil, errors.Is(err, block.ErrWait), errors.Is(err, block.ErrPermanent):
		return err
	}
	switch Class(err) {
	case Wait:
		return fmt.Errorf("%w: %w", block.ErrWait, err)
	case Permanent:
		return fmt.Errorf("%w: %w", block.ErrPermanent, err)
	default:
		return err
	}
}
