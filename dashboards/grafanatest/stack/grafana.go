package stack

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// DataSource is the URL, for clickhouse-go, of the data source that is
// provisioned in the service grafana, filled in from its environment.
func (s *Stack) DataSource() (string, error) {
	dir, err := s.mounted("grafana", "/etc/grafana/provisioning")
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "datasources", "clickhouse.yaml"))
	if err != nil {
		return "", err
	}
	environment := s.Environment("grafana")
	missing := ""
	text := os.Expand(string(raw), func(name string) string {
		value, ok := environment[name]
		if !ok {
			missing = name
		}
		return value
	})
	if missing != "" {
		return "", fmt.Errorf("the data source expands $%s, which the service grafana does not set", missing)
	}
	var file struct {
		Datasources []struct {
			JSONData struct {
				Host, Protocol, Username string
				Port                     string
				DefaultDatabase          string `yaml:"defaultDatabase"`
			} `yaml:"jsonData"`
			SecureJSONData struct{ Password string } `yaml:"secureJsonData"`
		}
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return "", err
	}
	d := file.Datasources[0]
	if d.JSONData.Protocol != "native" {
		return "", fmt.Errorf("the data source speaks %s; want native", d.JSONData.Protocol)
	}
	host := d.JSONData.Host
	if _, ok := s.project.Services[host]; ok {
		host = s.Address(host)
	}
	u := url.URL{Scheme: "clickhouse", User: url.UserPassword(d.JSONData.Username, d.SecureJSONData.Password),
		Host: host + ":" + d.JSONData.Port, Path: "/" + d.JSONData.DefaultDatabase}
	return u.String(), nil
}

// Panel is one query that the service grafana would send.
type Panel struct {
	Board, Title, SQL string
	Format            int
}

// Panels are the queries of the dashboards that are mounted in the service
// grafana.
func (s *Stack) Panels() ([]Panel, error) {
	dir, err := s.mounted("grafana", "/etc/grafana/dashboards")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Panel
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct {
					RawSQL string `json:"rawSql"`
					Format int
				}
			}
		}
		if err := json.Unmarshal(raw, &board); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, p := range board.Panels {
			for _, t := range p.Targets {
				if t.RawSQL != "" {
					all = append(all, Panel{strings.TrimSuffix(filepath.Base(file), ".json"), p.Title, t.RawSQL,
						t.Format})
				}
			}
		}
	}
	if len(all) < 40 {
		return nil, fmt.Errorf("found %d panels in %s: the dashboards are not where Grafana looks for them", len(all),
			dir)
	}
	return all, nil
}

// mounted is what a service has at a place.
func (s *Stack) mounted(service, target string) (string, error) {
	for _, v := range s.project.Services[service].Volumes {
		if v.Target == target {
			return v.Source, nil
		}
	}
	return "", fmt.Errorf("the service %s has nothing mounted at %s", service, target)
}
