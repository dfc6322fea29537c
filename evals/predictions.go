package evals

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A Prediction is what an evaluator of the ecosystem reads, one a line. Multi-SWE-bench has its own names.
type Prediction struct {
	ID    string `json:"instance_id"`
	Model string `json:"model_name_or_path"`
	Patch string `json:"model_patch"`
}

// Predictions are the patches that a report's drafts propose, as JSON lines. A fixture without a draft predicts nothing.
func (r *Report) Predictions(model string, multi bool) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, x := range r.Results {
		patch := x.proposed()
		var line any = Prediction{x.Name, model, patch}
		if multi {
			org, rest, _ := strings.Cut(x.Name, "__")
			repo, number := cutLast(rest, "-")
			line = map[string]any{"org": org, "repo": repo, "number": json.Number(number), "fix_patch": patch}
		}
		if err := enc.Encode(line); err != nil {
			return nil, fmt.Errorf("prediction for %s: %w", x.Name, err)
		}
	}
	return b.Bytes(), nil
}

// proposed is the diff of the latest draft, as git wrote it.
func (r *Result) proposed() string {
	diff := ""
	for _, c := range r.Page.Cases {
		for _, a := range c.Attempts {
			if a.Outcome.Ending == hotfix.DraftOpened && a.Outcome.Patch != nil {
				diff = a.Outcome.Patch.Diff
			}
		}
	}
	return diff
}

func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return s, ""
}

// A predicted is a line of predictions in either format.
type predicted struct {
	Prediction
	Org    string      `json:"org"`
	Repo   string      `json:"repo"`
	Number json.Number `json:"number"`
	Fix    string      `json:"fix_patch"`
}

// ReadPredictions reads JSON lines, ours or anybody's, in either format.
func ReadPredictions(r io.Reader) ([]Prediction, error) {
	lines, err := readLines(r, func(p *predicted) error {
		if p.Org != "" {
			p.Prediction = Prediction{fmt.Sprintf("%s__%s-%s", p.Org, p.Repo, p.Number), p.Model, p.Fix}
		}
		if p.ID == "" {
			return errors.New("instance_id is required")
		}
		return nil
	})
	var out []Prediction
	for _, l := range lines {
		out = append(out, l.Prediction)
	}
	return out, err
}

// A Judgement is what the hidden tests say of predictions, under the names that the ecosystem's reports use.
type Judgement struct {
	Total      int               `json:"total_instances"`
	Submitted  int               `json:"submitted_instances"`
	Resolved   []string          `json:"resolved_ids"`
	Unresolved []string          `json:"unresolved_ids"`
	Empty      []string          `json:"empty_patch_ids"`
	Failed     []string          `json:"error_ids"`         // the patch does not apply
	Missing    []string          `json:"incomplete_ids"`    // nothing was predicted
	Because    map[string]string `json:"because,omitempty"` // why one is not resolved
}

// JudgePredictions applies each prediction to a clean checkout of its fixture and runs the judge's tests on it.
func JudgePredictions(ctx context.Context, fixtures []*Fixture, predictions []Prediction, box sandbox.Box) (*Judgement, error) {
	patches := map[string]string{}
	for _, p := range predictions {
		if _, twice := patches[p.ID]; twice {
			return nil, fmt.Errorf("%s is predicted twice", p.ID)
		}
		patches[p.ID] = p.Patch
	}
	j := &Judgement{Total: len(fixtures), Submitted: len(predictions), Because: map[string]string{}}
	for _, f := range fixtures {
		patch, is := patches[f.Name]
		delete(patches, f.Name)
		switch {
		case !is:
			j.Missing = append(j.Missing, f.Name)
			continue
		case strings.TrimSpace(patch) == "":
			j.Empty = append(j.Empty, f.Name)
			continue
		}
		list := &j.Resolved
		because, err := f.judgePatch(ctx, patch, box)
		var broken *unappliable
		switch {
		case errors.As(err, &broken):
			list, because = &j.Failed, err.Error()
		case err != nil:
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		case because != "":
			list = &j.Unresolved
		}
		if *list = append(*list, f.Name); because != "" {
			j.Because[f.Name] = because
		}
	}
	for id := range patches {
		return nil, fmt.Errorf("there is no fixture %s", id)
	}
	return j, nil
}

// An unappliable patch says nothing about the code.
type unappliable struct{ err error }

func (u *unappliable) Error() string { return "the patch does not apply: " + u.err.Error() }

// judgePatch returns what the judge's tests say against a patch, "" if they pass.
func (f *Fixture) judgePatch(ctx context.Context, patch string, box sandbox.Box) (string, error) {
	dir, err := os.MkdirTemp("", "hotfix-judge-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	repo, err := f.layOut(ctx, dir)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "prediction.diff")
	if err := os.WriteFile(file, []byte(patch), 0o644); err != nil {
		return "", err
	}
	if _, err := runGit(ctx, repo, "apply", "--index", file); err != nil {
		return "", &unappliable{err}
	}
	if _, err := runGit(ctx, repo, "commit", "--quiet", "--message", "The prediction"); err != nil {
		return "", err
	}
	return JudgeTests(ctx, f, box, sandbox.Source{URL: repo}, filepath.Join(dir, "work"))
}
