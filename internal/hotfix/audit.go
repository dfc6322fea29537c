package hotfix

import (
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An AuditLine is one thing that a person had the daemon do with a case.
type AuditLine struct {
	Comment string      `json:"comment"` // id of the comment that asked
	Actor   string      `json:"actor"`
	Verb    string      `json:"verb"`
	Args    redact.Text `json:"args"`
	At      time.Time   `json:"at"`
	Inverse string      `json:"inverse"` // the verb that undoes it
	Answer  string      `json:"answer"`  // name of the text that answered
	Was     State       `json:"was"`     // the case's state before
}

// auditMax bounds how many lines a case keeps.
const auditMax = 100

// Note adds a line to the case's record.
func (c *Case) Note(l AuditLine) {
	c.Audit = append(c.Audit, l)
	if n := len(c.Audit) - auditMax; n > 0 {
		c.Audit = append([]AuditLine(nil), c.Audit[n:]...)
	}
}

// Noted returns the line that the comment with this id led to, nil if it led to none.
func (c *Case) Noted(comment string) *AuditLine {
	for i := range c.Audit {
		if c.Audit[i].Comment == comment {
			return &c.Audit[i]
		}
	}
	return nil
}

// A Snooze is for how long a case is counted in silence. One of its bounds is set.
type Snooze struct {
	By      string    `json:"by"`
	Until   time.Time `json:"until,omitzero"`
	Version string    `json:"version,omitempty"` // until the plugin fails at this ref
	Count   int       `json:"count,omitempty"`   // until the case has been seen this often
}
