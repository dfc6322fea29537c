package daemon

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A verb is one thing that people may ask for after /hotfix. run returns the name of the text that answers.
type verb struct {
	name, args, About string
	needs             string // permission in the repository
	inverse           string // the verb that undoes it; "" for one that changes nothing
	run               func(context.Context, *Daemon, *asking) (answer string, err error)
}

// verbs are all of them, in the order in which help lists them.
func verbs() []verb {
	return []verb{
		{"fix", "", "have a fix attempted", "write", "stop", attempt},
		{"retry", "[hint]", "have a fix attempted again; the hint is passed on", "write", "stop", attempt},
		{"stop", "", "stop the attempt under way and make no more unless asked", "write", "retry", stop},
		{"explain", "", "say why the daemon decided as it did", "read", "", explain},
		{"status", "", "say where this problem stands", "read", "", status},
		{"ignore", "[reason]", "close this issue and only count from now on", "write", "unignore", ignore},
		{"unignore", "", "take the problem up again, also after snooze", "write", "ignore", unignore},
		{"snooze", "7d, 50 or until v1.2.3", "keep quiet for that time, for that many more failures, or until that version fails", "write", "unignore", snooze},
		{"dup", "#N", "count failures of this problem on issue #N instead", "write", "undup", dup},
		{"undup", "", "take that back", "write", "dup", undup},
		{"split", "TEXT", "give failures of this problem that say TEXT an issue of their own", "write", "unsplit", split},
		{"unsplit", "[TEXT]", "take that back, for TEXT or for all", "write", "split", unsplit},
		{"test", "REF", "run the tests of a branch, tag or commit and say how they end", "write", "stop", test},
		{"help", "", "show this list", "read", "", nil},
	}
}

// findVerb returns the verb with this name, or the one that helps.
func findVerb(name string) verb {
	all := verbs()
	for _, v := range all {
		if v.name == name {
			return v
		}
	}
	return all[len(all)-1]
}

func (v verb) usage() string { return strings.TrimSpace("/hotfix " + v.name + " " + v.args) }

// Usage is how the verb is written.
func (v verb) Usage() string { return v.usage() }

// Needs is the permission that the verb takes.
func (v verb) Needs() string { return v.needs }

// attempt enters the same decision as a failure does, with the change "asked".
func attempt(ctx context.Context, d *Daemon, a *asking) (string, error) {
	c := a.c
	hint := a.Args
	c.Asks(hotfix.Ask{By: a.By, Hint: hint, At: d.cfg.Now(), Comment: "comment " + a.ID}, []string{"command:" + a.ID})
	c.Stopped, c.Snooze = "", nil
	next, err := d.judge(ctx, c, hotfix.Asked, a.n)
	if err != nil {
		return "", err
	}
	a.next = next
	if len(next) < 2 {
		if a.next == nil {
			a.next = []hotfix.Next{hotfix.NextReport}
		}
		return "retry-refused", nil
	}
	return "retry", nil
}

func stop(_ context.Context, _ *Daemon, a *asking) (string, error) {
	a.c.Ask, a.c.Trial, a.c.Stopped = nil, nil, a.By // an attempt under way looks for this after every step
	a.next = []hotfix.Next{hotfix.NextReport}
	return "stop", nil
}

func explain(context.Context, *Daemon, *asking) (string, error) { return "explain", nil }

func status(context.Context, *Daemon, *asking) (string, error) { return "status", nil }

// take moves the case of a command.
func (d *Daemon) take(a *asking, on hotfix.Event, because string) {
	a.c.Take(hotfix.Occasion{On: on, By: a.By, At: d.cfg.Now(), Because: because, Evidence: "comment " + a.ID})
}

func ignore(_ context.Context, d *Daemon, a *asking) (string, error) {
	d.take(a, hotfix.Unwanted, "It is to be ignored.")
	a.c.Ask = nil
	a.next = []hotfix.Next{hotfix.NextReport}
	return "ignore", nil
}

