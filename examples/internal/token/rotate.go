package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// The steps by which an operator changes keys without refusing a good token,
// each of them followed by a restart of the issuer: add, and wait five minutes
// until every [RemoteKeys] has seen the new key; use, and wait a token's life;
// drop.
const (
	StepAdd  = "add"  // a new key is published, and the old one signs
	StepUse  = "use"  // the newest key signs, and the others are published
	StepDrop = "drop" // the oldest key is forgotten
)

// ChangeKeys does one step on a key file, see [LoadKeys]. The file is replaced as
// a whole, readable by its owner alone. A process that runs goes on with the
// keys that it has.
func ChangeKeys(path, step string) error {
	if _, err := LoadKeys(path); err != nil { // looks at who may read it, too
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("token: key file: %w", err)
	}
	keys, err := parseKeys(data)
	if err != nil {
		return fmt.Errorf("token: key file %s: %w", path, err)
	}
	last := len(keys) - 1
	switch {
	case step != StepAdd && step != StepUse && step != StepDrop:
		return fmt.Errorf("token: %q is no step: %s, %s or %s", step, StepAdd, StepUse, StepDrop)
	case step == StepAdd && len(keys) == maxKeys:
		return fmt.Errorf("token: key file %s has %d keys; drop one", path, maxKeys)
	case step != StepAdd && last == 0:
		return errors.New("token: there is one key; add one")
	case step == StepAdd:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return fmt.Errorf("token: generate key: %w", err)
		}
		keys = append(keys, key)
	case step == StepUse:
		keys = slices.Insert(keys[:last:last], 0, keys[last])
	case step == StepDrop:
		keys = keys[:last]
	}
	if err := replaceKeys(path, keys); err != nil {
		return fmt.Errorf("token: replace key file: %w", err)
	}
	return nil
}

func replaceKeys(path string, keys []ed25519.PrivateKey) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has another name by then, or its error is known
	err = writeKeys(f, keys)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func writeKeys(f *os.File, keys []ed25519.PrivateKey) error {
	for _, key := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		if err := pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
			return err
		}
	}
	return nil
}
