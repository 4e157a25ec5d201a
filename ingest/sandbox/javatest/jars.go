package javatest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// copyPlugin is pinned, so that every Maven fetches the same jars.
const copyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// Jars returns the directory of the jars that a pom.xml names. Maven fetches them the first
// time; the user's cache keeps them under name and a hash of pom.
func Jars(ctx context.Context, name string, pom []byte) (string, error) {
	dir, err := jars(ctx, name, pom)
	if err != nil {
		return "", fmt.Errorf("fetch the jars of %s: %w", name, err)
	}
	return dir, nil
}

func jars(ctx context.Context, name string, pom []byte) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "statline", fmt.Sprintf("%s-%x", name, sha256.Sum256(pom))[:len(name)+13])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", errors.New("there is no mvn: install Maven (and Java 17)")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), pom, 0o644); err != nil {
		return "", err
	}
	// --strict-checksums: a jar that is not what the repository says is refused.
	mvn := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--strict-checksums", copyPlugin,
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(tmp, "lib"))
	mvn.Dir = tmp
	if out, err := mvn.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn: %w\n%s", err, Tail(string(out), 20))
	}
	if err := os.Rename(filepath.Join(tmp, "lib"), dir); err != nil {
		if _, exists := os.Stat(dir); exists != nil { // nobody else was faster
			return "", err
		}
	}
	return dir, nil
}
