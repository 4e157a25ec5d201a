package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNoEngine is returned by FindEngine when there is no engine to be found.
var ErrNoEngine = errors.New("the embedded ClickHouse engine (libchdb) is not installed; run: make engine")

// engineEnv names the environment variable with the engine's path.
const engineEnv = "STATLINE_ENGINE"

// engineHome is where `make engine` installs, seen from the repository.
const engineHome = "ingest/sandbox/engine"

// FindEngine returns the path of the engine's library. path, or else the environment's
// STATLINE_ENGINE, names the file or its directory, and nothing else is tried. If neither
// is set, it searches, in this order: beside the executable; .engine and
// ingest/sandbox/engine in the working directory and its parents, then in the
// executable's; statline in the user's cache directory. The error of a failed search wraps
// ErrNoEngine and lists where it looked.
func FindEngine(path string) (string, error) {
	if path == "" {
		path = os.Getenv(engineEnv)
	}
	if path != "" {
		if found, ok := engineAt(path); ok {
			return found, nil
		}
		return "", fmt.Errorf("%w (no engine at %s)", ErrNoEngine, path)
	}
	dirs := searchDirs()
	for _, dir := range dirs {
		if found, ok := engineAt(dir); ok {
			return found, nil
		}
	}
	return "", fmt.Errorf("%w; or set %s to its path (looked in %s)", ErrNoEngine, engineEnv,
		strings.Join(dirs, ", "))
}

func searchDirs() []string {
	var dirs []string
	seen := map[string]bool{}
	add := func(dir string) {
		if !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	upFrom := func(dir string) {
		for {
			add(filepath.Join(dir, ".engine"))
			add(filepath.Join(dir, filepath.FromSlash(engineHome)))
			parent := filepath.Dir(dir)
			if parent == dir {
				return
			}
			dir = parent
		}
	}
	exe, exeErr := os.Executable()
	if exeErr == nil {
		add(filepath.Dir(exe))
	}
	if cwd, err := os.Getwd(); err == nil {
		upFrom(cwd)
	}
	if exeErr == nil {
		upFrom(filepath.Dir(exe))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		add(filepath.Join(cache, "statline"))
	}
	return dirs
}

// engineAt returns the library at path: the file itself, or the one in the directory path
// or in the npm package installed there.
func engineAt(path string) (string, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false
	}
	if !info.IsDir() {
		abs, err := filepath.Abs(path)
		return abs, err == nil
	}
	for _, dir := range []string{path, filepath.Join(path, "node_modules", filepath.FromSlash(enginePackage()))} {
		for _, name := range []string{"libchdb.so", "libchdb.dylib"} {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); err == nil && !info.IsDir() {
				abs, err := filepath.Abs(file)
				return abs, err == nil
			}
		}
	}
	return "", false
}

// enginePackage is the npm package with this platform's engine.
func enginePackage() string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	name := "@chdb/lib-" + runtime.GOOS + "-" + arch
	if runtime.GOOS == "linux" {
		name += "-gnu"
	}
	return name
}
