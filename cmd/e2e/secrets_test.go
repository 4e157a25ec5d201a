package e2e

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"statline/ingest/traffic"
)

// planted are the secrets of the decoder's own tests, and lines with each of
// them in every place where a gateway of some format puts one (see places in
// ingest/decode). Every line has a minute of its own, so that many become
// samples.
func planted(t *testing.T) (secrets []string, lines []plantedLine) {
	t.Helper()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(root, "ingest/decode/testdata/secrets", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	secrets = strings.Fields(read("secrets.txt"))
	begin := time.Now().UTC().Truncate(time.Minute).Add(-48 * time.Hour) // samples and rejects live a week
	for place := range strings.Lines(read("places.tsv")) {
		_, place, _ = strings.Cut(strings.TrimSpace(place), "\t")
		for _, secret := range secrets {
			if strings.Contains(secret, "&") && strings.Contains(place, "?") && strings.Contains(place, "§") ||
				strings.Contains(secret, "/") && strings.Contains(place, "@") {
				continue // would be two parameters, or no user info
			}
			at := begin.Add(time.Duration(len(lines)) * time.Minute)
			lines = append(lines, plantedLine{at.UnixMilli(), plant(place, secret, at)})
		}
	}
	if len(secrets) < 40 || len(lines) < 1800 || len(lines) > 48*60 {
		t.Fatalf("got %d secrets in %d lines; want 40 in 1800 to 2880", len(secrets), len(lines))
	}
	return secrets, lines
}

type plantedLine struct {
	unixMilli int64
	text      string
}

// plant puts a secret (§, percent-encoded ¶, within base64 ⟦ ⟧) and a time into
// a place.
func plant(place, secret string, at time.Time) string {
	line := strings.NewReplacer("§", secret, "¶", url.QueryEscape(secret),
		"2026-03-01T12:00:00", at.Format("2006-01-02T15:04:05"), "01/Mar/2026:12:00:00",
		at.Format("02/Jan/2006:15:04:05"),
		"1772366400", fmt.Sprint(at.Unix())).Replace(place)
	for {
		before, rest, ok := strings.Cut(line, "⟦")
		if !ok {
			return line
		}
		inner, after, _ := strings.Cut(rest, "⟧")
		line = before + base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(inner, `\r\n`, "\r\n"))) + after
	}
}

// source hands the lines to the producer.
type source struct{ lines []plantedLine }

func (s *source) Next(line []byte) ([]byte, int64, uint64, bool) {
	if len(s.lines) == 0 {
		return line, 0, 0, false
	}
	l := s.lines[0]
	s.lines = s.lines[1:]
	return append(line, l.text...), l.unixMilli, uint64(len(s.lines)), true
}

// needles are pieces of twelve bytes of the secrets: as they are, and as
// percent-encoding, hexadecimal, base32 and base64 at each alignment show them.
// A part of a secret is a leak too.
type needles map[string]string

const needle = 12

func newNeedles(secrets []string) needles {
	all := needles{}
	add := func(secret, form string) {
		for i := 0; i+needle <= len(form); i++ {
			all[form[i:i+needle]] = secret
		}
	}
	for _, s := range secrets {
		add(s, s)
		add(s, url.QueryEscape(s))
		add(s, url.PathEscape(s))
		add(s, hex.EncodeToString([]byte(s)))
		add(s, strings.ToUpper(hex.EncodeToString([]byte(s))))
		add(s, strings.ToLower(base32.StdEncoding.EncodeToString([]byte(s))))
		for shift := range 3 {
			// The first and the last characters depend on what stands around.
			for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				form := enc.EncodeToString([]byte(strings.Repeat("x", shift) + s))
				add(s, form[(shift*8+5)/6:len(form)-1])
			}
		}
	}
	return all
}

// in returns a secret of which hay holds a piece, "" for none.
func (n needles) in(hay string) string {
	for i := 0; i+needle <= len(hay); i++ {
		if secret, ok := n[hay[i:i+needle]]; ok {
			return secret
		}
	}
	return ""
}

// Forty secrets in every place of every format, through broker, daemon and
// engine: none is found in what is stored, logged, measured or printed.
func TestLongPlantedSecretsAppearNowhere(t *testing.T) {
	t.Parallel()
	for where, secret := range plantedLeaks(t, binary) {
		t.Errorf("a piece of %s… stands in %s", secret[:6], where)
	}
}

