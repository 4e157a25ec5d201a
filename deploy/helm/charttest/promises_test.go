package charttest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

const name = "api-statline"

// setting is what REFERENCE.md says of one.
type setting struct{ key, kind, marks string }

// settings reads the reference: by variable, and the sections of the file by name.
func settings(t *testing.T) (byVariable map[string]setting, keys map[string]bool) {
	t.Helper()
	page, err := os.ReadFile("../../../ingest/config/REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	byVariable, keys = map[string]setting{}, map[string]bool{}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| `(STATLINE_[A-Z0-9_]+)` \\| (.*?) \\|.*\\| ([^|]*) \\|$")
	for _, m := range row.FindAllStringSubmatch(strings.ReplaceAll(string(page), "\\|", "/"), -1) {
		byVariable[m[2]], keys[m[1]] = setting{key: m[1], kind: m[3], marks: m[4]}, true
	}
	for _, m := range regexp.MustCompile(`(?m)^### ([a-z-]+)$`).FindAllStringSubmatch(string(page), -1) {
		keys[m[1]] = true
	}
	if len(byVariable) < 70 || !keys["routes"] {
		t.Fatalf("found %d settings; the test reads the reference wrongly", len(byVariable))
	}
	return byVariable, keys
}

func container(t *testing.T, m *manifest) (*core.PodSpec, *core.Container) {
	t.Helper()
	pod := &object[*apps.Deployment](t, m, name).Spec.Template.Spec
	if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
		t.Fatalf("got %d containers", len(pod.Containers))
	}
	return pod, &pod.Containers[0]
}

// Each variable, each key of the file and each flag is a setting, and each file
// that a variable names is one that is mounted.
func TestSettingsExist(t *testing.T) {
	byVariable, keys := settings(t)
	eachSet(t, func(t *testing.T, m *manifest) {
		pod, c := container(t, m)
		if got := strings.Join(c.Args, " "); got != "run --config /etc/statline/config/statline.yaml" {
			t.Errorf("got arguments %q", got)
		}
		files := map[string]bool{}
		for _, v := range pod.Volumes {
			if v.Name == "secrets" {
				for _, s := range v.Projected.Sources {
					for _, item := range s.Secret.Items {
						if files["/etc/statline/secrets/"+item.Path] {
							t.Errorf("%s is there twice", item.Path)
						}
						files["/etc/statline/secrets/"+item.Path] = true
					}
				}
			}
		}
		for _, e := range c.Env {
			s, known := byVariable[e.Name]
			if !known && strings.HasPrefix(e.Name, "STATLINE_") {
				t.Errorf("%s is no setting", e.Name)
			}
			if s.kind == "file" {
				if !files[e.Value] {
					t.Errorf("%s=%s: no such file is mounted", e.Name, e.Value)
				}
				delete(files, e.Value)
			}
			if !known {
				continue
			}
			// What the chart sets cannot be in the file too, where it would say nothing.
			for _, key := range []string{s.key, strings.ReplaceAll(s.key, "-", "_")} {
				if _, err := templates(changed(t, valuesOf(t, "minimal"), "config."+key, "x")); err == nil {
					t.Errorf("config.%s is taken although the chart sets %s", key, e.Name)
				}
			}
		}
		if len(files) > 0 {
			t.Errorf("mounted and named by no setting: %q", slices.Sorted(maps.Keys(files)))
		}
		if set, ok := m.objects["ConfigMap/"+name].(*core.ConfigMap); ok {
			file := map[string]any{}
			if err := yaml.UnmarshalStrict([]byte(set.Data["statline.yaml"]), &file); err != nil {
				t.Fatal(err)
			}
			for key := range file {
				if !keys[strings.ReplaceAll(key, "_", "-")] {
					t.Errorf("%s is no setting", key)
				}
			}
		}
	})
}

