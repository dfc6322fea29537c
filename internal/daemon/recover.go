package daemon

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

const (
	stateMax  = 12_000 // bytes of a state block
	seenKept  = 64     // occurrence names in it
	lineKept  = 20     // audit lines in it
	movesKept = 12
	daysKept  = 30
)

var stateForm = regexp.MustCompile(`(?m)^<!-- daemon-hotfix:state ([0-9a-f]{32}) (\{.*\}) -->\r?$`)

// inert and dotted are spelled in another way that JSON knows: what begins an address or a mention, and dots in names.
var (
	inert  = strings.NewReplacer("--", `-\u002d`, "@", `\u0040`, "/", `\/`)
	dotted = regexp.MustCompile(`\.([A-Za-z])`)
)

// state is the line of an issue's body that brings the case back when the store is lost, or was never there: a
// workflow run keeps its cases nowhere else. It is signed, so that nobody can write a case's past.
func (d *Daemon) state(c hotfix.Case) string {
	for _, full := range []bool{true, false} {
		text, err := json.Marshal(brief(c, full))
		if err == nil && len(text) <= stateMax {
			// No mention, no address, no end of the comment and nothing that does not show, whatever the case says.
			line := spelled(dotted.ReplaceAllString(inert.Replace(string(text)), `\u002e$1`))
			return fmt.Sprintf("<!-- daemon-hotfix:state %s %s -->", d.sign("state", c.Repo, line), line)
		}
	}
	return ""
}

