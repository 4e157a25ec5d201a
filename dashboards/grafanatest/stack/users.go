package stack

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Users is a file of ClickHouse's users.d.
type Users struct {
	Profiles inner  `xml:"profiles"`
	Users    []User `xml:"-"`
}

type inner struct {
	Text string `xml:",innerxml"`
}

// User is one of its users.
type User struct {
	Name     string
	Password struct {
		FromEnv string `xml:"from_env,attr"`
	} `xml:"password"`
	Networks inner    `xml:"networks"`
	Profile  string   `xml:"profile"`
	Quota    string   `xml:"quota"`
	Grants   []string `xml:"grants>query"`
}

// ReadUsers reads the files of a directory as a server does.
func ReadUsers(dir string) (*Users, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil {
		return nil, err
	}
	all := &Users{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := all.add(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	if len(all.Users) == 0 {
		return nil,
			fmt.Errorf("no user is configured: nothing of the project's is mounted at /etc/clickhouse-server/users.d")
	}
	return all, nil
}

func (u *Users) add(raw []byte) error {
	var doc struct {
		XMLName  xml.Name `xml:"clickhouse"`
		Profiles inner    `xml:"profiles"`
		Users    struct {
			All []struct {
				XMLName xml.Name
				User
			} `xml:",any"`
		} `xml:"users"`
	}
	if err := xml.Unmarshal(raw, &doc); err != nil {
		return err
	}
	u.Profiles.Text += doc.Profiles.Text
	for _, one := range doc.Users.All {
		one.User.Name = one.XMLName.Local
		u.Users = append(u.Users, one.User)
	}
	return nil
}

// Find is the user of a name.
func (u *Users) Find(name string) (User, error) {
	i := slices.IndexFunc(u.Users, func(user User) bool { return user.Name == name })
	if i < 0 {
		return User{}, fmt.Errorf("users.d has no user %s", name)
	}
	return u.Users[i], nil
}

// Passwords is a line name:password for each user, taken from the service's
// environment.
func (u *Users) Passwords(environment map[string]string) (string, error) {
	var b strings.Builder
	for _, user := range u.Users {
		password, set := environment[user.Password.FromEnv]
		if !set {
			return "", fmt.Errorf("the password of user %s comes from %s, which the service clickhouse does not set",
				user.Name, user.Password.FromEnv)
		}
		fmt.Fprintf(&b, "%s:%s\n", user.Name, password)
	}
	return b.String(), nil
}

// WriteConfig writes a server's configuration whose only user, default, has
// the rights and the profile of user, and returns its path. The engine runs
// every query as default, so it enforces them.
func (u *Users) WriteConfig(dir string, user User) (string, error) {
	profiles := u.Profiles.Text
	if !strings.Contains(profiles, "<default") {
		profiles += "<default/>"
	}
	var grants strings.Builder
	for _, g := range user.Grants {
		fmt.Fprintf(&grants, "<query>%s</query>", g)
	}
	users := filepath.Join(dir, "users-"+user.Name+".xml")
	text := fmt.Sprintf("<clickhouse><profiles>%s</profiles><users><default><password></password><networks>%s</networks>"+
		"<profile>%s</profile><quota>%s</quota><grants>%s</grants></default></users><quotas><default/></quotas></clickhouse>",
		profiles, user.Networks.Text, user.Profile, user.Quota, grants.String())
	if err := os.WriteFile(users, []byte(text), 0o644); err != nil {
		return "", err
	}
	config := filepath.Join(dir, "config-"+user.Name+".xml")
	// As in the server's own config.xml: system tables need a grant.
	text = fmt.Sprintf("<clickhouse><users_config>%s</users_config><access_control_improvements>"+
		"<select_from_system_db_requires_grant>true</select_from_system_db_requires_grant></access_control_improvements></clickhouse>", users)
	return config, os.WriteFile(config, []byte(text), 0o644)
}
