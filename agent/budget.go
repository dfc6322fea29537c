package agent

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Budget bounds a run. A zero field means no bound, but for Reply. What a question may cost is set aside before it
// is asked: a question that does not fit is not asked.
type Budget struct {
	Steps  int              `json:"steps"`
	Tokens int              `json:"tokens"`
	Money  float64          `json:"money"` // dollars
	Wall   time.Duration    `json:"wall"`
	Tools  map[string]Limit `json:"tools"` // by name
	Reply  int              `json:"reply"` // tokens of one reply; 0 is 8192
}

// A Limit bounds one tool in a run. A zero field means no bound.
type Limit struct {
	Calls int           `json:"calls"` // over the whole run
	Time  time.Duration `json:"time"`  // of one call
}

// A reserve is what the next question may use.
type reserve struct {
	tokens Tokens
	money  float64
}

// nearlySpent is the share of a bound from which the model is told to come to an end.
const nearlySpent = 0.8

var errWall = errors.New("the time for this run is over")

// reply is how many tokens one reply may have. Some providers cut replies short when they are not told.
func (b Budget) reply() int {
	if b.Reply == 0 {
		return 8192
	}
	return b.Reply
}

// deadline bounds ctx by the wall, less what was used before.
func (b Budget) deadline(ctx context.Context, used time.Duration) (context.Context, context.CancelFunc) {
	if b.Wall <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, b.Wall-used, errWall)
}

// refuses says which bound the next question would break, "" if none.
func (b Budget) refuses(run *Run, next reserve) string {
	tokens, cost := run.Tokens(), run.Cost()
	switch {
	case b.Wall > 0 && run.Took >= b.Wall:
		return errWall.Error()
	case b.Steps > 0 && len(run.Steps) >= b.Steps:
		return fmt.Sprintf("all %d steps are used", b.Steps)
	case b.Tokens > 0 && tokens+next.tokens.Total() > b.Tokens:
		return fmt.Sprintf("%d of %d tokens are used and the next question may take %d", tokens, b.Tokens, next.tokens.Total())
	case b.Money > 0 && cost+next.money > b.Money:
		return fmt.Sprintf("$%.4f of $%.2f are spent and the next question may cost $%.4f", cost, b.Money, next.money)
	}
	return ""
}

// last says which bound leaves room for one more question and no other, "" if none: that one is kept for the answer that
// ends the run.
func (b Budget) last(run *Run, next reserve) string {
	tokens, cost := run.Tokens(), run.Cost()
	switch {
	case b.Steps > 0 && len(run.Steps) == b.Steps-1:
		return fmt.Sprintf("%d of %d steps are used", len(run.Steps), b.Steps)
	case b.Tokens > 0 && tokens+2*next.tokens.Total() > b.Tokens:
		return fmt.Sprintf("%d of %d tokens are used", tokens, b.Tokens)
	case b.Money > 0 && cost+2*next.money > b.Money:
		return fmt.Sprintf("$%.2f of $%.2f are spent", cost, b.Money)
	}
	return ""
}

// nearly says which bound is close, "" if none.
func (b Budget) nearly(run *Run) string {
	tokens, cost := run.Tokens(), run.Cost()
	switch {
	case b.Steps > 2 && float64(len(run.Steps)) >= nearlySpent*float64(b.Steps):
		return fmt.Sprintf("%d of %d steps are left", b.Steps-len(run.Steps), b.Steps)
	case b.Tokens > 0 && float64(tokens) >= nearlySpent*float64(b.Tokens):
		return fmt.Sprintf("%d of %d tokens are left", b.Tokens-tokens, b.Tokens)
	case b.Money > 0 && cost >= nearlySpent*b.Money:
		return fmt.Sprintf("$%.2f of $%.2f are left", b.Money-cost, b.Money)
	case b.Wall > 0 && float64(run.Took) >= nearlySpent*float64(b.Wall):
		return fmt.Sprintf("%s of %s are left", (b.Wall - run.Took).Round(time.Second), b.Wall)
	}
	return ""
}

// spent says why tool may not be called again, "" if it may. before are the calls of this reply that come first.
func (b Budget) spent(run *Run, before []Call, tool string) string {
	limit := b.Tools[tool].Calls
	if limit == 0 {
		return ""
	}
	used := count(before, tool)
	for _, s := range run.Steps {
		used += count(s.Calls, tool)
	}
	if used < limit {
		return ""
	}
	return fmt.Sprintf("%s was called %d times, which is all that this run allows", tool, limit)
}

func count(calls []Call, tool string) int {
	n := 0
	for _, c := range calls {
		if c.Tool == tool {
			n++
		}
	}
	return n
}
