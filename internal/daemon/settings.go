package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// Settings are what an installation writes under `with:` in its UbiquityOS configuration. They narrow the
// operator's policy and never widen it. The manifest's schema is generated from this struct.
type Settings struct {
	Enabled             *bool      `json:"enabled,omitempty" jsonschema:"description=False switches the daemon off for this installation.,default=true"`
	Modes               []string   `json:"modes,omitempty" jsonschema:"description=How far it may go. Without pr it only keeps issues.,enum=issue,enum=pr"`
	RiskPolicy          RiskPolicy `json:"riskPolicy,omitzero" jsonschema:"description=Bounds on fixes."`
	IssueLabels         []string   `json:"issueLabels,omitempty" jsonschema:"description=Labels of the issues it opens."`
	Notify              []string   `json:"notify,omitempty" jsonschema:"description=GitHub logins to mention once in a new issue."`
	AllowlistRepos      []string   `json:"allowlistRepos,omitempty" jsonschema:"description=Repositories (owner/name) it may write to. Empty means all that the operator allows."`
	AllowWorkflowEvents bool       `json:"allowWorkflowEvents,omitempty" jsonschema:"description=The kernel passes failed workflow runs and checks on only if this is true."`
	MaxBodyChars        int        `json:"maxBodyChars,omitempty" jsonschema:"description=Longest issue body in characters.,default=60000,minimum=2000,maximum=60000"`
	DedupeWindowHours   int        `json:"dedupeWindowHours,omitempty" jsonschema:"description=Accepted and not used yet: a closed problem counts as the same one however late it comes back.,default=24,minimum=1"`
	ConfirmMinutes      int        `json:"confirmMinutes,omitempty" jsonschema:"description=Wait so long before an issue is opened for a failure that may pass by itself (network; 502 503 504; a rate limit). 0 opens it at once.,default=0,minimum=0"`
	StoreRawEvents      bool       `json:"storeRawEvents,omitempty" jsonschema:"description=Keep the whole payload of each delivery, redacted, as long as the delivery is remembered (30 days).,default=false"`
	SourceRepo          string     `json:"sourceRepo,omitempty" jsonschema:"description=Repository (owner/name) of the plugin's source. The kernel reads it."`
	SourceRef           string     `json:"sourceRef,omitempty" jsonschema:"description=Branch or tag of the plugin's source. The kernel reads it."`
}

// A RiskPolicy bounds what is done without a person.
type RiskPolicy struct {
	AutoMerge           bool     `json:"autoMerge,omitempty" jsonschema:"description=Fixes of low risk are proposed ready for review and GitHub is told to merge them once its required checks pass. The daemon itself never merges and the operator has to allow it too.,default=false"`
	MaxAutofixPerDay    *int     `json:"maxAutofixPerDay,omitempty" jsonschema:"description=Most attempts at fixes a day and repository.,default=3,minimum=0"`
	MaxOpenPullRequests *int     `json:"maxOpenPullRequests,omitempty" jsonschema:"description=Most proposed fixes that wait for review in a repository.,default=2,minimum=0"`
	MaxFiles            *int     `json:"maxFiles,omitempty" jsonschema:"description=Most files in a fix.,minimum=0"`
	MaxLines            *int     `json:"maxLines,omitempty" jsonschema:"description=Most changed lines in a fix, tests included.,minimum=0"`
	ProtectedPaths      []string `json:"protectedPaths,omitempty" jsonschema:"description=Paths that no fix may change: a directory that ends with a slash or a path or a pattern such as *.sql."`
	QuietHours          string   `json:"quietHours,omitempty" jsonschema:"description=Hours in which no fix is attempted unless a person asks: 22:00-06:30 or 22:00-06:30 Europe/Berlin."`
	FlakyTests          []string `json:"flakyTests,omitempty" jsonschema:"description=Names of tests that differ from run to run. They are left out of the proof and named in it."`
}

const maxBody = 60_000 // characters; GitHub refuses bodies over 65,536

// ParseSettings reads settings leniently: what cannot be read keeps its default and is named in a warning.
func ParseSettings(raw json.RawMessage) (Settings, []string) {
	s := Settings{MaxBodyChars: maxBody}
	var fields map[string]json.RawMessage
	if len(raw) == 0 || string(raw) == "null" {
		return s, nil
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return s, []string{"settings are not a JSON object; defaults are used"}
	}
	var warnings []string
	for name, value := range fields {
		one, _ := json.Marshal(map[string]json.RawMessage{name: value})
		next := s
		dec := json.NewDecoder(bytes.NewReader(one))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&next); err != nil {
			warnings = append(warnings, fmt.Sprintf("setting %q is not used: %s", name, strings.TrimPrefix(err.Error(), "json: ")))
			continue
		}
		s = next
	}
	if s.MaxBodyChars < 2000 || s.MaxBodyChars > maxBody {
		s.MaxBodyChars = maxBody
	}
	return s, warnings
}

// Narrow returns the policy with these settings applied; each of them can only take away.
func (s Settings) Narrow(p triage.Policy) triage.Policy {
	if s.Enabled != nil && !*s.Enabled {
		p.Off = "the installation's settings say enabled: false"
	}
	if len(s.Modes) > 0 && !contains(s.Modes, "pr") {
		p.NoFix = "the installation's settings do not list mode pr"
	}
	if len(s.AllowlistRepos) > 0 {
		var kept []hotfix.Repo
		for _, r := range p.Allow {
			for _, name := range s.AllowlistRepos {
				if strings.EqualFold(name, r.String()) {
					kept = append(kept, r)
				}
			}
		}
		p.Allow = kept
	}
	return s.RiskPolicy.narrow(p)
}

func (r RiskPolicy) narrow(p triage.Policy) triage.Policy {
	lower := func(bound *int, to *int) {
		if to != nil && *to < *bound {
			*bound = max(*to, 0)
		}
	}
	lower(&p.MaxFixesPerDay, r.MaxAutofixPerDay)
	lower(&p.MaxFiles, r.MaxFiles)
	lower(&p.MaxLines, r.MaxLines)
	if p.MaxOpen <= 0 {
		p.MaxOpen = triage.MaxOpen
	}
	lower(&p.MaxOpen, r.MaxOpenPullRequests)
	if p.MaxOpen == 0 {
		p.NoFix = "the installation's settings allow no open pull requests"
	}
	p.AutoMerge = p.AutoMerge && r.AutoMerge
	p.Protected = append(slices.Clone(p.Protected), r.ProtectedPaths...)
	p.Flaky = append(slices.Clone(p.Flaky), r.FlakyTests...)
	if r.QuietHours != "" {
		quiet, err := triage.ParseQuiet(r.QuietHours)
		if err != nil {
			p.NoFix = "the installation's quietHours cannot be read" // a bound that is not understood is kept in any case
		} else {
			p.Quiet = quiet
		}
	}
	return p
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if strings.EqualFold(s, want) {
			return true
		}
	}
	return false
}
