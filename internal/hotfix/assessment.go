package hotfix

import (
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An Assessment is how risky a proven patch is, and why.
type Assessment struct {
	Tier    Risk         `json:"tier"`
	Wrong   float64      `json:"wrong"`   // calibrated probability that the fix is wrong
	Signals []RiskSignal `json:"signals"` // those that spoke
}

// A RiskSignal is a rule that spoke against a patch. A firm one sets the least tier.
type RiskSignal struct {
	Rule    string `json:"rule"`
	Level   Risk   `json:"level"`
	Because string `json:"because"`
	Firm    bool   `json:"firm,omitempty"`
}

// Terrain is what the repository around a patch looks like, by changed file.
type Terrain struct {
	Importers map[string]int           `json:"importers,omitempty"` // files that import it
	Changes   map[string]int           `json:"changes,omitempty"`   // how many of the latest commits changed it
	Age       map[string]time.Duration `json:"age,omitempty"`       // of the youngest line that the patch removes
	Forbids   *Reason                  `json:"forbids,omitempty"`   // why the repository wants no proposals by machines
}

// An Opinion is what a second model says of a patch. It can raise the risk and never lower it.
type Opinion struct {
	Level   Risk        `json:"level"`
	Because redact.Text `json:"because"`
}