// plantedLeaks sends the planted lines through a binary and returns where a
// piece of a secret can be found afterwards, and of which.
func plantedLeaks(t *testing.T, path string) map[string]string {
	t.Helper()
	secrets, lines := planted(t)
	dir := t.TempDir()
	sandbox, kafka, clickhouse := startSandbox(t, dir)
	if err := traffic.Produce(t.Context(), []string{kafka}, "access", &source{lines},
		traffic.ProduceOptions{}); err != nil {
		t.Fatal(err)
	}
	listen := freeAddress(t)
	d := startBinary(t, path, t.TempDir(), "run", "--brokers", kafka, "--topic", "access", "--clickhouse", clickhouse,
		"--listen", listen, "--log-level", "debug")
	hay := map[string]string{}
	eventually(t, 90*time.Second, "/metrics counts every record", func() bool {
		hay["/metrics"], _ = get(t, "http://"+listen+"/metrics")
		return strings.Contains(hay["/metrics"], fmt.Sprintf("\nstatline_records_total %d\n", len(lines)))
	})
	hay["/readyz"], _ = get(t, "http://"+listen+"/readyz")
	archive := filepath.Join(t.TempDir(), "diag.tar.gz")
	if out, err := outputOf(exec.CommandContext(t.Context(), path, "diag", "--brokers", kafka, "--topic", "access",
		"--clickhouse", clickhouse, "--listen", listen, "--out", archive), t.TempDir()); err != nil {
		t.Fatalf("diag: %v\n%s", err, out)
	}
	for name, text := range unpacked(t, archive) {
		hay["diag's "+name] = text
	}
	d.terminate(t, 10*time.Second)
	hay["the daemon's log"] = d.logged()
	for name := range sqlCounts(t, clickhouse, "SELECT name, 1 FROM system.tables WHERE database = 'statline'") {
		hay["table "+name] = sql(t, clickhouse, "SELECT * FROM statline."+name+" FORMAT TSVRaw")
	}
	addPrinted(t, hay, path, clickhouse, lines)
	sandbox.terminate(t, 20*time.Second)
	addFiles(t, hay, dir)

	stored := map[string]int{"table samples": 700, "table rejected_lines": 300, "table keys": 700}
	for name, rows := range stored {
		if n := strings.Count(hay[name], "\n"); n < rows {
			t.Fatalf("%s has %d rows; want %d to look through", name, n, rows)
		}
	}
	look := newNeedles(secrets)
	found := map[string]string{}
	for where, text := range hay {
		if secret := look.in(text); secret != "" {
			found[where] = secret
		}
	}
	return found
}

// addPrinted adds what the commands print.
func addPrinted(t *testing.T, hay map[string]string, path, clickhouse string, lines []plantedLine) {
	t.Helper()
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.text + "\n")
	}
	log := write(t, "planted.log", []byte(text.String()))
	print := func(name string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		c := command(t, ctx, args...)
		c.Path = path
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("statline %s: %v\n%s", strings.Join(args, " "), err, tail(string(out), 2000))
		}
		hay[name] = string(out)
	}
	at := []string{"--clickhouse", clickhouse}
	print("report", append([]string{"report", "--since", "30d"}, at...)...)
	print("report --json", append([]string{"report", "--since", "30d", "--json"}, at...)...)
	print("incidents", append([]string{"incidents", "--since", "30d"}, at...)...)
	print("routes suggest", append([]string{"routes", "suggest"}, at...)...)
	print("codes suggest", append([]string{"codes", "suggest"}, at...)...)
	print("codes suggest of a log", "codes", "suggest", log)
	print("rejects list", append([]string{"rejects", "list", "--limit", "100000"}, at...)...)
	print("rejects list --json", append([]string{"rejects", "list", "--limit", "100000", "--json"}, at...)...)
	_, rest, ok := strings.Cut(hay["rejects list"], "access/")
	if !ok {
		t.Fatalf("no reject is listed:\n%s", tail(hay["rejects list"], 2000))
	}
	print("rejects show", append([]string{"rejects", "show", "access/" + strings.Fields(rest)[0]}, at...)...)
	print("probe", "probe", log)
	print("probe --json", "probe", "--json", log)
	print("analyze", "analyze", log)
	print("analyze --json", "analyze", "--json", log)
}

// addFiles adds the files of a closed sandbox but the broker's own log.
func addFiles(t *testing.T, hay map[string]string, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasPrefix(path, filepath.Join(dir, "servers", "kafka")) {
			return err
		}
		b, err := os.ReadFile(path)
		hay["file "+strings.TrimPrefix(path, dir)] = string(b)
		files++
		return err
	})
	if err != nil || files < 50 {
		t.Fatalf("looked into %d files: %v", files, err)
	}
}
