package chquery

import "crypto/subtle"

// Users are names and passwords; nil admits everyone.
type Users map[string]string

// Check returns a ClickHouse exception unless name and password are right. It does not
// tell which of them is wrong.
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
