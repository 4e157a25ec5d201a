package receipt_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"statline/dashboards/receipt"
)

const text = "# What became of the requests of ACME\n\n| requests | 1,234 |\n"

func keygen(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	c := exec.Command("ssh-keygen", args...)
	c.Stdin = strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err
}

// OpenSSH's own tool accepts what we sign and refuses it with a changed digit; we
// accept what it signs; both write the same bytes.
func TestSignaturesAreOpenSSHs(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Fatal("ssh-keygen is missing: install OpenSSH's client (Debian's package openssh-client)")
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if out, err := keygen(t, "", "-q", "-t", "ed25519", "-N", "", "-C", "r@example.com", "-f",
		path("key")); err != nil {
		t.Fatal(out)
	}
	private, public := readFile(t, path("key")), readFile(t, path("key.pub"))
	signer, err := receipt.Signer("key", private)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := receipt.Sign(signer, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"signers": append([]byte("r@example.com "), public...),
		"ours.sig": ours, "text": []byte(text)} {
		if err := os.WriteFile(path(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(text string) (string, error) {
		return keygen(t, text, "-Y", "verify", "-n", receipt.Namespace, "-f", path("signers"), "-I", "r@example.com",
			"-s", path("ours.sig"))
	}
	if out, err := verify(text); err != nil {
		t.Errorf("OpenSSH refuses our signature: %s", out)
	}
	changed := strings.Replace(text, "1,234", "1,235", 1)
	if out, err := verify(changed); err == nil {
		t.Errorf("OpenSSH accepts a changed digit: %s", out)
	}
	if out, err := keygen(t, "", "-Y", "sign", "-n", receipt.Namespace, "-f", path("key"), path("text")); err != nil {
		t.Fatal(out)
	}
	theirs := readFile(t, path("text.sig"))
	by, err := receipt.Check([]byte(text), theirs)
	known, err2 := receipt.Signers("key.pub", public)
	if err != nil || err2 != nil || len(known) != 1 || !bytes.Equal(by.Marshal(), known[0].Marshal()) {
		t.Errorf("we refuse OpenSSH's signature: %v, %v", err, err2)
	}
	if strip(theirs) != strip(ours) {
		t.Errorf("got\n%s\nwant OpenSSH's own\n%s", ours, theirs)
	}
	for name, x := range map[string]struct {
		text      string
		signature []byte
	}{
		"a changed digit":    {changed, theirs},
		"another file's":     {text, resigned(t, path, "file")},
		"no signature":       {text, []byte("no")},
		"a cut-off one":      {text, theirs[:120]},
		"a signature of git": {text, resigned(t, path, "git")},
	} {
		if _, err := receipt.Check([]byte(x.text), x.signature); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// resigned is OpenSSH's signature of the text in another namespace.
func resigned(t *testing.T, path func(string) string, namespace string) []byte {
	t.Helper()
	if err := os.WriteFile(path(namespace), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := keygen(t, "", "-Y", "sign", "-n", namespace, "-f", path("key"), path(namespace)); err != nil {
		t.Fatal(out)
	}
	return readFile(t, path(namespace+".sig"))
}

// Keys that cannot sign a receipt say what can.
func TestSignerSaysWhatItWants(t *testing.T) {
	dir := t.TempDir()
	for name, args := range map[string][]string{"passphrase": {"-t", "ed25519", "-N", "secret"},
		"Ed25519": {"-t", "ecdsa", "-N", ""}} {
		file := filepath.Join(dir, name)
		if out, err := keygen(t, "", append(args, "-q", "-f", file)...); err != nil {
			t.Fatal(out)
		}
		if _, err := receipt.Signer(name, readFile(t, file)); err == nil || !strings.Contains(err.Error(), name) ||
			!strings.Contains(err.Error(), "ssh-keygen") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := receipt.Signer("x", []byte("nothing")); err == nil ||
		!strings.Contains(err.Error(), "ssh-keygen -t ed25519") {
		t.Errorf("got %v", err)
	}
	if _, err := receipt.Signers("x", []byte("nothing")); err == nil || !strings.Contains(err.Error(), "receipts.pub") {
		t.Errorf("got %v", err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func strip(armoured []byte) string { return strings.ReplaceAll(string(armoured), "\n", "") }