// A Secret is only ever named where one is referred to, and no variable has a
// secret in it or takes its value from one.
func TestSecretsStayInSecrets(t *testing.T) {
	byVariable, _ := settings(t)
	place := regexp.MustCompile(`(\.secretName|\.secret\.name|\.credentials\.name|\.secretTargetRef\.\d+\.name)$`)
	eachSet(t, func(t *testing.T, m *manifest) {
		found := map[string]bool{}
		for key, document := range m.documents {
			if strings.HasPrefix(key, "Secret/") {
				t.Errorf("%s: the chart makes no Secret", key)
			}
			var all any
			if err := yaml.Unmarshal([]byte(document), &all); err != nil {
				t.Fatal(err)
			}
			eachText(all, "", func(path, text string) {
				if !strings.Contains(text, "planted-") {
					return
				}
				found[text] = true
				if !place.MatchString(path) {
					t.Errorf("%s%s is %s", key, path, text)
				}
			})
		}
		eachText(m.values, "", func(path, text string) {
			if strings.HasPrefix(text, "planted-") && !found[text] {
				t.Errorf("%s (%s) is used nowhere", path, text)
			}
		})
		_, c := container(t, m)
		if len(c.EnvFrom) > 0 {
			t.Error("variables come from a Secret or a ConfigMap")
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil {
				t.Errorf("%s has its value from somewhere", e.Name)
			}
			// the schema keeps passwords out
			address := e.Name == "STATLINE_CLICKHOUSE" || e.Name == "STATLINE_KAFKA_TOKEN_URL"
			if strings.Contains(byVariable[e.Name].marks, "secret") && !address {
				t.Errorf("%s is a secret", e.Name)
			}
		}
	})
}

// eachText calls each with every text in a document, and where it is.
func eachText(v any, path string, each func(path, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			each(path+"."+key+" (key)", key)
			eachText(inner, path+"."+key, each)
		}
	case []any:
		for i, inner := range v {
			eachText(inner, fmt.Sprintf("%s.%d", path, i), each)
		}
	case string:
		each(path, v)
	}
}

// Every setting that REFERENCE.md calls a secret is refused in clear, however it is
// written.
func TestClearSecretsAreRefused(t *testing.T) {
	byVariable, _ := settings(t)
	const clear = "https://user:planted-secret@example.com/"
	minimal := valuesOf(t, "minimal")
	n := 0
	for _, s := range byVariable {
		if !strings.Contains(s.marks, "secret") {
			continue
		}
		n++
		for _, key := range []string{s.key, strings.ReplaceAll(s.key, "-", "_")} {
			if _, err := templates(changed(t, minimal, "config."+key, clear)); err == nil {
				t.Errorf("config.%s is taken", key)
			}
		}
	}
	if n < 11 {
		t.Fatalf("found %d secrets", n)
	}
	for path, value := range map[string]any{
		"clickhouse.address":   "clickhouse://user:planted-secret@clickhouse:9000/statline",
		"kafka.sasl.tokenUrl":  clear,
		"kafka.sasl.password":  "planted-secret",
		"clickhouse.password":  "planted-secret",
		"hmacSecret":           "planted-secret-planted-secret",
		"console.tokenSecret":  "planted-secret",
		"clickhouse.tls.token": "planted-secret",
		"extraEnv":             []any{map[string]any{"name": "STATLINE_HMAC_SECRET", "value": "planted-secret"}},
	} {
		if _, err := templates(changed(t, minimal, path, value)); err == nil {
			t.Errorf("%s is taken", path)
		}
	}
	query := "clickhouse://clickhouse:9000/statline?username=statline&password=planted-secret"
	if _, err := templates(changed(t, minimal, "clickhouse.address", query)); err == nil {
		t.Error("a password in the address's query is taken")
	}
}

