package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
)

// A sealer encrypts tokens at rest. Each is bound to its notice, so that it cannot be moved to another.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	derived, err := hkdf.Key(sha256.New, key, nil, "daemon-hotfix: tokens at rest", 32)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(id, token string) string {
	if token == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nil, nil, []byte(token), []byte(id)))
}

// open returns the token, or an empty one if it was sealed with another key: the notice is still worth handling
// without it.
func (s sealer) open(id, sealed string) string {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || sealed == "" {
		return ""
	}
	token, err := s.aead.Open(nil, nil, raw, []byte(id))
	if err != nil {
		return ""
	}
	return string(token)
}
