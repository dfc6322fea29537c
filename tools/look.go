package tools

import (
	"context"
	"errors"
	"regexp"
	"slices"
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
	allNames bool // the name of every file
	allLog   bool
	noPast   bool // one commit is all the history there is
	noGreen  bool // no earlier commit is known to have passed its checks
}

// knowsGreen reports whether an earlier commit is known whose checks passed.
func (b *Bench) knowsGreen() bool { return b.Green != nil && !b.seen.noPast && !b.seen.noGreen }

// Look checks out the repository and looks where the model would look first. It comes before On, which offers what is
// left to be seen. Without frames those are taken that the failure and its log name.
func Look(ctx context.Context, b *Bench, f hotfix.Failure, frames []Frame) (View, error) {
	v, err := b.glance(ctx, redact.Join(f.Logs, "\n"))
	if err != nil {
		return View{}, err
	}
	f.Logs = append(slices.Clone(f.Logs), v.Log)
	found, err := localise(ctx, b, f, frames)
	if err != nil {
		return View{}, err
	}
	v.Repository, v.Wishes = redact.Scrub(found), redact.Scrub(wishes(b.Tree))
	return v, nil
}

// glance looks at the log; the trail that came with the failure stands in for one that cannot be had.
func (b *Bench) glance(ctx context.Context, trail redact.Text) (View, error) {
	if b.Logs == nil {
		return View{Log: trail}, nil
	}
	log, err := b.log(ctx)
	var none interface{ ForModel() string }
	switch {
	case errors.As(err, &none):
		return View{Log: trail}, nil
	case err != nil:
		return View{}, err
	}
	text, whole := glimpse(log)
	b.seen.allLog = whole
	return View{Log: text, WholeLog: whole}, nil
}

// framing are lines that the kernel writes around what a plugin does. They say what the prompt says already.
var framing = regexp.MustCompile(`^[A-Z]* ?(Dispatching event \S+ to \S+|Error processing plugin; skipping)$`)

const (
	glanceWhole  = 3000 // characters of a log that is shown whole
	glanceBefore = 10   // lines before the first error of a longer one
	glanceAfter  = 25
	glanceEnd    = 6 // lines of its end
)

// glimpse is what the first prompt shows of a log: all of a short one, the first error and the end of a long one.
func glimpse(log []string) (text redact.Text, whole bool) {
	if all := strings.Join(log, "\n"); len(all) <= glanceWhole {
		said := slices.DeleteFunc(slices.Clone(log), framing.MatchString)
		return redact.Scrub(strings.Join(said, "\n")), true
	}
	spans := []span{{len(log) - glanceEnd + 1, len(log)}}
	if i := firstError(log); i >= 0 {
		spans = append(spans, span{i + 1 - glanceBefore, i + 1 + glanceAfter})
	}
	shown, _ := showSpans(log, spans)
	return redact.Scrub(shown), false
}