// spelled writes what does not show, or changes how a line reads, in the way JSON has for it.
func spelled(text string) string {
	var b strings.Builder
	for _, r := range text {
		if !hidden(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// sign is a code over what nobody else may have said about repo.
func (d *Daemon) sign(kind string, repo hotfix.Repo, text string) string {
	mac := hmac.New(sha256.New, d.cfg.Key)
	fmt.Fprintf(mac, "%s\x00%s\x00%s", kind, strings.ToLower(repo.String()), text)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// brief is what of a case is worth keeping in its issue.
func brief(c hotfix.Case, full bool) hotfix.Case {
	c.Told, c.Via, c.Issue, c.Ask, c.Asked, c.Shown = 0, "", 0, nil, nil, hotfix.Shown{} // of the store, not of the problem
	c.Latest.Logs, c.Latest.Stack = nil, redact.Text{}
	c.Latest.Message = redact.Cut(c.Latest.Message, 1000)
	c.Seen = c.Seen[max(0, len(c.Seen)-seenKept):]
	c.Audit = c.Audit[max(0, len(c.Audit)-lineKept):]
	c.Attempts = slices.Clone(c.Attempts)
	for i := range c.Attempts {
		o := &c.Attempts[i].Outcome
		o.Patch = nil
		if !full {
			o.Says, o.Refusals, o.Evidence = redact.Text{}, nil, hotfix.Evidence{}
		}
		o.Evidence = hotfix.Evidence{Before: bare(o.Evidence.Before), After: bare(o.Evidence.After), Gaps: o.Evidence.Gaps}
	}
	c.Moves, c.Days = c.Moves[max(0, len(c.Moves)-movesKept):], c.Days[max(0, len(c.Days)-daysKept):]
	if !full {
		c.Seen, c.Moves = c.Seen[max(0, len(c.Seen)-8):], c.Moves[max(0, len(c.Moves)-4):]
		c.Attempts = c.Attempts[max(0, len(c.Attempts)-5):]
	}
	return c
}

// bare is runs of tests without what they printed.
func bare(runs []hotfix.TestRun) []hotfix.TestRun {
	out := slices.Clone(runs)
	for i := range out {
		out[i].Output, out[i].Tests = redact.Text{}, nil
	}
	return out
}

// readState reads the case of fp in repo from the body of its issue, if we wrote it there.
func (d *Daemon) readState(repo hotfix.Repo, fp hotfix.Fingerprint, body string) (hotfix.Case, bool) {
	for _, m := range stateForm.FindAllStringSubmatch(body, 4) {
		if !hmac.Equal([]byte(m[1]), []byte(d.sign("state", repo, m[2]))) {
			continue
		}
		var c hotfix.Case
		if json.Unmarshal([]byte(m[2]), &c) == nil && c.Fingerprint == fp && c.Repo.Is(repo) {
			return c, true
		}
	}
	return hotfix.Case{}, false
}

// readOld is readState of c under any key that it may have had.
func (d *Daemon) readOld(c hotfix.Case, body string) (hotfix.Case, bool) {
	old, ok := d.readState(c.Repo, c.Fingerprint, body)
	for _, key := range triage.Aliases(c.Latest) {
		if ok {
			break
		}
		old, ok = d.readState(c.Repo, key, body)
	}
	old.Fingerprint = c.Fingerprint
	return old, ok
}

// remember takes over what the issue of a case that seems to be new says of its past.
func (d *Daemon) remember(ctx context.Context, forge Forge, c *hotfix.Case, settings Settings) error {
	if c.Issue != 0 || c.Fingerprint == pageCase {
		return nil
	}
	old, found, ok, err := d.past(ctx, forge, *c)
	if err != nil {
		return err
	}
	if !ok || !c.First.After(old.First) && c.Count >= old.Count {
		return nil // a process that knew no more than we do wrote this, and died before it could note the number
	}
	s := hotfix.Sighting{Failure: c.Latest, Names: c.Seen, Window: settings.Window()}
	if s.Fixed, err = d.fixed(ctx, old, hotfix.Notice{Failure: &c.Latest}); err != nil {
		return err
	}
	old.Observe(s) // a duplicate if this occurrence was counted before the store was lost
	old.Count += c.Count - 1
	old.Issue, old.Opened, old.Via, old.Decision, old.Ask, old.Latest = c.Issue, c.Opened, c.Via, c.Decision, c.Ask, c.Latest
	old.Attempts, old.Audit = append(old.Attempts, c.Attempts...), append(old.Audit, c.Audit...)
	*c = old
	d.cfg.Log.InfoContext(ctx, "case brought back from its issue", "case", c.Fingerprint, "issue", found.Number, "count", c.Count)
	return nil
}

// past is what the issues of a case that seems to be new say of it: the one that it has, or had last. A case that got a
// new issue because the old one had been closed for long is followed to it. ok is false if there is no issue, or one from
// before there were state lines.
func (d *Daemon) past(ctx context.Context, forge Forge, c hotfix.Case) (old hotfix.Case, found hotfix.Issue, ok bool, err error) {
	for {
		next, err := forge.FindIssue(ctx, d.wantedIssue(c))
		if err != nil {
			return old, found, ok, fmt.Errorf("look for the issue of case %s: %w", c.Fingerprint, err)
		}
		state, readable := d.readOld(c, next.Body.String())
		if next.Number != 0 && (readable || !ok) {
			found = next
		}
		if !readable {
			return old, found, ok, nil
		}
		old, ok = d.asFound(state, next), true
		for _, body := range next.Twins {
			if twin, known := d.readOld(c, body.String()); known {
				absorb(&old, twin)
			}
		}
		if len(old.Moves) > len(state.Moves) {
			if err := nameMover(ctx, forge, &old, next.Number); err != nil {
				return old, found, ok, err
			}
		}
		if !old.State.Settled() || old.Fix != nil {
			return old, found, ok, nil
		}
		c = old
		c.Leave()
	}
}

// absorb counts in c what its twin, which was opened beside it, has counted. What c has seen of it was counted before.
func absorb(c *hotfix.Case, twin hotfix.Case) {
	for _, name := range twin.Seen {
		if slices.Contains(c.Seen, name) {
			return
		}
	}
	c.Count, c.Seen = c.Count+twin.Count, append(c.Seen, twin.Seen...)
	if twin.First.Before(c.First) {
		c.First = twin.First
	}
	if twin.Last.After(c.Last) {
		c.Last = twin.Last
	}
}

var markerForm = regexp.MustCompile(`(?m)^<!-- daemon-hotfix (v[0-9]+-[0-9a-f]{32}) [0-9a-f]{32} -->\r?$`)

// recoverNumber brings the case of the issue that was commented on back from the issue, or returns store.ErrNotFound.
func (d *Daemon) recoverNumber(ctx context.Context, a *asking) (hotfix.Fingerprint, error) {
	found, err := a.forge.FindIssue(ctx, hotfix.Issue{Repo: a.Repo, Number: a.Issue})
	if err != nil {
		return "", err
	}
	m := markerForm.FindStringSubmatch(found.Body.String())
	if found.Number == 0 || m == nil {
		return "", store.ErrNotFound
	}
	fp := hotfix.Fingerprint(m[1])
	c, ok := d.readState(a.Repo, fp, found.Body.String())
	if !ok || strings.TrimSuffix(m[0], "\r") != d.marker(c) {
		return "", store.ErrNotFound
	}
	if d.cfg.Recall {
		if err := d.recallDay(ctx, a.forge, c, found.Number); err != nil {
			return "", err
		}
	}
	unlock, err := d.cfg.Store.Lock(ctx, fp)
	if err != nil {
		return "", fmt.Errorf("lock case %s: %w", fp, err)
	}
	defer unlock()
	c.Issue, c.Told, c.Via = found.Number, c.Count, a.n.ID
	if _, err := d.cfg.Store.Case(ctx, fp); !errors.Is(err, store.ErrNotFound) {
		return fp, err // somebody brought it back meanwhile, or it is known without its issue
	}
	return fp, d.cfg.Store.SaveCase(ctx, c)
}

// forbidden reports whether GitHub refused for want of a permission.
func forbidden(err error) bool {
	var no interface{ Forbidden() bool }
	return errors.As(err, &no) && no.Forbidden()
}

// innermost is the part of an error that says what GitHub answered.
func innermost(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "not permitted: "); i >= 0 {
		text = text[i+len("not permitted: "):]
	}
	return redact.Scrub(text).String()
}
