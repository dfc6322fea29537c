package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var networking = regexp.MustCompile(`\bfetch\s*\(|\baxios\b|\bXMLHttpRequest\b|\bWebSocket\b|\bhttps?\.(?:request|get|Get|Post|NewRequest|Client)\b|\bnet\.(?:connect|createConnection|Dial\w*)|\bdgram\b|["'\x60]https?://`)

// riskNetwork: a fix that talks to somebody new can leak or hang.
func riskNetwork(s Subject) (hotfix.Risk, string) {
	return s.adds(hotfix.HighRisk, networking, "It adds a call over the network, in %s.")
}
