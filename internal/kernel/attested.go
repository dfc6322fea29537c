package kernel

import (
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Attested is what an attestation is about: the repository and the installation that the kernel vouched for. It is not
// verified here; Open has done so.
func Attested(attestation redact.Secret) (owner, repo, installation string) {
	claims := claimsOf(attestation)
	if installation = numeral(claims.get("installation_id")); installation == "null" {
		installation = ""
	}
	return claims.str("owner"), claims.str("repo"), installation
}

// claimsOf is what an attestation says. It is not verified here.
func claimsOf(attestation redact.Secret) object {
	parts := strings.Split(attestation.Reveal(), ".")
	return jwtPart(parts[min(1, len(parts)-1)])
}
