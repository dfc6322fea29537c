package hotfix

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Proof is evidence as a file that goes with a pull request: enough to gather it anew elsewhere and to compare. It
// holds no output of tests, only what they came to. It stands in the pull request's body, because a file would be
// one more thing in the repository and a git note would need a second push that most clones never see.
type Proof struct {
	Version int      `json:"version"`
	Repo    string   `json:"repo"`
	Base    string   `json:"base"`
	Case    string   `json:"case"`
	SHA256  string   `json:"sha256"`         // of the diff
	Diff    string   `json:"diff,omitempty"` // left out when it is long; the branch has it
	Tests   []string `json:"tests"`          // test files that the patch adds or changes
	Command string   `json:"command"`        // that runs all tests
	Reports string   `json:"reports"`        // what the failure said

	Before    []Tally        `json:"before"`
	After     []Tally        `json:"after"`
	Unfixed   []Tally        `json:"unfixed"`
	BaseSuite *Tally         `json:"base_suite"`
	Suite     *Tally         `json:"suite"`
	Shown     []string       `json:"shown"`
	Flaky     []string       `json:"flaky,omitempty"`
	Lines     *Coverage      `json:"lines,omitempty"`
	Dropped   []string       `json:"dropped,omitempty"`
	Origin    *Origin        `json:"origin,omitempty"`
	Tier      string         `json:"tier,omitempty"`
	Wrong     float64        `json:"wrong,omitempty"`
	Signals   map[string]int `json:"signals,omitempty"` // level by rule
}

// A Tally is what one run of tests came to.
type Tally struct {
	Passed bool   `json:"passed"`
	Exit   int    `json:"exit"`
	Pass   int    `json:"pass"`
	Fail   int    `json:"fail"`
	Skip   int    `json:"skip"`
	Cause  string `json:"cause,omitempty"`
}

// Tallied counts the results of a run.
func Tallied(r TestRun) Tally {
	t := Tally{Passed: r.Passed, Exit: r.Exit, Cause: r.Cause}
	for _, one := range r.Tests {
		switch one.Status {
		case "pass":
			t.Pass++
		case "fail":
			t.Fail++
		default:
			t.Skip++
		}
	}
	return t
}

// diffMax is how long a diff a proof holds. The body of a pull request has 65,536 characters for everything.
const diffMax = 16_000

// NewProof writes the evidence for a patch down. reported is what the failure said.
func NewProof(repo Repo, fp Fingerprint, p Patch, e Evidence, a *Assessment, reported string) Proof {
	sum := sha256.Sum256([]byte(p.Diff))
	out := Proof{Version: 1, Repo: repo.String(), Base: p.Base, Case: string(fp), SHA256: hex.EncodeToString(sum[:]), Reports: reported,
		Shown: e.Shown, Flaky: e.Flaky, Lines: e.Lines, Dropped: e.Dropped, Origin: e.Origin,
		Before: tallies(e.Before), After: tallies(e.After), Unfixed: tallies(e.Unfixed)}
	if len(p.Diff) <= diffMax {
		out.Diff = p.Diff
	}
	for _, f := range p.Files {
		if f.Test && !f.Deleted {
			out.Tests = append(out.Tests, f.Path)
		}
	}
	if e.Base != nil {
		t := Tallied(*e.Base)
		out.BaseSuite = &t
	}
	if e.Suite != nil {
		t := Tallied(*e.Suite)
		out.Suite, out.Command = &t, e.Suite.Command
	}
	if a != nil {
		out.Tier, out.Wrong, out.Signals = a.Tier.String(), a.Wrong, map[string]int{}
		for _, s := range a.Signals {
			out.Signals[s.Rule] = int(s.Level)
		}
	}
	return out
}

func tallies(runs []TestRun) []Tally {
	var out []Tally
	for _, r := range runs {
		out = append(out, Tallied(r))
	}
	return out
}

// ProofMark stands on the line before a proof in the body of a pull request.
const ProofMark = "<!-- daemon-hotfix:evidence -->"

// JSON is the proof as a file.
func (p Proof) JSON() string {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain strings and numbers
	}
	return string(data)
}

// ErrNoProof means that a text holds no proof.
var ErrNoProof = errors.New("there is no evidence of daemon-hotfix in it")

// ParseProof reads a proof: a file of its own, or the body of a pull request that holds one.
func ParseProof(text string) (Proof, error) {
	if _, after, ok := strings.Cut(text, ProofMark); ok {
		_, after, _ = strings.Cut(after, "{")
		line, _, _ := strings.Cut("{"+after, "\n")
		text = line
	}
	var p Proof
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return p, ErrNoProof
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("read evidence: %w", err)
	}
	if p.Version != 1 || p.Base == "" || p.SHA256 == "" {
		return p, fmt.Errorf("read evidence: version %d is not known here, or base and sha256 are missing", p.Version)
	}
	if sum := sha256.Sum256([]byte(p.Diff)); p.Diff != "" && hex.EncodeToString(sum[:]) != p.SHA256 {
		return p, errors.New("read evidence: the diff in it is not the one that was proven")
	}
	return p, nil
}

// Differs says in what a proof gathered anew is not like p, "" if it is. How often a flaky test passed does not count,
// nor what the toolchain of another machine cannot measure. Of code with the fault each run has to end as it did; which
// tests fail with it may be left to chance, so Shown is compared by who knows the results of each run.
func (p Proof) Differs(again Proof) string {
	ends := func(a, b Tally) bool { return a.Passed == b.Passed && a.Cause == b.Cause }
	one := func(a, b *Tally) bool { return (a == nil) == (b == nil) && (a == nil || len(p.Flaky) > 0 || *a == *b) }
	switch {
	case p.SHA256 != again.SHA256:
		return "the patch is another one"
	case !slices.EqualFunc(p.Before, again.Before, ends):
		return "the added tests end otherwise on the old code"
	case !slices.Equal(p.After, again.After):
		return "the added tests end otherwise with the patch"
	case !slices.EqualFunc(p.Unfixed, again.Unfixed, ends):
		return "the added tests end otherwise with the fix taken back"
	case !one(p.BaseSuite, again.BaseSuite):
		return "all tests end otherwise on the old code"
	case !one(p.Suite, again.Suite):
		return "all tests end otherwise with the patch"
	}
	return ""
}
