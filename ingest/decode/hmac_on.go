//go:build !nohmac

package decode

// hmacOff is true in the test build that shows that the search for keys in
// clear can find one (go build -tags nohmac): keys are not hashed there, and
// nothing is redacted.
const hmacOff = false
