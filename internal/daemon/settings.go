package daemon

import (
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// Settings are what an installation writes under `with:` in its UbiquityOS configuration. They narrow the
// operator's policy and never widen it. The manifest's schema is generated from this struct.
type Settings struct {
	Enabled             *bool      `json:"enabled,omitempty" jsonschema:"default=true" jsonschema_description:"False switches the daemon off for this installation."`
	Modes               []string   `json:"modes,omitempty" jsonschema:"enum=issue,enum=pr" jsonschema_description:"How far it may go. Without pr it only keeps issues."`
	RiskPolicy          RiskPolicy `json:"riskPolicy,omitzero" jsonschema_description:"Bounds on fixes."`
	IssueLabels         []string   `json:"issueLabels,omitempty" jsonschema_description:"Labels of the issues it opens."`
	Notify              []string   `json:"notify,omitempty" jsonschema_description:"GitHub logins to mention once in a new issue."`
	AllowlistRepos      []string   `json:"allowlistRepos,omitempty" jsonschema_description:"Repositories (owner/name) it may write to. Empty means all that the operator allows."`
	AllowWorkflowEvents bool       `json:"allowWorkflowEvents,omitempty" jsonschema_description:"The kernel passes failed workflow runs and checks on only if this is true."`
	MaxBodyChars        int        `json:"maxBodyChars,omitempty" jsonschema:"default=60000,minimum=2000,maximum=60000" jsonschema_description:"Longest issue body in characters."`
	DedupeWindowHours   int        `json:"dedupeWindowHours,omitempty" jsonschema:"default=2160,minimum=1" jsonschema_description:"How long a closed issue is opened again when its problem comes back. Later the problem gets a new issue that names the old one, except where a fix was merged. What was closed as not planned stays closed."`
	ConfirmMinutes      int        `json:"confirmMinutes,omitempty" jsonschema:"default=0,minimum=0" jsonschema_description:"Wait so long before an issue is opened for a failure that may pass by itself: the network, 502, 503, 504, a rate limit. 0 opens it at once."`
	StoreRawEvents      bool       `json:"storeRawEvents,omitempty" jsonschema:"default=false" jsonschema_description:"Keep the whole payload of each delivery, redacted."`
	RawEventDays        int        `json:"rawEventDays,omitempty" jsonschema:"default=7,minimum=1" jsonschema_description:"How many days a payload that was kept is remembered, at most as long as its delivery."`
	Model               string     `json:"model,omitempty" jsonschema_description:"The one model that may work on this installation's code. If the operator runs another one, nothing is fixed."`
	Budget              Budget     `json:"budget,omitzero" jsonschema_description:"Bounds on one attempt at a fix. Each can only lower the operator's."`
	Commands            Commands   `json:"commands,omitzero" jsonschema_description:"Commands of the plugin's repository, where what is found out does not fit. They run in the sandbox like any other."`
	SourceRepo          string     `json:"sourceRepo,omitempty" jsonschema_description:"Repository (owner/name) of the plugin's source. The kernel reads it."`
	SourceRef           string     `json:"sourceRef,omitempty" jsonschema_description:"Branch or tag of the plugin's source. The kernel reads it."`

	unread []string // bounds that could not be read
}

// A RiskPolicy bounds what is done without a person.
type RiskPolicy struct {
	AutoMerge           bool     `json:"autoMerge,omitempty" jsonschema:"default=false" jsonschema_description:"Fixes of low risk are proposed ready for review, and GitHub is told to merge them once its required checks pass. The daemon itself never merges, and the operator has to allow it too."`
	MaxAutofixPerDay    *int     `json:"maxAutofixPerDay,omitempty" jsonschema:"default=3,minimum=0" jsonschema_description:"Most attempts at fixes a day and repository."`
	MaxOpenPullRequests *int     `json:"maxOpenPullRequests,omitempty" jsonschema:"default=2,minimum=0" jsonschema_description:"Most proposed fixes that wait for review in a repository."`
	MaxFiles            *int     `json:"maxFiles,omitempty" jsonschema:"minimum=0" jsonschema_description:"Most files in a fix."`
	MaxLines            *int     `json:"maxLines,omitempty" jsonschema:"minimum=0" jsonschema_description:"Most changed lines in a fix, tests included."`
	ProtectedPaths      []string `json:"protectedPaths,omitempty" jsonschema_description:"Paths that no fix may change: a directory that ends with a slash, a path, or a pattern such as *.sql."`
	QuietHours          string   `json:"quietHours,omitempty" jsonschema_description:"Hours in which no fix is attempted unless a person asks: 22:00-06:30 or 22:00-06:30 Europe/Berlin."`
	FlakyTests          []string `json:"flakyTests,omitempty" jsonschema_description:"Names of tests that differ from run to run. They are left out of the proof and named in it."`
}

// A Budget bounds one attempt at a fix. A field that is zero leaves the operator's bound.
type Budget struct {
	Steps   int     `json:"steps,omitempty" jsonschema:"minimum=1" jsonschema_description:"Most questions to the model."`
	Tokens  int     `json:"tokens,omitempty" jsonschema:"minimum=1" jsonschema_description:"Most tokens."`
	Minutes int     `json:"minutes,omitempty" jsonschema:"minimum=1" jsonschema_description:"Longest time in minutes."`
	Dollars float64 `json:"dollars,omitempty" jsonschema_description:"Most money in dollars where the model's price is known."`
}

// Commands say how a repository is installed and tested. An empty one is found out.
type Commands struct {
	Install string `json:"install,omitempty" jsonschema:"maxLength=400" jsonschema_description:"Fetches the dependencies, from the usual registries of the ecosystem only: npm ci --workspace api."`
	Test    string `json:"test,omitempty" jsonschema:"maxLength=400" jsonschema_description:"Runs all tests: npx vitest run --project unit. For Go, Python and Deno it may hold {file}, the test file to run or nothing for all, and is judged by its exit status."`
}

// Window is how long a closed issue is opened again.
func (s Settings) Window() time.Duration { return time.Duration(s.DedupeWindowHours) * time.Hour }

const windowHours = 90 * 24 // as long as the longest silence after which a problem is taken to be over

const maxBody = 60_000 // characters; GitHub refuses bodies over 65,536

// Narrow returns the policy with these settings applied; each of them can only take away.
func (s Settings) Narrow(p triage.Policy) triage.Policy {
	if s.Enabled != nil && !*s.Enabled {
		p.Off = "the installation's settings say enabled: false"
	}
	for _, name := range s.unread {
		if name == "enabled" || name == "allowlistRepos" {
			p.Off = "the setting " + name + " cannot be read"
		}
		p.NoFix = "the setting " + name + " cannot be read"
	}
	if len(s.Modes) > 0 && !contains(s.Modes, "pr") {
		p.NoFix = "the installation's settings do not list mode pr"
	}
	if len(s.AllowlistRepos) > 0 {
		p.Allow = both(p.Allow, s.AllowlistRepos)
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

// both keeps what the operator allows and the list names. Either may say owner/* for all of an owner's repositories.
func both(allow []hotfix.Repo, names []string) []hotfix.Repo {
	var kept []hotfix.Repo
	for _, name := range names {
		want, err := hotfix.ParseRepo(name)
		if err != nil {
			continue // warned of when it was read
		}
		for _, have := range allow {
			switch {
			case !strings.EqualFold(have.Owner, want.Owner):
			case have.Is(want), have.Name == "*":
				kept = append(kept, want)
			case want.Name == "*":
				kept = append(kept, have)
			}
		}
	}
	return kept
}

// within is the operator's budget with these bounds; each of them can only take away.
func (b Budget) within(of agent.Budget) agent.Budget {
	of.Steps = lower(of.Steps, b.Steps)
	of.Tokens = lower(of.Tokens, b.Tokens)
	of.Wall = lower(of.Wall, time.Duration(b.Minutes)*time.Minute)
	of.Money = lower(of.Money, b.Dollars)
	return of
}

// lower is the smaller of two bounds, of which zero is none.
func lower[T int | float64 | time.Duration](have, want T) T {
	if want > 0 && (have == 0 || want < have) {
		return want
	}
	return have
}

func contains(list []string, want string) bool {
	for _, s := range list {
		if strings.EqualFold(s, want) {
			return true
		}
	}
	return false
}