// Whatever selects, selects the pods or the Service that it is about.
func TestSelectorsSelect(t *testing.T) {
	eachSet(t, func(t *testing.T, m *manifest) {
		d := object[*apps.Deployment](t, m, name)
		service := object[*core.Service](t, m, name)
		budget := object[*policy.PodDisruptionBudget](t, m, name)
		pods, services := labels.Set(d.Spec.Template.Labels), labels.Set(service.Labels)
		selects := func(what string, selector *meta.LabelSelector, set labels.Set) {
			t.Helper()
			s, err := meta.LabelSelectorAsSelector(selector)
			if err != nil || s.Empty() || !s.Matches(set) {
				t.Errorf("%s: %v, %v does not select %v", what, err, s, set)
			}
			if foreign := (labels.Set{"app.kubernetes.io/name": "other",
				"app.kubernetes.io/instance": "api"}); s.Matches(foreign) {
				t.Errorf("%s: %v selects %v too", what, s, foreign)
			}
		}
		selects("Deployment", d.Spec.Selector, pods)
		selects("Service", &meta.LabelSelector{MatchLabels: service.Spec.Selector}, pods)
		selects("PodDisruptionBudget", budget.Spec.Selector, pods)
		for _, spread := range d.Spec.Template.Spec.TopologySpreadConstraints {
			selects("spread by "+spread.TopologyKey, spread.LabelSelector, pods)
		}
		if len(d.Spec.Template.Spec.TopologySpreadConstraints) != 2 {
			t.Errorf("got %d constraints", len(d.Spec.Template.Spec.TopologySpreadConstraints))
		}
		port := d.Spec.Template.Spec.Containers[0].Ports[0]
		if p := service.Spec.Ports[0]; p.TargetPort.String() != port.Name || p.Port != port.ContainerPort {
			t.Errorf("the Service leads to %v; want %v", p, port)
		}
		if p, ok := m.objects["NetworkPolicy/"+name].(*networking.NetworkPolicy); ok {
			selects("NetworkPolicy", &p.Spec.PodSelector, pods)
			if got := p.Spec.Ingress[0].Ports[0].Port.String(); got != port.Name {
				t.Errorf("NetworkPolicy lets through to port %s; want %s", got, port.Name)
			}
		}
		if s, ok := m.objects["ServiceMonitor/"+name].(*monitoring.ServiceMonitor); ok {
			selects("ServiceMonitor", &s.Spec.Selector, services)
			if got := s.Spec.Endpoints[0].Port; got != service.Spec.Ports[0].Name {
				t.Errorf("ServiceMonitor asks port %q", got)
			}
			if !slices.Equal(s.Spec.NamespaceSelector.MatchNames, []string{"logs"}) {
				t.Errorf("ServiceMonitor looks in %q", s.Spec.NamespaceSelector.MatchNames)
			}
		}
	})
}

// The pod has no more rights than the daemon needs, is asked after its health as
// HEALTH.md says, and has the time to finish its blocks.
func TestPodIsConfined(t *testing.T) {
	eachSet(t, func(t *testing.T, m *manifest) {
		pod, c := container(t, m)
		for what, ok := range map[string]bool{
			"runs as root": *pod.SecurityContext.RunAsNonRoot && *c.SecurityContext.RunAsNonRoot &&
				*pod.SecurityContext.RunAsUser > 0 &&
				*pod.SecurityContext.RunAsGroup > 0 && *pod.SecurityContext.FSGroup > 0,
			"no seccomp profile": pod.SecurityContext.SeccompProfile.Type == core.SeccompProfileTypeRuntimeDefault &&
				c.SecurityContext.SeccompProfile == nil,
			"may gain rights": !*c.SecurityContext.AllowPrivilegeEscalation && !*c.SecurityContext.Privileged,
			"has capabilities": slices.Equal(c.SecurityContext.Capabilities.Drop, []core.Capability{"ALL"}) &&
				len(c.SecurityContext.Capabilities.Add) == 0,
			"may write its root":      *c.SecurityContext.ReadOnlyRootFilesystem,
			"has the API's token":     !*pod.AutomountServiceAccountToken,
			"has variables of others": !*pod.EnableServiceLinks,
			"sees the node":           !pod.HostNetwork && !pod.HostPID && !pod.HostIPC,
			"has no limits": !c.Resources.Limits.Memory().IsZero() && !c.Resources.Requests.Memory().IsZero() &&
				!c.Resources.Requests.Cpu().IsZero(),
			"probes": c.LivenessProbe.HTTPGet.Path == "/healthz" && c.StartupProbe.HTTPGet.Path == "/healthz" &&
				c.ReadinessProbe.HTTPGet.Path == "/readyz",
		} {
			if !ok {
				t.Error(what)
			}
		}
		tls := slices.ContainsFunc(c.Env, func(e core.EnvVar) bool { return e.Name == "STATLINE_LISTEN_CERT" })
		for _, p := range []*core.Probe{c.LivenessProbe, c.StartupProbe, c.ReadinessProbe} {
			if p.HTTPGet.Port.String() != c.Ports[0].Name || (p.HTTPGet.Scheme == core.URISchemeHTTPS) != tls {
				t.Errorf("a probe asks %v", p.HTTPGet)
			}
		}
		for _, v := range c.VolumeMounts {
			if !v.ReadOnly && v.MountPath != "/tmp" || v.SubPath != "" { // a file below a subPath is never rotated
				t.Errorf("mounted as %+v", v)
			}
		}
		for _, v := range pod.Volumes {
			if v.Name == "tmp" && (v.EmptyDir == nil || v.EmptyDir.SizeLimit.IsZero()) || v.HostPath != nil {
				t.Errorf("volume %+v", v)
			}
		}
		for _, e := range c.Env {
			if e.Name != "STATLINE_STOP_TIMEOUT" {
				continue
			}
			blocks, err := time.ParseDuration(e.Value)
			grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second
			if err != nil || grace < blocks+11*time.Second { // what systemd's unit leaves it
				t.Errorf("%v: %v for blocks, %v for all", err, blocks, grace)
			}
		}
	})
}

