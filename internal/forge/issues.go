package forge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

const (
	bodyMax  = 65536 // characters that GitHub accepts
	titleMax = 256
	perPage  = 100
	listMax  = 500 // pages; more is an error, never a shorter list
)

// SaveIssue makes the issue for want.Marker say want.Body, and returns it as the forge has it: number, state, the
// labels it really has.
//
// With a number, that issue is edited. Without one, it is the lowest-numbered issue of ours whose body has the
// marker as a line; others are closed as duplicates of it, and if there is none it is created. A list that cannot be
// read to its end is an error and never leads to a new issue. Only the managed part of a body is replaced, and only
// if it differs. The title is used for a new issue alone. If somebody else made the issue at the same moment, it is
// theirs: it is returned as it is, for the caller to look at what it says before it is written over.
//
// An error may come with an issue: it exists, but not all of this was done. Saving again does the rest.
func (c *Client) SaveIssue(ctx context.Context, want Issue) (saved Issue, err error) {
	err = c.on(ctx, want.Repo, func(s *session) error {
		saved, err = c.saveIssue(ctx, s, want)
		return err
	})
	if err != nil {
		return saved, fmt.Errorf("save issue in %s: %w", want.Repo, err)
	}
	return saved, nil
}

func (c *Client) saveIssue(ctx context.Context, s *session, want Issue) (Issue, error) {
	body, managed, err := render(want)
	if err != nil {
		return Issue{}, err
	}
	if utf8.RuneCountInString(body) > bodyMax {
		return Issue{}, fmt.Errorf("%w: %d characters of %d", ErrTooLong, utf8.RuneCountInString(body), bodyMax)
	}
	if want.Number != 0 {
		return c.edit(ctx, s, want, managed)
	}
	who, err := c.identify(ctx, s)
	if err != nil {
		return Issue{}, err
	}
	k := keeper{c: c, s: s, who: who, want: want, body: body, managed: managed}
	return k.save(ctx)
}

// edit brings the managed part of issue want.Number up to date.
func (c *Client) edit(ctx context.Context, s *session, want Issue, managed string) (Issue, error) {
	now, err := c.get(ctx, s, want.Repo, want.Number)
	if err != nil {
		return Issue{}, err
	}
	if err := c.owned(ctx, s, want, now); err != nil {
		return Issue{}, err
	}
	if have := seen(want, now).Labels; !containsAll(have, want.Raise) {
		c.label(ctx, s, want.Repo, want.Number, want.Raise)
	}
	body := splice(now.GetBody(), managed)
	if body == now.GetBody() {
		return seen(want, now), nil
	}
	if n := utf8.RuneCountInString(body); n > bodyMax {
		return seen(want, now), fmt.Errorf("issue #%d: %w: %d characters of %d", want.Number, ErrTooLong, n, bodyMax)
	}
	edited, _, err := s.gh.Issues.Edit(ctx, want.Repo.Owner, want.Repo.Name, want.Number, &github.IssueRequest{Body: &body})
	if err := explain(err); err != nil {
		return seen(want, now), fmt.Errorf("edit issue #%d: %w", want.Number, err)
	}
	return seen(want, edited), nil
}

// owned refuses to write into what a wrong number leads to. An issue whose marker people removed is still ours.
func (c *Client) owned(ctx context.Context, s *session, want Issue, now *github.Issue) error {
	if hasLine(now.GetBody(), want.Marker) {
		return nil
	}
	who, err := c.identify(ctx, s)
	if err == nil && (now.IsPullRequest() || !who.ours(now.GetUser())) {
		err = fmt.Errorf("issue #%d: %w", want.Number, ErrNotOurs)
	}
	return err
}

