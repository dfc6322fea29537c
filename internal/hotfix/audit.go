package hotfix

import (
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An AuditLine is one thing that a person asked of the daemon about a case.
type AuditLine struct {
	Comment string      `json:"comment"` // id of the comment that asked
	Actor   string      `json:"actor"`
	Verb    string      `json:"verb"`
	Args    redact.Text `json:"args"`
	At      time.Time   `json:"at"`
	Inverse string      `json:"inverse"`         // the verb that undoes it; "" for what changed nothing
	Answer  string      `json:"answer"`          // name of the text that answered
	Wrong   string      `json:"wrong,omitempty"` // why nothing was done
	Was     State       `json:"was"`             // the case's state before
}

// How many lines a case keeps of what changed it, and of what did not: questions, refusals and mistakes. They are
// two lists, so that whoever may only ask cannot push out who changed what.
const (
	auditMax = 100
	askedMax = 30
)

// Note adds a line to the case's record.
func (c *Case) Note(l AuditLine) {
	if l.Inverse == "" {
		c.Asked = noted(c.Asked, l, askedMax)
	} else {
		c.Audit = noted(c.Audit, l, auditMax)
	}
}

func noted(list []AuditLine, l AuditLine, most int) []AuditLine {
	list = append(list, l)
	if n := len(list) - most; n > 0 {
		list = append([]AuditLine(nil), list[n:]...)
	}
	return list
}

// Noted returns the line that the comment with this id led to, nil if it led to none.
func (c *Case) Noted(comment string) *AuditLine {
	for _, list := range [][]AuditLine{c.Audit, c.Asked} {
		for i := range list {
			if list[i].Comment == comment {
				return &list[i]
			}
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
