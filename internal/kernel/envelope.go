package kernel

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// signedFields are the fields under the signature, in signed order.
var signedFields = [...]string{"stateId", "eventName", "eventPayload", "settings", "authToken", "ubiquityKernelToken", "ref", "command"}

// optionalField may be absent, and is then absent from the signed text too.
const optionalField = "ubiquityKernelToken"

// An envelope is a request's fields, each also as the kernel spelled it when it signed.
type envelope struct {
	fields map[string]field
	clean  bool // every field is valid UTF-8
}

// A field is one value of a request.
type field struct {
	text   string // an unpaired surrogate is U+FFFD
	quoted []byte // as JSON.stringify writes it
}

func readEnvelope(fields object) (envelope, error) {
	e := envelope{fields: make(map[string]field, len(signedFields)+1), clean: true}
	for _, name := range append(signedFields[:], "signature") {
		raw := fields.get(name)
		if raw == nil && name == optionalField {
			continue
		}
		if raw == nil {
			return e, refuse(StageSchema, "%s is missing", name)
		}
		f, ok := readField(raw)
		if !ok {
			return e, refuse(StageSchema, "%s is not a string", name)
		}
		e.fields[name] = f
		e.clean = e.clean && utf8.Valid(raw)
	}
	if e.text("stateId") == "" {
		return e, refuse(StageSchema, "stateId is empty")
	}
	return e, nil
}

// readField reads a JSON string. Most are spelled as JSON.stringify spells them; of any other the UTF-16 code units
// are what the kernel signed.
func readField(raw []byte) (field, bool) {
	if stringified(raw) {
		text, ok := asString(raw)
		return field{text, raw}, ok
	}
	units, ok := unquote(raw)
	if !ok {
		return field{}, false
	}
	return field{string(utf16.Decode(units)), Quote(make([]byte, 0, len(raw)), units)}, true
}

func (e envelope) has(name string) bool { _, ok := e.fields[name]; return ok }

func (e envelope) text(name string) string { return e.fields[name].text }

// writeSigned writes the text that the kernel signed: JSON.stringify of the signed fields.
func (e envelope) writeSigned(to io.Writer) {
	before := `{"`
	for _, name := range signedFields {
		if f, ok := e.fields[name]; ok {
			_, _ = io.WriteString(to, before+name+`":`) // a hash, or a buffer, takes everything
			_, _ = to.Write(f.quoted)
			before = `,"`
		}
	}
	_, _ = io.WriteString(to, "}")
}

// verify checks the signature: RSASSA-PKCS1-v1_5 over SHA-256, in standard base64.
func (e envelope) verify(key *rsa.PublicKey) error {
	if !e.clean {
		return refuse(StageSignature, "the request is not valid UTF-8, so the kernel cannot have signed it")
	}
	given := e.text("signature")
	sig, err := base64.StdEncoding.Strict().DecodeString(given)
	if err != nil || base64.StdEncoding.EncodeToString(sig) != given { // the decoder skips line breaks
		return refuse(StageSignature, "the signature is not base64")
	}
	sum := sha256.New()
	e.writeSigned(sum)
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum.Sum(nil), sig) != nil {
		return refuse(StageSignature, "the signature does not match; either the request was changed or another key signed it")
	}
	return nil
}
