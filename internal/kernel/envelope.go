package kernel

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// signedFields are the fields under the signature, in signed order.
var signedFields = [...]string{"stateId", "eventName", "eventPayload", "settings", "authToken", "ubiquityKernelToken", "ref", "command"}

// optionalField may be absent, and is then absent from the signed text too.
const optionalField = "ubiquityKernelToken"

// An envelope is a request's fields as UTF-16 code units, which is what the kernel signed.
type envelope struct {
	units map[string][]uint16
	clean bool // every field is valid UTF-8
}

func readEnvelope(fields object) (envelope, error) {
	e := envelope{units: make(map[string][]uint16, len(signedFields)+1), clean: true}
	for _, name := range append(signedFields[:], "signature") {
		raw, ok := fields[name]
		if !ok && name == optionalField {
			continue
		}
		if !ok {
			return e, refuse(StageSchema, "%s is missing", name)
		}
		units, ok := unquote(raw)
		if !ok {
			return e, refuse(StageSchema, "%s is not a string", name)
		}
		e.units[name] = units
		e.clean = e.clean && utf8.Valid(raw)
	}
	if len(e.units["stateId"]) == 0 {
		return e, refuse(StageSchema, "stateId is empty")
	}
	return e, nil
}

func (e envelope) has(name string) bool { _, ok := e.units[name]; return ok }

// text is a field as a Go string; an unpaired surrogate becomes U+FFFD.
func (e envelope) text(name string) string { return string(utf16.Decode(e.units[name])) }

// signedText rebuilds the text that the kernel signed: JSON.stringify of the signed fields.
func (e envelope) signedText() []byte {
	text := []byte{'{'}
	for _, name := range signedFields {
		if !e.has(name) {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(text, '"')
		text = append(text, name...)
		text = append(text, `":`...)
		text = Quote(text, e.units[name])
	}
	return append(text, '}')
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
	sum := sha256.Sum256(e.signedText())
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) != nil {
		return refuse(StageSignature, "the signature does not match; either the request was changed or another key signed it")
	}
	return nil
}

// An object is a JSON object whose values are decoded when they are asked for. Names are case-sensitive, unlike
// those of a Go struct, and a value of an unexpected type reads as absent.
type object map[string]json.RawMessage

func (o object) object(name string) object {
	var v object
	if json.Unmarshal(o[name], &v) != nil {
		return nil
	}
	return v
}

func (o object) str(name string) string {
	var v string
	if json.Unmarshal(o[name], &v) != nil {
		return ""
	}
	return v
}

// num reads an integer, also one written as a string.
func (o object) num(name string) int64 {
	var n json.Number
	if json.Unmarshal(o[name], &n) != nil {
		return 0
	}
	v, err := n.Int64()
	if err != nil {
		return 0
	}
	return v
}

func (o object) list(name string) []json.RawMessage {
	var v []json.RawMessage
	if json.Unmarshal(o[name], &v) != nil {
		return nil
	}
	return v
}

func asString(raw json.RawMessage) (string, bool) {
	var v *string
	if json.Unmarshal(raw, &v) != nil || v == nil {
		return "", false
	}
	return *v, true
}
