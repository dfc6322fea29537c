package hotfix

import (
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Remark is what somebody said about a pull request.
type Remark struct {
	ID   string // "comment:12", "line:34" for one on a line, "review:56"
	By   string
	Body redact.Text
	Path string // of a remark on a line
	Line int
	At   time.Time
}

// A Check is one that did not pass.
type Check struct {
	Name, Conclusion string
	Summary          redact.Text
}
