package triage

import (
	"fmt"
	"net/http"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// transient: what a retry would cure is no bug in the plugin.
func transient(_ Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	switch c.Latest.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return hotfix.MediumRisk, fmt.Sprintf("Status %d says that the plugin's host was away; that usually passes and is not in the plugin's code.", c.Latest.Status)
	case http.StatusTooManyRequests:
		return hotfix.MediumRisk, "A rate limit was reached; that passes."
	}
	switch Classify(c.Latest) {
	case hotfix.ClassNetwork:
		return hotfix.MediumRisk, "The network failed; that usually passes and is not in the plugin's code."
	case hotfix.ClassTimeout:
		return hotfix.MediumRisk, "It took too long; once is usually the load of a machine and not the plugin's code."
	}
	return 0, ""
}
