package token

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/go-jose/go-jose/v4"
)

// maxKeys bounds a key set: the current key, some old and some to come.
const maxKeys = 16

// KeySet finds public keys by their id. Key returns [ErrUnknownKey] if there is
// no such key and [ErrUnavailable] if that cannot be known now. It is called
// concurrently.
type KeySet interface {
	Key(ctx context.Context, id string) (ed25519.PublicKey, error)
}

// Keys are the private keys of an issuer. The first one signs; all of them are
// published, and verify. [ChangeKeys] changes them step by step.
//
// Keys never change and may be used concurrently.
type Keys struct {
	signer jose.JSONWebKey
	public map[string]ed25519.PublicKey
	set    []byte
}

// GenerateKeys returns one new key that is not stored anywhere: every token
// ends with the process.
func GenerateKeys() (*Keys, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("token: generate key: %w", err)
	}
	return newKeys([]ed25519.PrivateKey{key})
}

func newKeys(private []ed25519.PrivateKey) (*Keys, error) {
	k := &Keys{public: make(map[string]ed25519.PublicKey, len(private))}
	var set jose.JSONWebKeySet
	for i, key := range private {
		public := key.Public().(ed25519.PublicKey)
		id, err := keyID(public)
		if err != nil {
			return nil, err
		}
		if k.public[id] != nil {
			return nil, errors.New("token: the same key twice")
		}
		k.public[id] = public
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: public, KeyID: id, Algorithm: string(jose.EdDSA), Use: "sig"})
		if i == 0 {
			k.signer = jose.JSONWebKey{Key: key, KeyID: id}
		}
	}
	var err error
	if k.set, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("token: encode key set: %w", err)
	}
	return k, nil
}

// keyID is the thumbprint of RFC 7638: the id follows from the key, so that no
// two keys can be confused by name.
func keyID(public ed25519.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("token: thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Key implements [KeySet].
func (k *Keys) Key(_ context.Context, id string) (ed25519.PublicKey, error) {
	if key, ok := k.public[id]; ok {
		return key, nil
	}
	return nil, ErrUnknownKey
}

// JWKS returns the public keys as a JWK Set (RFC 7517, section 5), ready to be
// served. The caller owns the slice.
func (k *Keys) JWKS() []byte { return bytes.Clone(k.set) }

// LoadKeys reads Ed25519 keys from a file of one or more PKCS #8 "PRIVATE KEY"
// blocks in PEM, as openssl genpkey writes them. A file that others than its
// owner may read is refused, where the system has such permissions.
func LoadKeys(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("token: key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("token: key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("token: key file %s: others may read it (mode %04o): chmod 600", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("token: key file: %w", err)
	}
	private, err := parseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("token: key file %s: %w", path, err)
	}
	return newKeys(private)
}

func parseKeys(data []byte) ([]ed25519.PrivateKey, error) {
	var private []ed25519.PrivateKey
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "PRIVATE KEY" {
			return nil, fmt.Errorf("holds a %q block, want PRIVATE KEY", block.Type)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a block that is not PKCS #8")
		}
		key, ok := parsed.(ed25519.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("holds a %T, want Ed25519", parsed)
		}
		private = append(private, key)
	}
	if len(private) == 0 || len(private) > maxKeys || len(bytes.TrimSpace(data)) > 0 {
		return nil, fmt.Errorf("must hold 1 to %d PEM blocks and nothing else", maxKeys)
	}
	return private, nil
}

// LoadOrCreateKeys is [LoadKeys], but if there is no file it creates one with a
// new key, readable by its owner alone. Several processes may do so at once:
// all of them end up with the same key.
func LoadOrCreateKeys(path string) (*Keys, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("token: create key file: %w", err)
		}
	}
	return LoadKeys(path)
}

// createKey writes a key beside path and links it there: the file is never
// seen half-written, and is not replaced if somebody else was first.
func createKey(path string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = writeKeys(f, []ed25519.PrivateKey{key})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
