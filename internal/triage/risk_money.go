package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskMoneyFiles = regexp.MustCompile(`(?i)(?:^|[/._-])(?:pay\w*|permits?|rewards?|wallets?|billing|invoices?|price|pricing|amounts?|balance|erc20|payout|treasury|stripe)(?:[/._-]|$)`)

// riskMoney: changes to payments or permits want a second look.
func riskMoney(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.MediumRisk, riskMoneyFiles, "It changes %s, which belongs to payments or permits.")
}
