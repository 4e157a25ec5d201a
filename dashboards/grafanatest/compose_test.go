package grafanatest

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

const root = "../.."

// secrets are what .env has to set.
func secrets() []string {
	return []string{"CLICKHOUSE_WRITER_PASSWORD", "CLICKHOUSE_READER_PASSWORD", "GRAFANA_ADMIN_PASSWORD",
		"STATLINE_HMAC_SECRET"}
}

func load(t *testing.T, without string) (*types.Project, error) {
	t.Helper()
	env := []string{}
	for _, name := range secrets() {
		if name != without {
			env = append(env, name+"=of-the-test-of-compose")
		}
	}
	o, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithEnv(env),
		cli.WithWorkingDirectory(root),
		cli.WithInterpolation(true), cli.WithConsistency(true), cli.WithProfiles([]string{"traffic"}))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

// The stack starts with no secret of ours: each has to be set.
func TestComposeWantsItsSecrets(t *testing.T) {
	example, err := os.ReadFile(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range secrets() {
		if _, err := load(t, name); err == nil {
			t.Errorf("it loads without %s", name)
		}
		if !regexp.MustCompile(`(?m)^` + name + `=$`).Match(example) {
			t.Errorf(".env.example does not name %s with an empty value", name)
		}
	}
}

// Ports on loopback, pinned images, health checks, declared volumes, files that
// exist; and what compose itself checks.
func TestCompose(t *testing.T) {
	p, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	names := p.ServiceNames()
	for _, want := range []string{"kafka", "clickhouse", "grafana", "statline", "traffic"} {
		if !slices.Contains(names, want) {
			t.Fatalf("no service %s in %v", want, names)
		}
	}
	long := []string{"kafka", "clickhouse", "grafana", "statline"}
	for name, s := range p.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s listens on %q; want 127.0.0.1", name, port.Published, port.HostIP)
			}
		}
		if tag := s.Image[strings.LastIndex(s.Image, ":")+1:]; tag == s.Image || tag == "latest" ||
			!strings.Contains(s.Image, ":") {
			t.Errorf("%s: image %s has no pinned tag", name, s.Image)
		}
		if slices.Contains(long, name) && (s.HealthCheck == nil || len(s.HealthCheck.Test) == 0) {
			t.Errorf("%s: no health check", name)
		}
		for _, v := range s.Volumes {
			switch v.Type {
			case "volume":
				if _, ok := p.Volumes[v.Source]; !ok || v.Source == "" {
					t.Errorf("%s: volume %q is not declared", name, v.Source)
				}
			case "bind":
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if !v.ReadOnly {
					t.Errorf("%s: %s is mounted for writing", name, v.Source)
				}
			}
		}
		for k, v := range s.Environment {
			if v == nil {
				t.Errorf("%s: environment %s has no value", name, k)
			}
		}
	}
	if s := p.Services["statline"]; !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") {
		t.Error("statline may write to its root or keeps capabilities")
	}
	if got := p.Services["traffic"].Profiles; !slices.Equal(got, []string{"traffic"}) {
		t.Errorf("traffic starts with profiles %v; want traffic only", got)
	}
}

// Kafka's three lists of listeners name the same ones.
func TestKafkaListeners(t *testing.T) {
	p, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	env := p.Services["kafka"].Environment
	listeners := func(key, separator string) (list []string) {
		for _, item := range strings.Split(*env[key], ",") {
			list = append(list, item[:strings.Index(item, separator)])
		}
		slices.Sort(list)
		return list
	}
	all, advertised, protocols := listeners("KAFKA_LISTENERS", "://"), listeners("KAFKA_ADVERTISED_LISTENERS", "://"), listeners("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", ":")
	if !slices.Equal(all, protocols) {
		t.Errorf("listeners %v, protocols %v", all, protocols)
	}
	if want := slices.DeleteFunc(slices.Clone(all),
		func(s string) bool { return s == *env["KAFKA_CONTROLLER_LISTENER_NAMES"] }); !slices.Equal(want, advertised) {
		t.Errorf("advertised %v; want %v", advertised, want)
	}
}

// What Grafana's files expand from the environment, compose sets.
func TestProvisioningVariablesAreSet(t *testing.T) {
	p, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	env := p.Services["grafana"].Environment
	found := 0
	for _, name := range []string{"datasources/clickhouse.yaml", "alerting/contact-points.yaml"} {
		raw, err := os.ReadFile(filepath.Join(root, "dashboards/provisioning", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\$([A-Z_]+)`).FindAllStringSubmatch(string(raw), -1) {
			found++
			if env[m[1]] == nil {
				t.Errorf("%s expands $%s, which compose does not set", name, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("found %d variables; the search is broken", found)
	}
}

// The users' file is XML, and each password comes from a variable that compose
// sets.
func TestClickHouseUsers(t *testing.T) {
	p, err := load(t, "")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(root, "deploy/clickhouse/users.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	passwords := 0
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "password" {
			continue
		}
		passwords++
		if len(start.Attr) != 1 || start.Attr[0].Name.Local != "from_env" ||
			p.Services["clickhouse"].Environment[start.Attr[0].Value] == nil {
			t.Errorf("password %d: got %v; want from_env of a variable that compose sets", passwords, start.Attr)
		}
	}
	if passwords != 2 {
		t.Errorf("%d passwords; want 2", passwords)
	}
}

// The Dockerfile builds what make build builds, and everything it needs reaches
// the build.
func TestDockerfileBuildsWhatMakeBuilds(t *testing.T) {
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	docker, make, ignore := read("Dockerfile"), read("Makefile"), read(".dockerignore")
	for _, both := range []string{"CGO_ENABLED=0", "build -pgo=auto -trimpath", "-s -w -X main.version=",
		"-o bin/statline ./cmd/statline"} {
		if !strings.Contains(docker, both) || !strings.Contains(make, both) {
			t.Errorf("%q is not in both Dockerfile and Makefile", both)
		}
	}
	for _, want := range []string{"USER nonroot", "base-debian12"} {
		if !strings.Contains(docker, want) {
			t.Errorf("Dockerfile: no %q", want)
		}
	}
	for _, dir := range []string{"go.mod", "go.sum", "cmd", "classify", "ingest", "dashboards"} {
		if !strings.Contains(ignore, "!"+dir+"\n") {
			t.Errorf(".dockerignore keeps %s out of the build", dir)
		}
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read("go.mod"))
	if version == nil || !strings.Contains(docker, "FROM golang:"+version[1]+"-") {
		t.Errorf("Dockerfile does not build with the go of go.mod (%v)", version)
	}
}
