package chquery

import "crypto/subtle"

// Users are the names that may come in and their passwords; nil lets everyone
// in.
type Users map[string]string

// Check returns a ClickHouse exception unless the user may come in. It does
// not tell whether the name or the password is wrong.
func (u Users) Check(user, password string) error {
	if u == nil {
		return nil
	}
	want, known := u[user]
	if subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1 && known {
		return nil
	}
	return Exception{516, "AUTHENTICATION_FAILED",
		user + ": Authentication failed: password is incorrect, or there is no user with such name"}
}
