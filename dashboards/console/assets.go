package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets
var embedded embed.FS

// asset is one embedded file in the form in which it is sent.
type asset struct {
	kind, tag    string
	plain, small []byte // as it is, and with gzip
}

// assets are the embedded files by name.
type assets map[string]asset

var kinds = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".json": "application/json"}

func readAssets() (assets, error) {
	all := assets{}
	err := fs.WalkDir(embedded, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || kinds[path.Ext(name)] == "" {
			return err
		}
		text, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		var small bytes.Buffer
		z, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(text); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		all[strings.TrimPrefix(name, "assets/")] = asset{kinds[path.Ext(name)], `"` + hex.EncodeToString(sum[:12]) +
			`"`, text, small.Bytes()}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("console: read the embedded assets: %w", err)
	}
	return all, nil
}

// serve sends the asset with the requested path.
func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := a[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	file.send(w, r)
}

// pages are the first parts of the paths that the page's program handles.
var pages = map[string]bool{"": true, "incidents": true, "services": true, "codes": true, "limits": true, "keys": true,
	"clients": true, "agents": true, "availability": true, "slo": true, "proof": true}

// page sends the one page; the program in it reads the path.
func (a assets) page(w http.ResponseWriter, r *http.Request) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if !pages[first] || strings.Contains(rest, "/") || first == "" && rest != "" {
		http.NotFound(w, r)
		return
	}
	a["index.html"].send(w, r)
}

func (a asset) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("ETag", a.tag)
	h.Set("Cache-Control", "no-cache") // another binary has other files under these names
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.small
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a reader that has gone needs no answer
	}
}
