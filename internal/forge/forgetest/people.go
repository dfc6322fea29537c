package forgetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Issues returns the issues of a repository, pull requests left out, lowest number first.
func (f *Forge) Issues(name hotfix.Repo) []Issue {
	return f.copies(name, func(i *issue) bool { return i.Pull == nil })
}

// Pulls returns the pull requests of a repository, lowest number first. Pull is set in each.
func (f *Forge) Pulls(name hotfix.Repo) []Issue {
	return f.copies(name, func(i *issue) bool { return i.Pull != nil })
}

func (f *Forge) copies(name hotfix.Repo, keep func(*issue) bool) []Issue {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return nil
	}
	var out []Issue
	for _, i := range r.issues {
		if !keep(i) || i.deleted || i.moved != "" {
			continue
		}
		c := i.Issue
		c.Labels, c.Comments = slices.Clone(c.Labels), slices.Clone(c.Comments)
		if c.Pull != nil {
			p := *c.Pull
			c.Pull = &p
		}
		out = append(out, c)
	}
	return out
}

// with changes one issue as a person would on the page.
func (f *Forge) with(name hotfix.Repo, n int, do func(*repo, *issue)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return err
	}
	if n < 1 || n > len(r.issues) {
		return fmt.Errorf("%s has no issue #%d", name, n)
	}
	do(r, r.issues[n-1])
	r.issues[n-1].Updated = f.Now()
	return nil
}

// OpenIssue writes an issue as login.
func (f *Forge) OpenIssue(name hotfix.Repo, login, title, body string, labels ...string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return 0, err
	}
	i := f.newIssue(r, login, title, body)
	i.Labels = labels
	return i.Number, nil
}

// Comment writes a comment as login and returns its id.
func (f *Forge) Comment(name hotfix.Repo, n int, login, body string) (id int64, err error) {
	err = f.with(name, n, func(_ *repo, i *issue) { id = f.comment(i, login, body).ID })
	return id, err
}

// EditBody changes the text of an issue or pull request.
func (f *Forge) EditBody(name hotfix.Repo, n int, change func(string) string) error {
	return f.with(name, n, func(_ *repo, i *issue) { i.Body = change(i.Body) })
}

// Maintainer is the login of the person who does what a test has a person do.
const Maintainer = "maria"

// SetState closes or opens an issue as Maintainer; reason is "completed" or "not_planned" for a closed one.
func (f *Forge) SetState(name hotfix.Repo, n int, state, reason string) error {
	return f.with(name, n, func(_ *repo, i *issue) { f.setState(i, state, reason, Maintainer) })
}

// Lock locks an issue's conversation.
func (f *Forge) Lock(name hotfix.Repo, n int) error {
	return f.with(name, n, func(_ *repo, i *issue) { i.Locked = true })
}

// Delete removes an issue; asking for it then answers 410.
func (f *Forge) Delete(name hotfix.Repo, n int) error {
	return f.with(name, n, func(_ *repo, i *issue) { i.deleted = true })
}

// Transfer moves an issue to another repository, where it gets a new number.
func (f *Forge) Transfer(name hotfix.Repo, n int, to hotfix.Repo) (number int, err error) {
	old := Issue{}
	if err := f.with(name, n, func(_ *repo, i *issue) { old = i.Issue }); err != nil {
		return 0, err
	}
	if number, err = f.OpenIssue(to, old.Author, old.Title, old.Body, old.Labels...); err != nil {
		return 0, err
	}
	return number, f.with(name, n, func(_ *repo, i *issue) { i.moved = fmt.Sprintf("/repos/%s/issues/%d", to, number) })
}

// Rename gives a repository a new name; the old one redirects.
func (f *Forge) Rename(name, to hotfix.Repo) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return err
	}
	r.name = to
	f.repos[strings.ToLower(to.String())] = r
	f.repos[strings.ToLower(name.String())] = &repo{name: name, movedTo: r, permission: r.permission, RepoOptions: RepoOptions{Private: r.Private}}
	return nil
}

// Age makes an issue look as if everything about it had happened that much earlier.
func (f *Forge) Age(name hotfix.Repo, n int, by time.Duration) error {
	return f.with(name, n, func(_ *repo, i *issue) { i.Created = i.Created.Add(-by) })
}
