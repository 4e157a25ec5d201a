package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// system are the parts of this machine that stand for those of an image.
var system = []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ssl",
	"/etc/java-17-openjdk"}

// libraries are what the image distroless/base has of them.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ssl"}

// container is how a service starts. args replaces its command, for a health
// check.
func (s *Stack) container(service types.ServiceConfig, args []string) (Container, error) {
	c := Container{
		Name: service.Name, Hosts: s.hosts(service.Name), ReadOnly: service.ReadOnly, TmpFS: service.Tmpfs,
		Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp"},
	}
	for name, value := range service.Environment {
		if value != nil {
			c.Env = append(c.Env, name+"="+*value)
		}
	}
	sort.Strings(c.Env)
	if err := s.volumes(&c, service); err != nil {
		return c, err
	}
	image, _, _ := strings.Cut(service.Image, ":")
	var err error
	switch image {
	case "apache/kafka":
		err = s.kafka(&c, service)
	case "clickhouse/clickhouse-server":
		err = s.clickhouse(&c, service)
	case "statline":
		s.statline(&c, service)
	default:
		err = fmt.Errorf("image %s is not known here", service.Image)
	}
	if args != nil {
		c.Args = args
	}
	c.Root = filepath.Join(s.dir, "root", fmt.Sprintf("%s-%d", service.Name, s.next()))
	return c, errors.Join(err, os.MkdirAll(c.Root, 0o755))
}

func (s *Stack) volumes(c *Container, service types.ServiceConfig) error {
	for _, v := range service.Volumes {
		switch v.Type {
		case types.VolumeTypeVolume:
			dir := filepath.Join(s.dir, "volumes", v.Source)
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			c.Mounts = append(c.Mounts, Mount{Source: dir, Target: v.Target, Writable: true})
		case types.VolumeTypeBind:
			if _, err := os.Stat(v.Source); err != nil {
				return fmt.Errorf("service %s mounts what is not there: %w", service.Name, err)
			}
			c.Mounts = append(c.Mounts, Mount{Source: v.Source, Target: v.Target, Writable: !v.ReadOnly})
		default:
			return fmt.Errorf("service %s: a volume of type %s is not known here", service.Name, v.Type)
		}
	}
	return nil
}

