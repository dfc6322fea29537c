package prompts

import "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"

// An Opinion is what the prompt "opinion" is filled in with. All of it comes from outside.
type Opinion struct {
	Message redact.Text // of the failure
	Stack   redact.Text
	Diff    redact.Text // of the patch
}
