package risk

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A Record is one patch with its evidence, and whether it is right.
type Record struct {
	Name     string          `json:"name"`
	Seed     string          `json:"seed"`
	Kind     string          `json:"kind"`
	Wrong    bool            `json:"wrong"`
	Failure  string          `json:"failure"`
	Patch    hotfix.Patch    `json:"patch"`
	Evidence hotfix.Evidence `json:"evidence"`
	Terrain  hotfix.Terrain  `json:"terrain"`
}

// secretMark stands for a credential, which is put together only when a record is used.
const secretMark = "@@secret@@"

// Planted is a text with its mark replaced by what looks like a credential.
func planted(text string) string {
	return strings.ReplaceAll(text, secretMark, "ghs_"+strings.Repeat("Ab1", 12))
}

// heldOut are the seeds that the weights are never trained on. They were chosen once, before any training.
var heldOut = map[string]bool{"config": true, "decode": true, "mention": true, "reduce": true, "wallet": true, "fixture-node-label-pattern": true}

// Held reports whether the record is only for judging.
func (r Record) Held() bool { return heldOut[r.Seed] }

// policy is that of an installation which says nothing.
var policy = triage.Policy{MaxFiles: 8, MaxLines: 300}

// Subject is the record as the daemon sees such a patch.
func (r Record) Subject() triage.Subject {
	p := r.Patch
	p.Diff = planted(p.Diff)
	return triage.Subject{Case: hotfix.Case{Count: 3, Latest: hotfix.Failure{ID: r.Name, Category: "http", Status: 500, Message: redact.Scrub(r.Failure),
		Plugin: hotfix.Plugin{ID: "acme/" + r.Seed, Kind: "workflow"}}}, Patch: p, Evidence: r.Evidence, Terrain: r.Terrain}
}

// Judge says what the daemon does with the record: the reasons against publishing, and the assessment.
func (r Record) Judge(w triage.Weights) ([]hotfix.Reason, hotfix.Assessment, []string) {
	s := r.Subject()
	refused := policy.Vet(s.Patch, s.Evidence)
	a, features := triage.AssessWith(w, s)
	if len(refused) > 0 {
		a.Tier, a.Wrong = hotfix.HighRisk, 1
	}
	return refused, a, features
}

// slim keeps of the evidence what the signals read.
func slim(e hotfix.Evidence) hotfix.Evidence {
	runs := func(list []hotfix.TestRun) []hotfix.TestRun {
		for i := range list {
			list[i] = slimRun(list[i])
			if i > 0 {
				list[i].Output = redact.Text{}
			}
		}
		return list
	}
	e.Before, e.After, e.Unfixed = runs(e.Before), runs(e.After), runs(e.Unfixed)
	for _, r := range []**hotfix.TestRun{&e.Base, &e.Suite} {
		if *r != nil {
			one := slimRun(**r)
			one.Output = redact.Text{}
			*r = &one
		}
	}
	for i := range e.After {
		e.After[i].Output = redact.Text{}
	}
	for i := range e.Unfixed {
		e.Unfixed[i].Output = redact.Text{}
	}
	return e
}

func slimRun(r hotfix.TestRun) hotfix.TestRun {
	r.Took, r.Command = 0, ""
	r.Tests = r.Tests[:min(len(r.Tests), 1)]
	r.Output = redact.Cut(r.Output, 800)
	return r
}

// Read reads records, one JSON object a line.
func Read(in io.Reader) ([]Record, error) {
	var out []Record
	s := bufio.NewScanner(in)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		var r Record
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("record %d: %w", len(out)+1, err)
		}
		out = append(out, r)
	}
	return out, s.Err()
}

// Write writes records as Read reads them.
func Write(out io.Writer, records []Record) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, r := range records {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