// unignore puts the case back to where it stood.
func unignore(_ context.Context, d *Daemon, a *asking) (string, error) {
	a.c.Snooze = nil
	d.take(a, hotfix.TakenUp, "It is not to be ignored any more.")
	a.next = []hotfix.Next{hotfix.NextReport}
	return "unignore", nil
}

// The longest snooze. What is to stay away for longer is ignored.
const snoozeMax = 365 * 24 * time.Hour

var (
	spanForm    = regexp.MustCompile(`^(\d{1,4})\s*(m|h|d|w|min|minutes?|hours?|days?|weeks?)$`)
	countForm   = regexp.MustCompile(`^(\d{1,6})( times| failures)?$`)
	versionForm = regexp.MustCompile(`^until\s+([0-9A-Za-z][0-9A-Za-z._/+-]{0,99})$`)
)

func snooze(_ context.Context, d *Daemon, a *asking) (string, error) {
	s := hotfix.Snooze{By: a.By}
	args := strings.Join(strings.Fields(a.Args.String()), " ")
	if m := spanForm.FindStringSubmatch(strings.ToLower(args)); m != nil {
		n, _ := strconv.Atoi(m[1]) // at most four digits
		unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[m[2][0]]
		s.Until = d.cfg.Now().Add(min(time.Duration(n)*unit, snoozeMax)).UTC().Truncate(time.Second)
	} else if m := countForm.FindStringSubmatch(args); m != nil {
		n, _ := strconv.Atoi(m[1])
		s.Count = a.c.Count + n
	} else if m := versionForm.FindStringSubmatch(args); m != nil {
		s.Version = m[1]
	}
	if !s.Until.After(d.cfg.Now()) && s.Count <= a.c.Count && s.Version == "" {
		a.wrong = "It needs a time such as 7d or 12h, a number of failures, or until and a version."
		return "wrong", nil
	}
	a.c.Snooze, a.c.Ask = &s, nil
	d.take(a, hotfix.Hushed, "It is to be quiet "+snoozed(&s)+".")
	a.next = []hotfix.Next{hotfix.NextReport}
	return "snooze", nil
}

var numberForm = regexp.MustCompile(`^#?(\d{1,9})$`)

// dup counts this case on another. Chains are followed when failures are counted; a circle is refused here.
func dup(ctx context.Context, d *Daemon, a *asking) (string, error) {
	m := numberForm.FindStringSubmatch(strings.TrimSpace(a.Args.String()))
	if m == nil {
		a.wrong = "It needs the number of another issue of the daemon in this repository."
		return "wrong", nil
	}
	number, _ := strconv.Atoi(m[1]) // at most nine digits
	to, err := d.cfg.Store.Find(ctx, a.c.Repo, number)
	if errors.Is(err, store.ErrNotFound) {
		a.wrong = fmt.Sprintf("The daemon keeps no issue %d in this repository.", number)
		return "wrong", nil
	}
	if err != nil {
		return "", err
	}
	for at, n := to, 0; at != ""; n++ {
		if at == a.c.Fingerprint || n > dupMax {
			a.wrong = fmt.Sprintf("Issue %d already counts on this one.", number)
			return "wrong", nil
		}
		c, err := d.cfg.Store.Case(ctx, at)
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(c.Splits, func(s hotfix.Split) bool { return s.To == a.c.Fingerprint }) {
			a.wrong = fmt.Sprintf("Failures of issue %d were split off to this one; write `/hotfix unsplit` there instead.", number)
			return "wrong", nil
		}
		at = c.DupOf
	}
	a.Args = redact.Scrub("#" + m[1])
	a.c.DupOf, a.c.Ask = to, nil
	d.take(a, hotfix.Joined, fmt.Sprintf("It is a duplicate of #%d.", number))
	a.next = []hotfix.Next{hotfix.NextReport}
	return "dup", nil
}

func undup(_ context.Context, d *Daemon, a *asking) (string, error) {
	if a.c.DupOf == "" {
		a.wrong = "This issue is not marked as a duplicate."
		return "wrong", nil
	}
	a.c.DupOf, a.c.Outage = "", false
	d.take(a, hotfix.Parted, "It is no duplicate.")
	a.next = []hotfix.Next{hotfix.NextReport}
	return "undup", nil
}