// kafka is the image's start: KAFKA_… become properties, the directory is
// formatted, the broker runs. With a command it is that program of the image.
func (s *Stack) kafka(c *Container, service types.ServiceConfig) error {
	c.Host = system
	tools := filepath.Join(s.dir, "kafka")
	if err := os.MkdirAll(filepath.Join(tools, "bin"), 0o755); err != nil {
		return err
	}
	c.Mounts = append(c.Mounts, Mount{Source: tools, Target: "/opt/kafka"}, Mount{Source: s.Jars, Target: "/opt/jars"})
	const java = "exec java -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/jars/*' "
	scripts := map[string]string{
		"kafka-topics.sh":      "#!/bin/sh\n" + java + "org.apache.kafka.tools.TopicCommand \"$@\"\n",
		"kafka-get-offsets.sh": "#!/bin/sh\n" + java + "org.apache.kafka.tools.GetOffsetShell \"$@\"\n",
		"start":                "#!/bin/sh\nset -e\njava -cp '/opt/jars/*' kafka.tools.StorageTool format --ignore-formatted --cluster-id \"$CLUSTER_ID\" -c /opt/kafka/server.properties\n" + java + "kafka.Kafka /opt/kafka/server.properties\n",
	}
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(tools, "bin", name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	c.Args = service.Command
	if len(c.Args) > 0 {
		return nil
	}
	c.Args = []string{"/opt/kafka/bin/start"}
	return os.WriteFile(filepath.Join(tools, "server.properties"), []byte(properties(service.Environment)), 0o644)
}

// properties are those of the variables KAFKA_…, as the image's documentation
// says: ___ is a dash, __ an underscore, _ a dot.
func properties(environment types.MappingWithEquals) string {
	var lines []string
	for name, value := range environment {
		key, ok := strings.CutPrefix(name, "KAFKA_")
		if !ok || value == nil {
			continue
		}
		key = strings.NewReplacer("___", "-", "__", "_", "_", ".").Replace(strings.ToLower(key))
		lines = append(lines, key+"="+*value)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n") + "\n"
}

// usersDir is where a ClickHouse server looks for more users.
const usersDir = "/etc/clickhouse-server/users.d/"

// clickhouse is the engine behind both ports with the users of users.d; it
// enforces the rights of s.As.
func (s *Stack) clickhouse(c *Container, service types.ServiceConfig) error {
	c.Host = system
	here := filepath.Join(s.dir, "clickhouse")
	mounted := filepath.Join(here, "users.d")
	if err := errors.Join(os.RemoveAll(mounted), os.MkdirAll(mounted, 0o755)); err != nil {
		return err
	}
	for _, m := range c.Mounts {
		if name, ok := strings.CutPrefix(m.Target, usersDir); ok {
			if err := copyFile(m.Source, filepath.Join(mounted, name)); err != nil {
				return err
			}
		}
	}
	users, err := ReadUsers(mounted)
	if err != nil {
		return err
	}
	environment := map[string]string{}
	for name, value := range service.Environment {
		if value != nil {
			environment[name] = *value
		}
	}
	passwords, err := users.Passwords(environment)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(here, "passwords"), []byte(passwords), 0o600); err != nil {
		return err
	}
	user, err := users.Find(s.As)
	if err != nil {
		return err
	}
	if s.Without != "" {
		user.Grants = without(user.Grants, s.Without)
	}
	config, err := users.WriteConfig(here, user)
	if err != nil {
		return err
	}
	c.Mounts = append(c.Mounts, Mount{Source: here, Target: here, Writable: true},
		Mount{Source: s.Engine, Target: s.Engine}, Mount{Source: s.Binary, Target: "/opt/engine"})
	c.Args = []string{"/opt/engine", "sandbox", "--kafka", "", "--clickhouse", "0.0.0.0:8123", "--native",
		"0.0.0.0:9000",
		"--users", filepath.Join(here, "passwords"), "--engine", s.Engine, "--engine-config", config, "--data",
		"/var/lib/clickhouse"}
	return nil
}

// without takes one privilege out of grants.
func without(grants []string, privilege string) []string {
	var rest []string
	for _, g := range grants {
		list, on, _ := strings.Cut(strings.TrimPrefix(g, "GRANT "), " ON ")
		var kept []string
		for _, p := range strings.Split(list, ",") {
			if p = strings.TrimSpace(p); p+" ON "+on != privilege {
				kept = append(kept, p)
			}
		}
		if len(kept) > 0 {
			rest = append(rest, "GRANT "+strings.Join(kept, ", ")+" ON "+on)
		}
	}
	return rest
}

// Privileges lists each privilege of grants by itself.
func Privileges(grants []string) []string {
	var all []string
	for _, g := range grants {
		list, on, _ := strings.Cut(strings.TrimPrefix(g, "GRANT "), " ON ")
		for _, p := range strings.Split(list, ",") {
			all = append(all, strings.TrimSpace(p)+" ON "+on)
		}
	}
	return all
}

// statline is the image that the Dockerfile makes.
func (s *Stack) statline(c *Container, service types.ServiceConfig) {
	c.Host = libraries
	c.Mounts = append(c.Mounts, Mount{Source: filepath.Join(s.Image.Root, s.Image.Entrypoint[0]),
		Target: s.Image.Entrypoint[0]})
	if s.Image.User == "nonroot:nonroot" {
		c.UID = 65532
	}
	command := []string(service.Command)
	if len(command) == 0 {
		command = s.Image.Command
	}
	c.Args = append(append([]string{}, s.Image.Entrypoint...), command...)
}
