package retry

import "errors"

// Class says what can be done about an error.
type Class string

// The classes. Transient: the same call may succeed soon; a server is away, a
// leader moves. Waiting: the other side asks for time; it is tried again after
// longer pauses. Permanent: repeating the call cannot help; a person must act.
const (
	Transient Class = "transient"
	Waiting   Class = "waiting"
	Permanent Class = "permanent"
)

// Sentinels that drivers wrap, where they know what a server's error means.
var (
	ErrWaiting   = errors.New("the other side asks for time")
	ErrPermanent = errors.New("cannot succeed")
)

// ClassOf sorts err; what nobody marked is transient. It is empty for nil.
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
