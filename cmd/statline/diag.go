package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"statline/dashboards/report"
	"statline/ingest/config"
)

func diagCommand() *cobra.Command {
	var (
		st      *settings
		file    string
		profile time.Duration
	)
	c := &cobra.Command{
		Use:   "diag",
		Short: "Write one archive for a bug report: versions, configuration, state and metrics, without secrets",
		Long: `diag asks the configured daemon on this machine and the servers, and writes the
answers to one archive: versions, the settings with secrets masked, /healthz,
/readyz, /metrics, stacks and memory of the process, the results of check, and the
tables, their sizes and the audit of the store. It holds no log line, no key, and no
address or path of a request. errors.txt lists what could not be collected. Look at
it before you send it.`,
		Example: `  statline diag --config statline.yaml
  statline diag --config statline.yaml --profile 10s --out slow.tar.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				file = "statline-diag-" + time.Now().UTC().Format("20060102-150405") + ".tar.gz"
			}
			to, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return fmt.Errorf("create the archive: %w", err)
			}
			b := &bundle{secrets: st.Secrets()}
			gather(cmd.Context(), b, st.Config, profile)
			if err := errors.Join(cmd.Context().Err(), b.write(to), to.Close()); err != nil {
				return errors.Join(err, os.Remove(file))
			}
			w := cmd.OutOrStdout()
			fmt.Fprintln(w, file)
			for _, p := range b.parts {
				fmt.Fprintf(w, "  %-28s %s bytes\n", p.name, count(uint64(len(p.data))))
			}
			for _, e := range b.errs {
				sentence(cmd.ErrOrStderr(), "not collected: "+e)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&file, "out", "o", "",
		"the archive's `file`, which must not exist (default: statline-diag-, the time, .tar.gz)")
	c.Flags().DurationVar(&profile, "profile", 0, "add a profile of the daemon's CPU over so long")
	st = takeSettings(c, "diag")
	return c
}

// bundle is the archive being made.
type bundle struct {
	secrets []string // must not be in any part
	parts   []bundlePart
	errs    []string // why parts are missing
}

type bundlePart struct {
	name string
	data []byte
}

// add adds a part, or the reason why it is missing.
func (b *bundle) add(name string, data []byte, err error) {
	if err != nil {
		b.errs = append(b.errs, b.masked(name+": "+err.Error()))
		return
	}
	if !strings.HasSuffix(name, ".pb.gz") { // profiles contain function names
		data = []byte(b.masked(string(data)))
	}
	b.parts = append(b.parts, bundlePart{name, data})
}

func (b *bundle) addJSON(name string, v any, err error) {
	if err != nil {
		b.add(name, nil, err)
		return
	}
	data, err := json.MarshalIndent(v, "", "  ")
	b.add(name, data, err)
}

// masked removes secrets that earlier masks have missed: a server's error message may
// repeat what was sent to it.
func (b *bundle) masked(text string) string {
	for _, s := range b.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}

func (b *bundle) write(to io.Writer) error {
	b.add("errors.txt", []byte(strings.Join(append(slices.Clone(b.errs), ""), "\n")), nil)
	z := gzip.NewWriter(to)
	t := tar.NewWriter(z)
	now := time.Now()
	for _, p := range b.parts {
		header := &tar.Header{Name: "statline-diag/" + p.name, Mode: 0o600, Size: int64(len(p.data)), ModTime: now}
		if err := t.WriteHeader(header); err != nil {
			return fmt.Errorf("write the archive: %w", err)
		}
		if _, err := t.Write(p.data); err != nil {
			return fmt.Errorf("write the archive: %w", err)
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// gather collects all parts, each within its time limit.
func gather(ctx context.Context, b *bundle, c *config.Config, profile time.Duration) {
	b.addJSON("version.json", theseVersions(), nil)
	b.addJSON("config.json", c.Show(), nil)
	b.add("environment.txt", []byte(strings.Join(ourVariables(os.Environ()), "\n")+"\n"), nil)

	gatherDaemon(ctx, b, &c.Daemon, profile)

	asked, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r := checker{out: io.Discard, style: newStyle(io.Discard)}
	r.all(asked, c)
	b.addJSON("check.json", r.parts, nil)
	if err := gatherStore(asked, b, c); err != nil {
		b.add("store", nil, err)
	}
}

// gatherDaemon asks the daemon that this configuration describes, on this machine.
func gatherDaemon(ctx context.Context, b *bundle, d *config.Daemon, profile time.Duration) {
	if d.Listen == "" {
		b.add("daemon", nil, errors.New("listen is empty: nothing can be asked"))
		return
	}
	get, err := asker(d)
	if err != nil {
		b.add("daemon", nil, err)
		return
	}
	for _, part := range []struct{ name, path string }{
		{"healthz.txt", "/healthz"}, {"readyz.json", "/readyz"}, {"metrics.txt", "/metrics"},
		{"config.json", "/-/config"},
		{"goroutines.txt", "/debug/pprof/goroutine?debug=1"}, {"heap.pb.gz", "/debug/pprof/heap"},
	} {
		data, err := get(ctx, part.path, 10*time.Second)
		if away := (*net.OpError)(nil); errors.As(err, &away) && away.Op == "dial" {
			b.add("daemon", nil, fmt.Errorf("nothing answers on %s, so its state, figures and profiles are missing: %w",
				d.Listen, away))
			return
		}
		b.add("daemon/"+part.name, data, err)
	}
	if profile > 0 {
		seconds := max(1, int(profile.Seconds()))
		data, err := get(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds), profile+10*time.Second)
		b.add("daemon/cpu.pb.gz", data, err)
	}
}

// asker makes requests to the daemon that listens as d says. Its certificate must be
// the one in the file; the host names in it do not matter.
func asker(d *config.Daemon) (func(ctx context.Context, path string, limit time.Duration) ([]byte, error), error) {
	token, err := d.BearerToken()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(d.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	base, transport := "http://", &http.Transport{}
	if d.ListenCert != "" {
		base = "https://"
		if transport.TLSClientConfig, err = pinned(d.ListenCert); err != nil {
			return nil, err
		}
	}
	base += net.JoinHostPort(host, port)
	client := &http.Client{Transport: transport}
	return func(ctx context.Context, path string, limit time.Duration) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
		if err != nil {
			return nil, err
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		got, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		defer got.Body.Close()
		data, err := io.ReadAll(io.LimitReader(got.Body, 64<<20))
		if err == nil && got.StatusCode >= 300 && got.StatusCode != http.StatusServiceUnavailable {
			// which /readyz says of itself
			err = fmt.Errorf("%s: %s", got.Status, strings.TrimSpace(string(data[:min(len(data), 200)])))
		}
		return data, err
	}, nil
}

// pinned trusts the first certificate of a PEM file and no other.
func pinned(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("listen-cert: %w", err)
	}
	p, _ := pem.Decode(text)
	if p == nil {
		return nil, fmt.Errorf("listen-cert %s: no PEM certificate in it", file)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // VerifyPeerCertificate does
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !bytes.Equal(raw[0], p.Bytes) {
				return errors.New("the daemon shows another certificate than that of listen-cert")
			}
			return nil
		}}, nil
}

// gatherStore reads the store's state, not its contents.
func gatherStore(ctx context.Context, b *bundle, c *config.Config) (err error) {
	if c.ClickHouse.URL == "" && c.Local.Data == "" {
		return nil
	}
	s, err := openAsked(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	storage, err := report.ReadStorage(ctx, s)
	b.addJSON("store/storage.json", storage, err)
	audit, err := auditNow(ctx, s)
	if err != nil {
		return err
	}
	b.addJSON("store/audit.json", audited(audit, nil, c), nil)
	return nil
}

// ourVariables lists the environment variables that are meant for statline.
func ourVariables(environ []string) (names []string) {
	for _, v := range environ {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "STATLINE_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
