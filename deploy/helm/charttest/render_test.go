// Package charttest renders the Helm chart with Helm's own packages and decodes
// what comes out as an API server does, unknown fields being errors, into the Go
// types of Kubernetes and of the operators. It does not install anything.
package charttest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	keda "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"
)

const chartDir = "../statline"

// sets are the values that the chart is tried with, each with what it makes.
var sets = map[string][]string{
	"minimal": {"ConfigMap/api-statline", "Deployment/api-statline", "PodDisruptionBudget/api-statline",
		"Service/api-statline",
		"ServiceAccount/api-statline"},
	"production": {"ConfigMap/api-statline", "ConfigMap/api-statline-keda", "Deployment/api-statline",
		"NetworkPolicy/api-statline",
		"PodDisruptionBudget/api-statline", "ScaledObject/api-statline", "Service/api-statline",
		"ServiceAccount/api-statline",
		"ServiceMonitor/api-statline", "TriggerAuthentication/api-statline"},
	"console": {"ConfigMap/api-statline-keda", "Deployment/api-statline", "NetworkPolicy/api-statline",
		"PodDisruptionBudget/api-statline",
		"ScaledObject/api-statline", "Service/api-statline", "ServiceMonitor/api-statline",
		"TriggerAuthentication/api-statline"},
}

// manifest is what the chart makes of some values.
type manifest struct {
	values    map[string]any
	documents map[string]string         // by kind/name
	objects   map[string]runtime.Object // the same, decoded
	notes     string
}

// object is the rendered object of a type; there is one, or the test ends.
func object[T runtime.Object](t *testing.T, m *manifest, name string) T {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if o, ok := m.objects[key].(T); ok && strings.HasSuffix(key, "/"+name) {
			return o
		}
	}
	var none T
	t.Fatalf("no %T named %s", none, name)
	return none
}

func valuesOf(t *testing.T, set string) map[string]any {
	t.Helper()
	values, err := chartutil.ReadValuesFile(filepath.Join("testdata", set+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// templates renders the chart as helm install does, its schema asked first.
func templates(values map[string]any) (map[string]string, error) {
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "api", Namespace: "logs", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

var codecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		apps.AddToScheme, core.AddToScheme, networking.AddToScheme, policy.AddToScheme,
		keda.AddToScheme, monitoring.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict)
}()

func decode(document string) (runtime.Object, error) {
	o, _, err := codecs.UniversalDeserializer().Decode([]byte(document), nil, nil)
	return o, err
}

func render(t *testing.T, values map[string]any) *manifest {
	t.Helper()
	files, err := templates(values)
	if err != nil {
		t.Fatal(err)
	}
	m := &manifest{values: values, documents: map[string]string{}, objects: map[string]runtime.Object{}}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(path, "NOTES.txt") {
			m.notes = files[path]
			continue
		}
		for document := range strings.SplitSeq(files[path], "\n---\n") {
			if strings.TrimSpace(document) == "" {
				continue
			}
			o, err := decode(document)
			if err != nil {
				t.Fatalf("%s: %v\n%s", path, err, document)
			}
			key := o.GetObjectKind().GroupVersionKind().Kind + "/" + o.(meta.Object).GetName()
			if m.objects[key] != nil {
				t.Fatalf("%s is made twice", key)
			}
			m.objects[key], m.documents[key] = o, document
		}
	}
	return m
}

func eachSet(t *testing.T, each func(t *testing.T, m *manifest)) {
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		t.Run(set, func(t *testing.T) { each(t, render(t, valuesOf(t, set))) })
	}
}

// Each set of values gives these objects, and each decodes strictly.
func TestObjectsDecode(t *testing.T) {
	for set, want := range sets {
		got := slices.Sorted(maps.Keys(render(t, valuesOf(t, set)).objects))
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", set, got, want)
		}
	}
}

