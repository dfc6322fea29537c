package main

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// aCredential is the name of a variable that holds one, whoever uses it.
var aCredential = regexp.MustCompile(`(?i)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS|[_-]KEY|^KEY)$`)

// knowEnvironment makes known what this process could give away, also what it does not use itself, so that no text that
// repeats it is stored, logged or published.
func knowEnvironment(environ []string) {
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if aCredential.MatchString(name) && !strings.HasSuffix(name, "PUBLIC_KEY") {
			redact.NewSecret(value)
		}
		if u, err := url.Parse(value); err == nil && u.User != nil { // a database, a proxy, a collector
			if password, ok := u.User.Password(); ok {
				redact.NewSecret(password)
			}
		}
	}
}

// secretKey reads the key in file, or makes one. It signs our markers and seals stored tokens: with another
// key the daemon does not recognise its own issues.
func secretKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		err = os.WriteFile(file, key, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("--data: %s should hold 32 bytes and holds %d; restore it from a backup", file, len(key))
	}
	redact.NewSecret(string(key))
	return key, nil
}

// kernelKey reads the kernel's public key from file, else from KERNEL_PUBLIC_KEY, else takes the production kernel's.
func kernelKey(file string) (*rsa.PublicKey, error) {
	if file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("--public-key: %w", err)
		}
		key, err := kernel.ParseKey(pem)
		if err != nil {
			return nil, fmt.Errorf("--public-key: %w", err)
		}
		return key, nil
	}
	if pem := os.Getenv("KERNEL_PUBLIC_KEY"); pem != "" {
		key, err := kernel.ParseKey([]byte(pem))
		if err != nil {
			return nil, fmt.Errorf("KERNEL_PUBLIC_KEY: %w", err)
		}
		return key, nil
	}
	return kernel.ParseKey([]byte(kernel.DefaultKey))
}
