package retry

import "errors"

// Class says what can be done about an error.
type Class string

// The classes. Transient: the same call may succeed soon, as when a server is away or
// a leader moves. Waiting: the server asks to try again later, so pauses are longer.
// Permanent: repeating the call cannot help; somebody must act.
const (
	Transient Class = "transient"
	Waiting   Class = "waiting"
	Permanent Class = "permanent"
)

// Errors that drivers wrap where they know what a server's error means.
var (
	ErrWaiting   = errors.New("the server asks to try again later")
	ErrPermanent = errors.New("cannot succeed")
)

// ClassOf returns the class of err. An error without a mark is transient; nil has no
// class.
func ClassOf(err error) Class {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrPermanent):
		return Permanent
	case errors.Is(err, ErrWaiting):
		return Waiting
	}
	return Transient
}