// A field that is misspelt, stands where it does not belong or stands twice is an
// error in each kind of object: the test above would find it.
func TestDecodingIsStrict(t *testing.T) {
	m := render(t, valuesOf(t, "production"))
	for key, change := range map[string][2]string{
		"Deployment/api-statline":            {"readOnlyRootFilesystem:", "readonlyRootFilesystem:"},
		"PodDisruptionBudget/api-statline":   {"unhealthyPodEvictionPolicy:", "unhealthyPodPolicy:"},
		"NetworkPolicy/api-statline":         {"  podSelector:\n", "  policyTypes: []\n  podSelector:\n"},
		"ScaledObject/api-statline":          {"minReplicaCount:", "minReplicas:"},
		"TriggerAuthentication/api-statline": {"{parameter: ca,", "{param: ca,"},
		"ServiceMonitor/api-statline":        {"      path: /metrics", "      metricsPath: /metrics"},
		"Service/api-statline":               {"publishNotReadyAddresses:", "publishNotReady:"},
	} {
		changed := strings.Replace(m.documents[key], change[0], change[1], 1)
		if changed == m.documents[key] {
			t.Errorf("%s: no %q in it", key, change[0])
		}
		if _, err := decode(changed); err == nil {
			t.Errorf("%s: %q passes", key, change[1])
		}
	}
}

// helm lint has nothing to say against the chart.
func TestLint(t *testing.T) {
	for set := range sets {
		for _, m := range lint.AllWithKubeVersion(chartDir, valuesOf(t, set), "logs", nil).Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %v", set, m)
			}
		}
	}
}

// changed is a copy of values with one of them set, by its dotted path.
func changed(t *testing.T, values map[string]any, path string, value any) map[string]any {
	t.Helper()
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	inner, names := all, strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		next, ok := inner[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			inner[name] = next
		}
		inner = next
	}
	inner[names[len(names)-1]] = value
	return all
}

// Wrong values are refused before anything is made, and the message says which.
func TestWrongValuesAreRefused(t *testing.T) {
	for _, c := range []struct {
		path  string
		value any
		want  string
	}{
		{"replica", 3, "replica"},
		{"replicas", 0, "replicas"},
		{"replicas", "three", "replicas"},
		{"kafka.brokers", []any{}, "brokers"},
		{"kafka.brokers", []any{"kafka"}, "brokers"},
		{"kafka.topic", "access", "topic"},
		{"kafka.sasl", map[string]any{"mechanism": "gssapi"}, "mechanism"},
		{"kafka.sasl", map[string]any{"mechanism": "plain", "user": "statline"}, "plain needs user and passwordSecret"},
		{"clickhouse.address", "clickhouse", "address"},
		{"clickhouse.address", "clickhouse://clickhouse/statline", "address"}, // the NetworkPolicy needs the port
		{"hmacSecret", map[string]any{"name": ""}, "hmacSecret"},
		{"hmacSecret.value", "sesame-street-sesame", "hmacSecret"},
		{"listen.port", 80, "port"}, // not without a capability
		{"console.tokenSecret", map[string]any{"name": "console"}, "would go without TLS"},
		{"console.write", true, "anybody could write"},
		{"config.brokers", "kafka:9092", "/config/brokers"},
		{"configSecret", map[string]any{"name": "a"}, ""},
		{"keda", map[string]any{"enabled": true, "min": 9, "max": 3}, "min 9 above max 3"},
		{"keda.min", 0, "min"},
		{"image.tag", "", "no tag and no digest"},
		{"podLabels", map[string]any{"app.kubernetes.io/name": "other"}, "/podLabels"},
		{"tmpSize", "many", "tmpSize"},
		{"stopTimeoutSeconds", 0, "stopTimeoutSeconds"},
		{"networkPolicy.ingress", true, "ingress"},
	} {
		_, err := templates(changed(t, valuesOf(t, "minimal"), c.path, c.value))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v is refused: %v", c.path, c.value, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v: got %v; want a message with %q", c.path, c.value, err, c.want)
		}
	}
	both := changed(t, valuesOf(t, "console"), "config.zone", "UTC")
	if _, err := templates(both); err == nil || !strings.Contains(err.Error(), "configSecret: got both") {
		t.Errorf("config and configSecret: got %v", err)
	}
	without := changed(t, valuesOf(t, "minimal"), "hmacSecret", nil)
	if _, err := templates(without); err == nil {
		t.Error("passes without hmacSecret")
	}
}

// The chart's page names every value.
func TestReadmeNamesEveryValue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(chartDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	values, err := chartutil.ReadValuesFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range values {
		if !strings.Contains(string(page), "`"+name+"`") && !strings.Contains(string(page), "`"+name+".") {
			t.Errorf("README.md does not name %s", name)
		}
	}
}
