package agent

import (
	"cmp"
	"context"
	"errors"
)

// The nudges: why the loop told the model something after a step.
const (
	nudgeQuiet  = "quiet"
	nudgeStuck  = "stuck"
	nudgeBudget = "budget"
	nudgeLast   = "last" // only one more question fits: the next reply has to end the run
)

// judge decides after a step whether the run is over, and what to tell the model if it is not.
func (a *Agent) judge(run *Run, last *Step, stop Stop) {
	n := len(run.Steps)
	quiet, warned := len(last.Calls) == 0, run.nudged(nudgeStuck)
	circle := ""
	if !quiet {
		circle = stuck(run.Steps, warned)
	}
	next := a.reserve(run)
	switch {
	case stop != "":
		run.Stop = stop
		return
	case n > 1 && run.Steps[n-2].Nudge == nudgeLast:
		run.Stop, run.Because = OverBudget, cmp.Or(a.Budget.refuses(run, next), "the last reply that the budget allowed did not end the run")
		return
	case quiet && n > 1 && len(run.Steps[n-2].Calls) == 0:
		run.Stop, run.Because = Quiet, "the model answered twice without calling a tool"
		return
	case circle != "" && warned:
		run.Stop, run.Because = Looping, circle
		return
	}
	if why := a.Budget.last(run, next); why != "" && a.Budget.refuses(run, next) == "" && a.names(ends) != nil {
		last.Nudge, last.Note = nudgeLast, "This is the last question that the budget allows: "+why+". "+a.wayOut("")
		return
	}
	switch why := a.Budget.nearly(run); {
	case quiet:
		last.Nudge, last.Note = nudgeQuiet, "Your reply called no tool, so nothing happened. "+a.wayOut("Call a tool.")
	case circle != "":
		last.Nudge, last.Note = nudgeStuck, "You are going round in circles: "+circle+". Try something different. "+a.wayOut("")
	case why != "" && !run.nudged(nudgeBudget):
		last.Nudge, last.Note = nudgeBudget, "The budget is nearly spent: "+why+". "+a.wayOut("")
	}
}

// nudged reports whether the model has been told so before.
func (r *Run) nudged(kind string) bool {
	for _, s := range r.Steps {
		if s.Nudge == kind {
			return true
		}
	}
	return false
}

// ending reports whether step i has to end the run: only tools that can are offered and called.
func (r *Run) ending(i int) bool { return i > 0 && r.Steps[i-1].Nudge == nudgeLast }

// fail records why our machinery could not go on. Running into the wall is no failure.
func (r *Run) fail(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errWall):
		r.Stop, r.Because = OverBudget, errWall.Error()
		return nil
	case ctx.Err() != nil:
		r.Stop, r.Because = Cancelled, context.Cause(ctx).Error()
	default:
		r.Stop, r.Because = Broken, err.Error()
	}
	return err
}
