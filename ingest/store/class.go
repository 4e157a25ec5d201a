package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"statline/ingest/block"
	"statline/ingest/retry"
)

// Classify marks an error of the driver with its class, for retry.ClassOf, and adds
// what to do about a permanent one. Errors not known to be permanent are retried: a
// declared block must be written in the end.
func Classify(err error) error {
	var e *clickhouse.Exception
	var h *clickhouse.HTTPError
	var cert *tls.CertificateVerificationError
	switch {
	case err == nil, errors.Is(err, block.ErrFenced), errors.Is(err, context.Canceled),
		retry.ClassOf(err) != retry.Transient:
		return err
	case errors.As(err, &e):
		if e.Code == 252 && strings.Contains(e.Message, "partitions for single INSERT") {
			return classed(err, retry.Permanent, partitionsAdvice) // not too many parts, which go by
		}
		return classed(err, codeClass(e.Code), advice(e.Code))
	case errors.As(err, &h):
		return classed(err, statusClass(h.StatusCode), statusAdvice(h.StatusCode))
	case errors.As(err, &cert):
		return classed(err, retry.Permanent, "set clickhouse-ca to the authority that signed the server's certificate")
	case errors.Is(err, clickhouse.ErrUnsupportedServerRevision):
		return classed(err, retry.Permanent, "want ClickHouse "+MinServer+" or newer")
	}
	return err
}

// classed wraps err in the sentinel of its class.
func classed(err error, class retry.Class, todo string) error {
	switch class {
	case retry.Waiting:
		return fmt.Errorf("%w: %w", retry.ErrWaiting, err)
	case retry.Permanent:
		if todo == "" {
			return fmt.Errorf("%w: %w", retry.ErrPermanent, err)
		}
		return fmt.Errorf("%w: %w: %s", retry.ErrPermanent, err, todo)
	}
	return err
}

// codeClass is the class of a ClickHouse error code (ErrorCodes.cpp of its source).
func codeClass(code int32) retry.Class {
	switch code {
	case
		173, 241, // CANNOT_ALLOCATE_MEMORY, MEMORY_LIMIT_EXCEEDED
		// QUOTA_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, NO_FREE_CONNECTION,
		// RECEIVED_ERROR_TOO_MANY_REQUESTS
		201, 202, 203, 364,
		243,      // NOT_ENOUGH_SPACE
		252, 692, // TOO_MANY_PARTS, TOO_MANY_MUTATIONS
		439, 745, 242: // CANNOT_SCHEDULE_TASK, SERVER_OVERLOADED, TABLE_IS_READ_ONLY (a replica without its keeper)
		return retry.Waiting
	case
		// NOT_FOUND_COLUMN_IN_BLOCK, NO_SUCH_COLUMN_IN_TABLE, NUMBER_OF_COLUMNS_DOESNT_MATCH,
		// UNKNOWN_IDENTIFIER
		10, 16, 20, 47,
		// BAD_ARGUMENTS, NUMBER_OF_ARGUMENTS_DOESNT_MATCH, ILLEGAL_*, UNKNOWN_FUNCTION,
		// NOT_IMPLEMENTED, UNKNOWN_TYPE
		36, 42, 43, 44, 46, 48, 50,
		53, 57, 62, 70, // TYPE_MISMATCH, TABLE_ALREADY_EXISTS, SYNTAX_ERROR, CANNOT_CONVERT_TYPE
		60, 81, 115, 184, // UNKNOWN_TABLE, UNKNOWN_DATABASE, UNKNOWN_SETTING, ILLEGAL_AGGREGATION
		// READONLY, UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED,
		// DATABASE_ACCESS_DENIED
		164, 192, 193, 194, 195, 291,
		452, 497, 516: // SETTING_CONSTRAINT_VIOLATION, ACCESS_DENIED, AUTHENTICATION_FAILED
		return retry.Permanent
	default:
		return retry.Transient
	}
}

// advice says what to do about a permanent code; "" when the server's message is
// enough.
func advice(code int32) string {
	switch code {
	case 192, 193, 194, 516:
		return "user or password in the address of ClickHouse (clickhouse) are not the server's"
	case 195:
		return "allow this host in the user's settings on the server"
	case 291, 497:
		return "grant the user SELECT, INSERT, CREATE and ALTER on the database, as deploy/clickhouse/users.xml does"
	case 164, 452:
		return "the user's profile forbids a statement or a setting that statline needs: take readonly and the constraint out of it"
	case 60, 81:
		return "make the tables: statline migrate"
	case 10, 16, 20, 47, 53, 115:
		return "are the tables of this version? statline migrate upgrades them"
	}
	return ""
}

func statusClass(status int) retry.Class {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return retry.Waiting
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge:
		return retry.Permanent
	default:
		return retry.Transient
	}
}

// statusAdvice is about answers without an error code: something is in front of the
// server.
func statusAdvice(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "a proxy in front of ClickHouse, or the server, refuses the user"
	case http.StatusNotFound:
		return "is the address ClickHouse's HTTP interface?"
	case http.StatusRequestEntityTooLarge:
		return "raise the proxy's limit of a request's body"
	}
	return ""
}
