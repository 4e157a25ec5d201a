package kafkatest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed pom.xml
var pom []byte

// copyPlugin is pinned, so that the same jars come whatever Maven is
// installed.
const copyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// Jars returns the directory of the broker's jars. They are fetched with Maven
// the first time, and kept in the user's cache under a name made from pom.xml.
func Jars(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache for Kafka's jars: %w", err)
	}
	dir := filepath.Join(cache, "statline", fmt.Sprintf("kafka-%x", sha256.Sum256(pom))[:18])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", errors.New("fetch Kafka's jars: there is no mvn: install Maven (and Java 17)")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("fetch Kafka's jars: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return "", fmt.Errorf("fetch Kafka's jars: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), pom, 0o644); err != nil {
		return "", fmt.Errorf("fetch Kafka's jars: %w", err)
	}
	// --strict-checksums: a jar that is not what the repository says is refused.
	mvn := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--strict-checksums", copyPlugin,
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(tmp, "lib"))
	mvn.Dir = tmp
	if out, err := mvn.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch Kafka's jars: mvn: %w\n%s", err, tail(string(out), 20))
	}
	if err := os.Rename(filepath.Join(tmp, "lib"), dir); err != nil {
		if _, exists := os.Stat(dir); exists != nil { // nobody else was faster
			return "", fmt.Errorf("fetch Kafka's jars: %w", err)
		}
	}
	return dir, nil
}

// tail is the last n lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