// No pod is taken away before its successor is ready, a changed file starts new
// pods, and what counts the pods is either the chart or KEDA.
func TestRollout(t *testing.T) {
	eachSet(t, func(t *testing.T, m *manifest) {
		d := object[*apps.Deployment](t, m, name)
		if r := d.Spec.Strategy.RollingUpdate; r.MaxUnavailable.String() != "0" || r.MaxSurge.String() != "1" {
			t.Errorf("got %v", r)
		}
		if _, scaled := m.objects["ScaledObject/"+name]; scaled != (d.Spec.Replicas == nil) {
			t.Errorf("KEDA: %v, replicas: %v", scaled, d.Spec.Replicas)
		}
		if p := object[*policy.PodDisruptionBudget](t, m, name).
			Spec; *p.UnhealthyPodEvictionPolicy != policy.AlwaysAllow || p.MinAvailable != nil {
			t.Errorf("got %+v", p)
		}
	})
	sum := func(values map[string]any) string {
		return object[*apps.Deployment](t, render(t, values), name).Spec.Template.Annotations["checksum/config"]
	}
	minimal := valuesOf(t, "minimal")
	first := sum(minimal)
	if len(first) != 64 || first != sum(minimal) || first == sum(changed(t, minimal, "config.zone", "Europe/Berlin")) {
		t.Errorf("the checksum %q does not tell files apart", first)
	}
}

// The ports that the policy opens are those of the addresses.
func TestPolicyOpensThePorts(t *testing.T) {
	for set, want := range map[string]string{"production": "53/UDP 53/TCP; 9093/TCP 9193/TCP; 9440/TCP; 9093/TCP",
		"console": "53/UDP 53/TCP; 9092/TCP; 8443/TCP"} {
		p := object[*networking.NetworkPolicy](t, render(t, valuesOf(t, set)), name)
		var rules []string
		for _, rule := range p.Spec.Egress {
			var ports []string
			for _, port := range rule.Ports {
				ports = append(ports, port.Port.String()+"/"+string(*port.Protocol))
			}
			rules = append(rules, strings.Join(ports, " "))
		}
		if got := strings.Join(rules, "; "); got != want {
			t.Errorf("%s: got %s; want %s", set, got, want)
		}
		if len(p.Spec.PolicyTypes) != 2 {
			t.Errorf("%s: got %v", set, p.Spec.PolicyTypes)
		}
	}
}

// Prometheus shows its token, and asks by TLS where the daemon has it.
func TestMonitorAsksAsItIsServed(t *testing.T) {
	e := object[*monitoring.ServiceMonitor](t, render(t, valuesOf(t, "production")), name).Spec.Endpoints[0]
	if *e.Scheme != "https" || *e.TLSConfig.ServerName != "api-statline.logs.svc" ||
		e.Authorization.Credentials.Name != "planted-listen-token" || e.Path != "/metrics" {
		t.Errorf("got %+v", e)
	}
	e = object[*monitoring.ServiceMonitor](t, render(t, valuesOf(t, "console")), name).Spec.Endpoints[0]
	if e.Scheme != nil || e.TLSConfig != nil || e.Authorization != nil {
		t.Errorf("got %+v", e)
	}
}

