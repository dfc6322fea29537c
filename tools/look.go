package tools

import (
	"context"
	"errors"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A View is what the first prompt shows of what is on a bench. All of it is outside text.
type View struct {
	Repository redact.Text // commit, map and the likeliest places, or every file of a small repository
	Wishes     redact.Text // what the repository asks of those who work on it; empty if nothing
	Log        redact.Text // of the failure; empty if there is none
	WholeLog   bool        // Log is all that can be had of it
}

// seen is what the model knows before its first call. Tools that could show nothing more are not offered: each costs
// about a hundred tokens a turn, and a turn if it is called.
type seen struct {
	allFiles bool // every file that people write
	allLog   bool
	noPast   bool // one commit is all the history there is
	noGreen  bool // no earlier commit is known to have passed its checks
}

// Look checks out the repository and looks where the model would look first. It comes before On, which offers what is
// left to be seen. frames may be nil: they are then read off the failure.
func Look(ctx context.Context, b *Bench, f hotfix.Failure, frames []Frame) (View, error) {
	found, err := localise(ctx, b, f, frames)
	if err != nil {
		return View{}, err
	}
	v := View{Repository: redact.Scrub(found), Wishes: redact.Scrub(wishes(b.Tree)), Log: redact.Join(f.Logs, "\n")}
	if b.Logs == nil {
		return v, nil
	}
	log, err := b.log(ctx)
	var none interface{ ForModel() string }
	switch {
	case errors.As(err, &none):
		return v, nil
	case err != nil:
		return View{}, err
	}
	v.Log, v.WholeLog = Glance(log)
	b.seen.allLog = v.WholeLog
	return v, nil
}

const (
	glanceWhole  = 3000 // characters of a log that is shown whole
	glanceBefore = 10   // lines before the first error of a longer one
	glanceAfter  = 25
	glanceEnd    = 6 // lines of its end
)

// Glance is what the first prompt shows of a log: all of a short one, the first error and the end of a long one.
func Glance(log []string) (text redact.Text, whole bool) {
	if all := strings.Join(log, "\n"); len(all) <= glanceWhole {
		return redact.Scrub(all), true
	}
	spans := []span{{len(log) - glanceEnd + 1, len(log)}}
	if i := firstError(log); i >= 0 {
		spans = append(spans, span{i + 1 - glanceBefore, i + 1 + glanceAfter})
	}
	shown, _ := showSpans(log, spans)
	return redact.Scrub(shown), false
}
