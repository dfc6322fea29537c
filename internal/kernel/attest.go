package kernel

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// attest verifies the kernel's attestation: a JWT that dates the request and binds it to its repository, its
// installation and its token. Nothing else in a request is dated.
func (d *Delivery) attest(token, authToken string) error {
	claims, err := readJWT(token, d.opts.Key)
	if err != nil {
		return err
	}
	repo := d.payload.object("repository")
	sum := sha256.Sum256([]byte(authToken))
	for _, c := range []struct{ name, want string }{
		{"iss", "ubiquity-os-kernel"},
		{"aud", "ai.ubq.fi"},
		{"owner", repo.object("owner").str("login")},
		{"repo", repo.str("name")},
		{"state_id", d.StateID},
		{"auth_token_sha256", base64.RawURLEncoding.EncodeToString(sum[:])},
	} {
		if got, ok := asString(claims.get(c.name)); !ok || got != c.want {
			return refuse(StageAttestation, "the attestation's %s is not this request's", c.name)
		}
	}
	if numeral(claims.get("installation_id")) != numeral(d.payload.object("installation").get("id")) {
		return refuse(StageAttestation, "the attestation's installation_id is not this request's")
	}
	return d.fresh(claims.num("iat"), claims.num("exp"))
}

func (d *Delivery) fresh(iat, exp int64) error {
	issued, expires := time.Unix(iat, 0), time.Unix(exp, 0)
	switch {
	case iat <= 0 || exp <= iat:
		return refuse(StageAttestation, "the attestation has no valid times")
	case expires.Sub(issued) > hour:
		return refuse(StageAttestation, "the attestation lives longer than the kernel allows")
	case issued.After(d.opts.Now.Add(d.opts.Leeway)):
		return refuse(StageAttestation, "the attestation was issued in the future; is the clock right?")
	}
	deadline := expires
	if oldest := issued.Add(d.opts.MaxAge); d.opts.MaxAge > hour || oldest.Before(expires) {
		deadline = oldest
	}
	if d.opts.Now.After(deadline.Add(d.opts.Leeway)) {
		return refuse(StageAttestation, "the attestation expired; the request is old or replayed")
	}
	return nil
}

// readJWT verifies a compact RS256 token and returns its claims.
func readJWT(token string, key *rsa.PublicKey) (object, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, refuse(StageAttestation, "the attestation is not a token of three parts")
	}
	header, claims := jwtPart(parts[0]), jwtPart(parts[1])
	if header == nil || claims == nil {
		return nil, refuse(StageAttestation, "the attestation cannot be decoded")
	}
	if header.get("crit") != nil || header.str("alg") != "RS256" {
		return nil, refuse(StageAttestation, "the attestation is not signed with RS256")
	}
	sig, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) != nil {
		return nil, refuse(StageAttestation, "the attestation's signature does not match")
	}
	return claims, nil
}

func jwtPart(s string) object {
	text, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	o, _ := parseObject(text) // nil if it is none
	return o
}

// numeral is a JSON number as written; absent and null are alike.
func numeral(raw json.RawMessage) string {
	if raw == nil {
		return "null"
	}
	return string(raw)
}
