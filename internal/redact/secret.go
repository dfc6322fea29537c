package redact

import "log/slog"

// A Secret is a credential. However it is printed, logged or encoded, it reads "[secret]".
type Secret struct{ s string }

const hidden = "[secret]"

// NewSecret wraps a credential and makes its value known, so that Scrub masks it wherever it turns up.
func NewSecret(s string) Secret {
	know(s)
	return Secret{s}
}

// StoredSecret wraps a credential that was a Secret before. Its value is known from when it is revealed, since until then
// nothing can show it.
func StoredSecret(s string) Secret { return Secret{s} }

// Reveal returns the credential itself. Call it only where the credential is used.
func (s Secret) Reveal() string {
	know(s.s)
	return s.s
}

// Seal hands the credential to seal and returns what that made of it. Nobody can read what is sealed, so the value does not
// become known by it.
func (s Secret) Seal(seal func(string) string) string { return seal(s.s) }

// Empty reports whether there is no credential.
func (s Secret) Empty() bool { return s.s == "" }

// String returns "[secret]".
func (s Secret) String() string { return hidden }

// GoString returns "[secret]".
func (s Secret) GoString() string { return hidden }

// LogValue returns "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "[secret]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
