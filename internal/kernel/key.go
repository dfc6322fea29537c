package kernel

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// DefaultKey is the production kernel's public key, in PEM. Every plugin has it; other environments of the kernel
// have keys of their own.
const DefaultKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAs96DOU+JqM8SyNXOB6u3
uBKIFiyrcST/LZTYN6y7LeJlyCuGPqSDrWCfjU9Ph5PLf9TWiNmeM8DGaOpwEFC7
U3NRxOSglo4plnQ5zRwIHHXvxyK400sQP2oISXymISuBQWjEIqkC9DybQrKwNzf+
I0JHWPqmwMIw26UvVOtXGOOWBqTkk+N2+/9f8eDIJP5QQVwwszc8s1rXOsLMlVIf
wShw7GO4E2jyK8TSJKpyjV8eb1JJMDwFhPiRrtZfQJUtDf2mV/67shQww61BH2Y/
Pnlalo58kWIbkqZoq1yJrL5sFb73osM5+vADTXVn79bkvea7W19nSkdMiarYt4Hq
JQIDAQAB
-----END PUBLIC KEY-----`

func productionKey() *rsa.PublicKey {
	key, err := ParseKey([]byte(DefaultKey))
	if err != nil {
		panic(err) // the constant above is a valid key
	}
	return key
}

// ParseKey reads an RSA public key from PEM. A key from an environment variable may have its line breaks written as \n.
func ParseKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(strings.TrimSpace(strings.ReplaceAll(string(text), `\n`, "\n"))))
	if block == nil {
		return nil, errors.New(`parse kernel key: not a PEM block; want "-----BEGIN PUBLIC KEY-----"`)
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf(`parse kernel key: the PEM block is a %q; want a "PUBLIC KEY"`, block.Type)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse kernel key: %w", err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("parse kernel key: it is a %T; want an RSA key", parsed)
	}
	if key.N.BitLen() < 2048 {
		return nil, fmt.Errorf("parse kernel key: %d bits are too few; want 2048 or more", key.N.BitLen())
	}
	return key, nil
}
