package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// prover is how patches of this attempt are proven.
func prover(w *work, policy triage.Policy) sandbox.Prover {
	return sandbox.Prover{Reported: reported(w.c), Flaky: policy.Flaky, Origin: true}
}

// reportedMax bounds what a failure said, in characters: it stands in the evidence.
const reportedMax = 4000

// reported is what the failure said, and where that says next to nothing, what was said about it elsewhere.
func reported(c hotfix.Case) redact.Text {
	f := c.Latest
	said := []redact.Text{f.Message, f.Stack}
	elsewhere := slices.Concat(f.Remarks, f.Logs)
	if f.Logs, f.Remarks = nil, nil; triage.Opaque(f) {
		said = append(said, elsewhere...)
	}
	return redact.Cut(redact.Join(said, "\n"), reportedMax)
}

// vet asks the policy about a patch, and then how risky it is. Nobody can waive either.
func (d *Daemon) vet(w *work, policy triage.Policy, p hotfix.Patch, e hotfix.Evidence) []hotfix.Reason {
	if reasons := policy.Vet(p, e); len(reasons) > 0 {
		return reasons
	}
	a := d.assess(w, p, e)
	w.risk = &a
	_, held := policy.Publish(a)
	return held
}

// assess judges the risk of a proven patch. What cannot be found out counts against it.
func (d *Daemon) assess(w *work, p hotfix.Patch, e hotfix.Evidence) hotfix.Assessment {
	unknown := func(because string) hotfix.Assessment {
		return hotfix.Assessment{Tier: hotfix.HighRisk, Wrong: 1, Signals: []hotfix.RiskSignal{{Rule: "risk-unknown", Level: hotfix.HighRisk, Because: because, Firm: true}}}
	}
	tc := w.bench.Tree.Toolchain()
	if tc == nil {
		return unknown("No way to run this repository's tests is known.")
	}
	terrain, err := w.bench.Tree.Terrain(tc, p, d.cfg.Now())
	if err != nil {
		d.cfg.Log.Error("terrain not read", "run", w.id, "err", err)
		return unknown("The repository around the patch could not be read.")
	}
	s := triage.Subject{Case: w.c, Patch: p, Evidence: e, Terrain: terrain, Spent: d.spent(w)}
	s.Opinion = d.opinion(context.Background(), w, p)
	return triage.Assess(s)
}

// spent is the largest share of a bound of its budget that the attempt has used so far.
func (d *Daemon) spent(w *work) float64 {
	run, err := d.cfg.Store.Run(context.Background(), w.id)
	if err != nil {
		return 0
	}
	share := 0.0
	if b := d.cfg.Budget.Steps; b > 0 {
		share = float64(len(run.Steps)) / float64(b)
	}
	if b := d.cfg.Budget.Tokens; b > 0 {
		share = max(share, float64(run.Tokens())/float64(b))
	}
	return share
}

// used is the budget that an attempt used so far, in words.
func (d *Daemon) used(ctx context.Context, w *work) string {
	run, err := d.cfg.Store.Run(ctx, w.id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "no model was asked"
	case err != nil:
		return "not known"
	}
	says := fmt.Sprintf("%d tokens in %d steps", run.Tokens(), len(run.Steps))
	if len(run.Steps) == 1 {
		says = fmt.Sprintf("%d tokens in 1 step", run.Tokens())
	}
	if cost := run.Cost(); cost > 0 {
		says += fmt.Sprintf(", $%.2f", cost)
	}
	return says
}

// assessed is how risky the latest patch for a case was found to be, nil if there was none.
func assessed(c hotfix.Case) *hotfix.Assessment {
	if n := len(c.Attempts); n > 0 {
		return c.Attempts[n-1].Outcome.Risk
	}
	return nil
}

// forbidden is the rule by which the repository declines proposals of machines, unless a person asked for one.
func (w *work) forbidden() *hotfix.Reason {
	if at := w.c.Running(); w.bench.Tree == nil || at != nil && at.By != byPolicy {
		return nil
	}
	return w.bench.Tree.Forbids()
}

// together counts the other repositories that failed within ten minutes in the same way.
func (d *Daemon) together(ctx context.Context, repo hotfix.Repo, f *hotfix.Failure) (int, error) {
	if f == nil {
		return 0, nil
	}
	latest, err := d.cfg.Store.Cases(ctx, store.CaseFilter{Not: repo, Since: d.cfg.Now().Add(-10 * time.Minute), Limit: 50})
	if err != nil {
		return 0, fmt.Errorf("look at failures elsewhere: %w", err)
	}
	class, others := triage.Classify(*f), map[string]bool{}
	for _, c := range latest {
		if triage.Classify(c.Latest) == class {
			others[strings.ToLower(c.Repo.String())] = true
		}
	}
	return len(others), nil
}