// get reads an issue and tells apart why it cannot be had.
func (c *Client) get(ctx context.Context, s *session, repo hotfix.Repo, n int) (*github.Issue, error) {
	i, _, err := s.gh.Issues.Get(ctx, repo.Owner, repo.Name, n)
	err = explain(err)
	var no *Refused
	if errors.As(err, &no) && no.Status == http.StatusNotFound { // private repositories look the same
		if _, _, repoErr := s.gh.Repositories.Get(ctx, repo.Owner, repo.Name); repoErr != nil {
			return nil, fmt.Errorf("issue #%d: %w", n, hidden(explain(repoErr)))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("issue #%d: %w", n, err)
	}
	if i.GetNumber() != n {
		return nil, fmt.Errorf("issue #%d: %w: it is %s now", n, ErrMoved, redact.Scrub(i.GetHTMLURL()))
	}
	return i, nil
}

// hidden makes "not found" of a whole repository what it means: this credential may not see it.
func hidden(err error) error {
	if errors.Is(err, ErrGone) {
		return fmt.Errorf("%w: the repository does not exist or may not be seen", ErrForbidden) // not ErrGone: no issue was deleted
	}
	return err
}

// seen is want as the forge has it.
func seen(want Issue, i *github.Issue) Issue {
	got := want
	got.Number, got.State, got.StateReason, got.ClosedAt = i.GetNumber(), i.GetState(), i.GetStateReason(), i.GetClosedAt().Time
	got.Title, got.Body, got.Labels = redact.Scrub(i.GetTitle()).String(), redact.Scrub(i.GetBody()), nil
	for _, l := range i.Labels {
		got.Labels = append(got.Labels, l.GetName())
	}
	return got
}

// A keeper keeps one issue for one marker, without knowing its number.
type keeper struct {
	c             *Client
	s             *session
	who           identity
	want          Issue
	all           bool // any issue of ours
	body, managed string
	unlabelled    redact.Text // why what was made lacks labels
}

func (k *keeper) save(ctx context.Context) (Issue, error) {
	found, err := k.find(ctx)
	if err != nil {
		return Issue{}, err
	}
	var held *lease
	if len(found) == 0 && k.want.Lease != "" {
		opened := 0
		if held, opened, err = k.lease(ctx); err != nil {
			return Issue{}, err
		}
		if opened != 0 {
			return k.theirs(ctx, opened)
		}
		if found, err = k.find(ctx); err != nil { // since we looked, somebody may have come and gone
			return Issue{}, err
		}
	}
	var made *github.Issue
	if len(found) == 0 {
		if made, err = k.create(ctx); err != nil && !unclear(err) {
			return Issue{}, err
		}
		if held != nil && made != nil {
			held.issue = made.GetNumber()
			_ = k.tell(ctx, held, true) // if it does not get there, others wait until the lease is overdue
		}
		again, lookErr := k.newest(ctx)
		if lookErr != nil || len(again) == 0 && made == nil {
			return k.only(made), cmp.Or(err, lookErr, errors.New("the new issue is not in the list yet"))
		}
		found = merge(again, made)
	}
	keep, twins := found[0], slices.Clone(found[1:])
	slices.SortStableFunc(twins, func(a, b *github.Issue) int { // ours first: whoever made the others is at it, too
		return cmp.Compare(btoi(a != made), btoi(b != made))
	})
	k.want.Number = keep.GetNumber()
	for _, t := range twins {
		if err := k.closeTwin(ctx, t); err != nil {
			return seen(k.want, keep), err
		}
	}
	if made != nil {
		got := seen(k.want, keep)
		got.Theirs, got.Unlabelled = keep != made, k.unlabelled // what another process made says not what we know
		return got, nil
	}
	return k.c.edit(ctx, k.s, k.want, k.managed) // reads it again: the list may be older than what people wrote since
}

// theirs is an issue that another process has just opened, for the caller to look at before it is written over.
func (k *keeper) theirs(ctx context.Context, number int) (Issue, error) {
	now, err := k.c.get(ctx, k.s, k.want.Repo, number)
	if err != nil {
		return Issue{}, err
	}
	got := seen(k.want, now)
	got.Theirs = true
	return got, nil
}

func (k *keeper) only(made *github.Issue) Issue {
	if made == nil {
		return Issue{}
	}
	return seen(k.want, made)
}

// merge adds made to a list that may not show it yet. Lowest number first.
func merge(list []*github.Issue, made *github.Issue) []*github.Issue {
	if made != nil {
		list = slices.DeleteFunc(list, func(i *github.Issue) bool { return i.GetNumber() == made.GetNumber() })
		list = append(list, made)
	}
	slices.SortFunc(list, func(a, b *github.Issue) int { return cmp.Compare(a.GetNumber(), b.GetNumber()) })
	return list
}

// find lists our issues with the marker, lowest number first. Those by our own account come first because that is
// a short list; but as some installations of GitHub find no bots that way, an empty one proves nothing, and then
// everything is read.
func (k *keeper) find(ctx context.Context) ([]*github.Issue, error) {
	if k.who.login != "" {
		found, err := k.list(ctx, &github.IssueListByRepoOptions{Creator: k.who.login, State: "all", Sort: "created", Direction: "asc"}, listMax)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return k.list(ctx, &github.IssueListByRepoOptions{State: "all", Sort: "created", Direction: "asc"}, listMax)
}

// newest lists those among the latest issues.
func (k *keeper) newest(ctx context.Context) ([]*github.Issue, error) {
	return k.list(ctx, &github.IssueListByRepoOptions{State: "all", Sort: "created", Direction: "desc"}, 1)
}

func (k *keeper) list(ctx context.Context, opts *github.IssueListByRepoOptions, pages int) ([]*github.Issue, error) {
	var found []*github.Issue
	opts.PerPage = perPage
	for n := 1; ; n++ {
		page, resp, err := k.s.gh.Issues.ListByRepo(ctx, k.want.Repo.Owner, k.want.Repo.Name, opts)
		if err != nil {
			return nil, fmt.Errorf("list issues, page %d: %w", n, hidden(explain(err)))
		}
		if resp.StatusCode != http.StatusOK || page == nil {
			return nil, fmt.Errorf("list issues, page %d: GitHub answered %s without a list", n, resp.Status)
		}
		for _, i := range page {
			if !i.IsPullRequest() && k.has(i.GetBody()) && k.who.ours(i.GetUser()) {
				found = append(found, i)
			}
		}
		if resp.NextPage == 0 || n == pages && pages < listMax {
			return merge(found, nil), nil
		}
		if n == listMax {
			return nil, fmt.Errorf("list issues: more than %d pages", listMax)
		}
		opts.Page = resp.NextPage
	}
}

// create opens the issue. Labels must not prevent it: if GitHub refuses with them, it is opened without.
func (k *keeper) create(ctx context.Context) (*github.Issue, error) {
	title := clip(redact.Scrub(oneLine(k.want.Title)).String(), titleMax)
	req := &github.IssueRequest{Title: &title, Body: &k.body}
	if len(k.want.Labels) > 0 {
		req.Labels = &k.want.Labels
	}
	post := func() (*github.Issue, error) {
		i, _, err := k.s.gh.Issues.Create(ctx, k.want.Repo.Owner, k.want.Repo.Name, req)
		return i, explain(err)
	}
	made, err := post()
	var no *Refused
	if errors.As(err, &no) && req.Labels != nil && (no.Status == http.StatusUnprocessableEntity || no.Status == http.StatusForbidden) {
		req.Labels = nil
		if made, err = post(); err == nil {
			k.lacks(made, k.want.Labels, no.Error())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create issue: %w", hidden(err))
	}
	if have := seen(k.want, made).Labels; req.Labels != nil && !containsAll(have, k.want.Labels) {
		k.lacks(made, without(k.want.Labels, have), "GitHub left them out, as it does when the credential may not set labels")
	}
	return made, nil
}

// lacks notes why an issue was made without some labels.
func (k *keeper) lacks(made *github.Issue, labels []string, because string) {
	k.unlabelled = redact.Scrub(fmt.Sprintf("%s: %s", strings.Join(labels, ", "), because))
	k.c.cfg.Log.Warn("issue created without labels", "repo", k.want.Repo.String(), "issue", made.GetNumber(), "lacks", k.unlabelled)
}

// closeTwin closes an issue that was opened beside the one we keep. The comment comes first: if we are interrupted
// between the two, the next call finds the twin open and finishes.
func (k *keeper) closeTwin(ctx context.Context, twin *github.Issue) error {
	repo, n := k.want.Repo, twin.GetNumber()
	if twin.GetState() == "open" { // by a list that may be old: another process may be closing it
		now, err := k.c.get(ctx, k.s, repo, n)
		if errors.Is(err, ErrGone) || errors.Is(err, ErrMoved) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("close twin #%d: %w", n, err)
		}
		twin = now
	}
	if twin.GetState() == "closed" {
		return nil
	}
	says := redact.Scrub(fmt.Sprintf("Duplicate of #%d", k.want.Number))
	if err := k.c.commentOnce(ctx, k.s, repo, n, "duplicate", says); err != nil && !errors.Is(err, ErrLocked) {
		return fmt.Errorf("close twin #%d: %w", n, err)
	}
	_, _, err := k.s.gh.Issues.Edit(ctx, repo.Owner, repo.Name, n, &github.IssueRequest{State: github.String("closed"), StateReason: github.String("not_planned")})
	if err := explain(err); err != nil && !errors.Is(err, ErrGone) {
		return fmt.Errorf("close twin #%d: %w", n, err)
	}
	return nil
}

// SetState opens or closes an issue; reason is "completed", "not_planned", "reopened" or "".
func (c *Client) SetState(ctx context.Context, repo hotfix.Repo, issue int, state, reason string) error {
	err := c.on(ctx, repo, func(s *session) error {
		now, err := c.get(ctx, s, repo, issue)
		if err != nil || now.GetState() == state && (reason == "" || now.GetStateReason() == reason) {
			return err
		}
		req := &github.IssueRequest{State: &state}
		if reason != "" {
			req.StateReason = &reason
		}
		_, _, err = s.gh.Issues.Edit(ctx, repo.Owner, repo.Name, issue, req)
		return explain(err)
	})
	if err != nil {
		return fmt.Errorf("set state of %s#%d to %s: %w", repo, issue, state, err)
	}
	return nil
}

// containsAll reports whether have has every label of want. GitHub's labels ignore case.
func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool {
		return !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, w) })
	})
}

// without is what of want is not in have.
func without(want, have []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(w string) bool { return containsAll(have, []string{w}) })
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// clip shortens s to n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
