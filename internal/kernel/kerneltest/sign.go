// Package kerneltest is the kernel's side of the protocol: it signs requests and reports plugin failures as the real
// kernel does. Tests, the demo and `daemon-hotfix simulate` use it.
package kerneltest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
	"unicode/utf16"

	"github.com/andybalholm/brotli"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
)

// NewKey makes a throw-away key pair.
func NewKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // only a broken random source can cause this
	}
	return key
}

// PublicPEM is the public half of a key, as kernel.ParseKey reads it.
func PublicPEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err) // an RSA key always encodes
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// ParsePrivateKey reads an RSA private key from PEM.
func ParsePrivateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("parse private key: not a PEM block")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("parse private key: it is a %T; want an RSA key", parsed)
	}
	return key, nil
}

// Fields are the values of one request. Zero values are the kernel's own defaults.
type Fields struct {
	StateID  string // default: a new one
	Event    string // default: "kernel.plugin_error"
	Payload  any    // encoded as JSON; a json.RawMessage is sent as it is
	Settings any    // default: {}
	Token    string // default: "ghs_" and a few letters that no forge knows
	Ref      string // default: "https://hotfix.example"
	Command  any    // default: null

	Attestation string    // default: made for Now; "-" sends none, as older kernels do
	Now         time.Time // default: the present
}

func (f Fields) withDefaults() Fields {
	if f.StateID == "" {
		f.StateID = NewID()
	}
	if f.Event == "" {
		f.Event = "kernel.plugin_error"
	}
	if f.Settings == nil {
		f.Settings = struct{}{}
	}
	if f.Token == "" {
		f.Token = "ghs_simulated"
	}
	if f.Ref == "" {
		f.Ref = "https://hotfix.example"
	}
	if f.Now.IsZero() {
		f.Now = time.Now()
	}
	return f
}

// NewID returns a random UUID, like the kernel's state ids.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// A pair is one field of a body, in the order of the kernel.
type pair struct{ name, value string }

// Sign returns the body of a signed HTTP request, byte for byte as the kernel writes it.
func Sign(key *rsa.PrivateKey, f Fields) []byte {
	return object(signed(key, f.withDefaults()))
}

// SignWorkflow returns the event file of a workflow_dispatch run with the same request as its inputs.
func SignWorkflow(key *rsa.PrivateKey, f Fields) []byte {
	inputs := signed(key, f.withDefaults())
	inputs = append(inputs, pair{"kernelPublicKey", string(PublicPEM(key))})
	return fmt.Appendf(nil, `{"inputs":%s,"ref":"refs/heads/main","workflow":".github/workflows/compute.yml"}`, object(inputs))
}

func signed(key *rsa.PrivateKey, f Fields) []pair {
	payload := encode(f.Payload)
	pairs := []pair{{"stateId", f.StateID}, {"eventName", f.Event}, {"eventPayload", pack(payload)},
		{"settings", string(encode(f.Settings))}, {"authToken", f.Token}}
	if f.Attestation == "" {
		f.Attestation = Attest(key, f, payload)
	}
	if f.Attestation != "-" {
		pairs = append(pairs, pair{"ubiquityKernelToken", f.Attestation})
	}
	pairs = append(pairs, pair{"ref", f.Ref}, pair{"command", string(encode(f.Command))})
	return append(pairs, pair{"signature", base64.StdEncoding.EncodeToString(signature(key, object(pairs)))})
}

func signature(key *rsa.PrivateKey, text []byte) []byte {
	sum := sha256.Sum256(text)
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is too short for a digest; NewKey makes none such
	}
	return sig
}

// Attest makes the kernel's attestation for a request: it lives for an hour from f.Now.
func Attest(key *rsa.PrivateKey, f Fields, payload []byte) string {
	f = f.withDefaults()
	var p struct {
		Repository struct {
			Name  string
			Owner struct{ Login string }
		}
		Installation struct{ ID *int64 }
	}
	_ = json.Unmarshal(payload, &p) // a payload of another shape has no repository
	sum := sha256.Sum256([]byte(f.Token))
	claims := encode(map[string]any{"iss": "ubiquity-os-kernel", "aud": "ai.ubq.fi", "iat": f.Now.Unix(), "exp": f.Now.Add(time.Hour).Unix(),
		"jti": NewID(), "owner": p.Repository.Owner.Login, "repo": p.Repository.Name, "installation_id": p.Installation.ID,
		"auth_token_sha256": base64.RawURLEncoding.EncodeToString(sum[:]), "state_id": f.StateID})
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature(key, []byte(text)))
}

// object is JSON.stringify of pairs.
func object(pairs []pair) []byte {
	text := []byte{'{'}
	for i, p := range pairs {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, '"')
		text = append(text, p.name...)
		text = append(text, `":`...)
		text = kernel.Quote(text, utf16.Encode([]rune(p.value)))
	}
	return append(text, '}')
}

// encode is JSON without escapes for HTML.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("kerneltest: a payload, settings or command that is not JSON: %v", err))
	}
	return bytes.TrimSpace(buf.Bytes())
}

// pack is base64 of brotli.
func pack(text []byte) string {
	var buf bytes.Buffer
	w := brotli.NewWriterLevel(&buf, 5) // the kernel takes 11, which costs it 30 ms and unpacks to the same
	_, err := w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes())
}
