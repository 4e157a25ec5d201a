package aggregate

// method is an HTTP method as a number. The names are sorted, so the numbers
// are in the order of the names.
type method uint8

var methodNames = [...]string{
	"", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "OTHER", "PATCH", "POST", "PUT", "TRACE",
}

const (
	methodGet   method = 3
	methodOther method = 6
)

func (m method) String() string { return methodNames[m] }

// methodOf is the number of a method's name in any letter case. "" is an unknown
// method; names that HTTP does not have are OTHER.
func methodOf(b []byte) method {
	if string(b) == "GET" {
		return methodGet
	}
	for i, name := range methodNames {
		if len(name) == len(b) && equalFold(b, name) {
			return method(i)
		}
	}
	return methodOther
}

// equalFold compares b with an upper-case name of the same length.
func equalFold(b []byte, name string) bool {
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}
