package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// Console says to whom the console is served.
type Console struct {
	Serve            string // auto, on or off
	Token, TokenFile string
	Hosts            []string
	Insecure         bool
	Write            bool // whoever shows the token may write notes and labels
}

func consoleOptions(c *Config) []Option {
	return []Option{
		{Name: "console", Set: SetDaemon,
			Help:  "serve the console at --listen; auto: where that is safe (this machine only, or a token and TLS); on: refuse to start where it is not",
			value: choice{&c.Console.Serve, []string{"auto", "on", "off"}}},
		{Name: "console-token", Set: SetConsole, NoFlag: true, Mask: maskAll, Reload: true,
			Help:  "token that opens the console; without one the console is served to this machine only",
			value: text{&c.Console.Token}},
		{Name: "console-token-file", Set: SetConsole, Type: "file", Reload: true,
			Help:  "file that holds the token that opens the console; reread at each request",
			value: text{&c.Console.TokenFile}},
		{Name: "console-hosts", Set: SetConsole,
			Help:  "host names under which browsers reach the console, beside localhost and IP addresses",
			value: list{&c.Console.Hosts}},
		{Name: "console-insecure", Set: SetConsole,
			Help:  "serve the console to other machines without TLS: for a proxy in front that has TLS, or a trusted network",
			value: flag{&c.Console.Insecure}},
		{Name: "console-write", Set: SetConsole,
			Help:  "let users with the console's token write notes on incidents, mute them, name keys and clients, and mark deploys; needs a token",
			value: flag{&c.Console.Write}},
	}
}

func checkConsole(c *Config) error {
	keep, err := c.oneOf("console-token", "console-token-file")
	switch {
	case err != nil:
		return err
	case keep == "console-token":
		c.Console.TokenFile = ""
	case keep == "console-token-file":
		c.Console.Token = ""
	}
	if t := c.Console.Token; t != "" && len(t) < leastToken {
		return fmt.Errorf("console-token: got %d characters; want at least %d", len(t), leastToken)
	}
	if c.Console.Write && c.Console.Token == "" && c.Console.TokenFile == "" {
		return errors.New("console-write: got no token; set console-token-file too, or anybody could write")
	}
	return nil
}

// GetToken is the token that users of the console need, "" for none. A file is read
// again each time.
func (c *Console) GetToken() (string, error) {
	return readToken("console-token-file", c.Token, c.TokenFile)
}

// Servable says why a console at an address cannot be served, nil when it can: other
// machines need a token, and TLS to protect it.
func (c *Console) Servable(address string, tls bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("got address %q; want host:port: %w", address, err)
	}
	ip := net.ParseIP(host)
	if strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback() {
		return nil
	}
	token, err := c.GetToken()
	switch {
	case err != nil:
		return err
	case token == "":
		return errors.New("other machines need a token; set --console-token-file")
	case !tls && !c.Insecure:
		return errors.New("without TLS the token can be read in transit; set --listen-cert and --listen-key, " +
			"or --console-insecure behind a proxy that has TLS")
	}
	return nil
}

// readToken is a token, given itself or by its file.
func readToken(name, token, file string) (string, error) {
	if file == "" {
		return token, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	token = strings.TrimSpace(string(b))
	if len(token) < leastToken {
		return "", fmt.Errorf("%s %s: got %d characters; want at least %d", name, file, len(token), leastToken)
	}
	return token, nil
}
