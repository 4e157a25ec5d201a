package config

import (
	"net/url"
	"slices"
	"strings"
)

// masked stands for what is not shown.
const masked = "***"

// maskAll hides the whole value.
func maskAll(s string) string {
	if s == "" {
		return ""
	}
	return masked
}

// maskServer hides the password of ClickHouse's address, and every parameter
// that is not known to be harmless.
func maskServer(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return maskAll(s)
	}
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), masked)
	}
	harmless := []string{"database", "username", "secure", "skip_verify", "tls_server_name", "hosts", "alt_hosts",
		"compress",
		"dial_timeout", "read_timeout", "max_open_conns", "max_idle_conns", "connection_open_strategy"}
	query := u.Query()
	for key := range query {
		if !slices.Contains(harmless, key) {
			query.Set(key, masked)
		}
	}
	u.RawQuery = query.Encode()
	return strings.ReplaceAll(u.String(), "%2A%2A%2A", masked)
}

// maskHook shows only which host a webhook goes to: the path of many is their
// token.
func maskHook(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return maskAll(s)
	}
	if u.User == nil && u.RawQuery == "" && strings.Trim(u.Path, "/") == "" {
		return s
	}
	return u.Scheme + "://" + u.Host + "/" + masked
}

// maskUser hides the password of an address and its parameters.
func maskUser(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return maskAll(s)
	}
	if u.User != nil {
		u.User = url.User(masked)
	}
	if u.RawQuery != "" {
		u.RawQuery = masked
	}
	return strings.ReplaceAll(u.String(), "%2A%2A%2A", masked)
}