// KEDA counts the lag of the group that the daemon reads as, over the same brokers
// and with the same access; each name in a trigger is one that KEDA's scaler reads.
func TestScaledByLag(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/kedacore/keda/v2").
		Output()
	if err != nil {
		t.Fatal(err)
	}
	scaler, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "pkg/scalers/kafka_scaler.go"))
	if err != nil {
		t.Fatal(err)
	}
	reads := func(parameter, from string) bool {
		return regexp.MustCompile(`keda:"name=` + parameter + `,order=[a-zA-Z;]*` + from).Match(scaler)
	}
	for set, want := range map[string]string{
		"production": "access edge, tls enable, sasl scram_sha512, ca cert key password username",
		"console":    ", tls enable, sasl oauthbearer, oauthTokenEndpointUri password scopes username",
	} {
		m := render(t, valuesOf(t, set))
		s := object[*keda.ScaledObject](t, m, name)
		a := object[*keda.TriggerAuthentication](t, m, name)
		data := object[*core.ConfigMap](t, m, name+"-keda").Data
		if s.Spec.ScaleTargetRef.Name != name || s.Spec.ScaleTargetRef.Kind != "Deployment" ||
			*s.Spec.MinReplicaCount < 1 {
			t.Errorf("%s: scales %+v from %d", set, s.Spec.ScaleTargetRef, *s.Spec.MinReplicaCount)
		}
		_, c := container(t, m)
		env := map[string]string{}
		for _, e := range c.Env {
			env[e.Name] = e.Value
		}
		var topics, parameters []string
		for _, trigger := range s.Spec.Triggers {
			topics = append(topics, trigger.Metadata["topic"])
			for key := range trigger.Metadata {
				if !reads(key, "triggerMetadata") {
					t.Errorf("%s: KEDA's scaler reads no %s", set, key)
				}
			}
			if trigger.Metadata["bootstrapServers"] != env["STATLINE_BROKERS"] ||
				trigger.Metadata["consumerGroup"] != env["STATLINE_GROUP"] ||
				trigger.AuthenticationRef.Name != a.Name {
				t.Errorf("%s: got %+v", set, trigger)
			}
		}
		for _, r := range a.Spec.SecretTargetRef {
			parameters = append(parameters, r.Parameter)
		}
		for _, r := range a.Spec.ConfigMapTargetRef {
			parameters = append(parameters, r.Parameter)
			if data[r.Key] == "" {
				t.Errorf("%s: the ConfigMap has no %s", set, r.Key)
			}
		}
		for _, p := range parameters {
			if !reads(p, "(triggerMetadata;)?authParams") {
				t.Errorf("%s: KEDA's scaler reads no %s", set, p)
			}
		}
		slices.Sort(parameters)
		first := s.Spec.Triggers[0].Metadata
		got := fmt.Sprintf("%s, tls %s, sasl %s, %s", strings.Join(topics, " "), first["tls"], first["sasl"],
			strings.Join(parameters, " "))
		if got != want {
			t.Errorf("%s: got %q; want %q", set, got, want)
		}
	}
}

// Amazon's signatures need no password: KEDA takes the role of its own pod.
func TestScaledWithAmazonsRole(t *testing.T) {
	values := changed(t, valuesOf(t, "minimal"), "keda.enabled", true)
	values = changed(t, values, "kafka.sasl", map[string]any{"mechanism": "aws-msk-iam", "region": "eu-central-1"})
	values = changed(t, values, "kafka.tls.enabled", true)
	m := render(t, values)
	got := object[*keda.ScaledObject](t, m, name).Spec.Triggers[0].Metadata
	if got["saslTokenProvider"] != "aws_msk_iam" || got["awsRegion"] != "eu-central-1" || got["tls"] != "enable" ||
		got["sasl"] != "oauthbearer" {
		t.Errorf("got %v", got)
	}
	if p := object[*keda.TriggerAuthentication](t, m, name).Spec.PodIdentity; p == nil ||
		p.Provider != keda.PodIdentityProviderAws {
		t.Errorf("got %+v", p)
	}
	if _, err := templates(changed(t, values, "kafka.sasl.region", "")); err == nil {
		t.Error("passes without a region")
	}
}

// The notes name the pages and the objects that there are.
func TestNotes(t *testing.T) {
	eachSet(t, func(t *testing.T, m *manifest) {
		scheme := "http"
		if strings.Contains(m.documents["Deployment/"+name], "STATLINE_LISTEN_CERT") {
			scheme = "https"
		}
		for _, want := range []string{"-n logs", "deployment/" + name, "service/" + name + " 8080:8080", scheme + "://127.0.0.1:8080/readyz"} {
			if !strings.Contains(m.notes, want) {
				t.Errorf("no %q in\n%s", want, m.notes)
			}
		}
	})
}
