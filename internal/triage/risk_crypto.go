package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskCryptoFiles = regexp.MustCompile(`(?i)(?:^|[/._-])(?:crypt\w*|cipher|hash(?:ing)?|hmac|sign(?:ature|ing|er)?|verify|keys?|keyring|tls|x509|rsa|ed25519)(?:[/._-]|$)`)

// riskCrypto: changes to cryptography want a second look.
func riskCrypto(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.MediumRisk, riskCryptoFiles, "It changes %s, which belongs to cryptography.")
}
