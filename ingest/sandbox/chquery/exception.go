package chquery

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// Exception is an error of this server in ClickHouse's text form, so that clients read it
// like one of the engine's.
type Exception struct {
	Code int
	Name string
	Text string
}

func (e Exception) Error() string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", e.Code, e.Text, e.Name)
}

// SyntaxError is a text that is no single statement.
func SyntaxError(text string) error { return Exception{62, "SYNTAX_ERROR", text} }

// NotImplemented is what the embedded engine does not offer.
func NotImplemented(text string) error { return Exception{48, "NOT_IMPLEMENTED", text} }

// TooLarge is a query text beyond MaxQueryBytes.
func TooLarge() error {
	return Exception{229, "QUERY_IS_TOO_LARGE", fmt.Sprintf("Query is larger than %d bytes", MaxQueryBytes)}
}

var codePattern = regexp.MustCompile(`^Code: (\d+)\.`)

// CodeOf reads the code out of an exception's text; 0 when there is none.
func CodeOf(err error) int {
	if own, ok := errors.AsType[Exception](err); ok {
		return own.Code
	}
	m := codePattern.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	code, _ := strconv.Atoi(m[1])
	return code
}
