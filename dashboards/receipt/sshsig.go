package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Namespace keeps the signature of a receipt from being valid for anything else: the
// -n of ssh-keygen -Y.
const Namespace = "statline-receipt"

// The form of OpenSSH's signatures: PROTOCOL.sshsig in its sources.
const (
	sigMagic = "SSHSIG"
	sigBlock = "SSH SIGNATURE"
	sigHash  = "sha512"
)

type sshsig struct {
	Version                            uint32
	PublicKey                          []byte
	Namespace, Reserved, HashAlgorithm string
	Signature                          []byte
}

// sealed is the text that is signed.
func sealed(text []byte) []byte {
	sum := sha512.Sum512(text)
	return append([]byte(sigMagic), ssh.Marshal(struct {
		Namespace, Reserved, HashAlgorithm string
		Hash                               []byte
	}{Namespace, "", sigHash, sum[:]})...)
}

// Signer reads a private key file of OpenSSH. It accepts Ed25519 keys, whose
// signatures are the same bytes each time.
func Signer(path string, file []byte) (ssh.Signer, error) {
	s, err := ssh.ParsePrivateKey(file)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil,
			fmt.Errorf("sign with %s: the key has a passphrase; take one without (ssh-keygen -t ed25519 -N '' -f receipts),"+
				" or sign the files yourself: ssh-keygen -Y sign -n %s -f %s FILE", path, Namespace, path)
	case err != nil:
		return nil, fmt.Errorf("sign with %s: want a private key of OpenSSH (ssh-keygen -t ed25519 -f receipts): %w",
			path, err)
	case s.PublicKey().Type() != ssh.KeyAlgoED25519:
		return nil,
			fmt.Errorf("sign with %s: got a key of type %s; want an Ed25519 key: ssh-keygen -t ed25519 -f receipts",
				path, s.PublicKey().Type())
	}
	return s, nil
}

// Sign is the signature of a text as ssh-keygen -Y sign writes it.
func Sign(s ssh.Signer, text []byte) ([]byte, error) {
	signature, err := s.Sign(nil, sealed(text)) // Ed25519 takes no randomness
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	body := append([]byte(sigMagic), ssh.Marshal(sshsig{1, s.PublicKey().Marshal(), Namespace, "", sigHash,
		ssh.Marshal(signature)})...)
	return pem.EncodeToMemory(&pem.Block{Type: sigBlock, Bytes: body}), nil
}

// Check returns who signed a text. It fails when the signature is not of this text, or
// not of a receipt.
func Check(text, signature []byte) (ssh.PublicKey, error) {
	block, _ := pem.Decode(signature)
	if block == nil || block.Type != sigBlock {
		return nil, errors.New("got no signature of OpenSSH (BEGIN SSH SIGNATURE)")
	}
	body, ok := bytes.CutPrefix(block.Bytes, []byte(sigMagic))
	var sig sshsig
	if err := ssh.Unmarshal(body, &sig); !ok || err != nil || sig.Version != 1 {
		return nil, fmt.Errorf("the signature cannot be read: %w",
			errors.Join(err, errors.New("want version 1 of OpenSSH's form")))
	}
	if sig.Namespace != Namespace || sig.HashAlgorithm != sigHash {
		return nil, fmt.Errorf("the signature is for %q with %q; want %q with %q", sig.Namespace, sig.HashAlgorithm,
			Namespace, sigHash)
	}
	public, err := ssh.ParsePublicKey(sig.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("the signature's key cannot be read: %w", err)
	}
	var inner ssh.Signature
	if err := ssh.Unmarshal(sig.Signature, &inner); err != nil {
		return nil, fmt.Errorf("the signature cannot be read: %w", err)
	}
	if public.Type() != ssh.KeyAlgoED25519 || len(inner.Blob) != ed25519.SignatureSize {
		return nil, fmt.Errorf("the signature is by a key of type %s; want an Ed25519 key", public.Type())
	}
	if err := public.Verify(sealed(text), &inner); err != nil {
		return nil,
			errors.New("the signature is not of this text: a character of it was changed, or the signature is of another file")
	}
	return public, nil
}

// CheckBy is Check for known keys; by is the fingerprint of the one that signed.
func CheckBy(known []ssh.PublicKey, text, signature []byte) (by string, err error) {
	public, err := Check(text, signature)
	if err != nil {
		return "", err
	}
	by = ssh.FingerprintSHA256(public)
	for _, k := range known {
		if bytes.Equal(k.Marshal(), public.Marshal()) {
			return by, nil
		}
	}
	return by, fmt.Errorf("it is signed by another key, %s", by)
}

// Signers reads the public keys of a file, one a line, as ssh-keygen writes NAME.pub.
func Signers(path string, file []byte) (all []ssh.PublicKey, err error) {
	for len(bytes.TrimSpace(file)) > 0 {
		key, _, _, rest, err := ssh.ParseAuthorizedKey(file)
		if err != nil {
			break
		}
		all, file = append(all, key), rest
	}
	if len(all) == 0 {
		return nil,
			fmt.Errorf("signer %s: it holds no public key; want the file that ssh-keygen wrote beside the private key, such as receipts.pub", path)
	}
	return all, nil
}
