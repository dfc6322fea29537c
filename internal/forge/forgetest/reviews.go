package forgetest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A LineComment is one on a line of a pull request.
type LineComment struct {
	Comment
	Path    string
	Line    int
	ReplyTo int64
}

func reviewRoutes() []route {
	const one = "/repos/{owner}/{repo}/pulls/{number}"
	return []route{
		{"GET " + one + "/comments", "pulls", onPull((*Forge).listLines)},
		{"POST " + one + "/comments", "pulls+", onPull((*Forge).replyLine)},
		{"GET " + one + "/reviews", "pulls", onPull(func(f *Forge, q *query, i *issue) reply {
			out := []object{}
			for _, r := range i.Pull.Reviews {
				out = append(out, object{"id": r.ID, "user": f.userJSON(r.Author), "body": r.Body, "state": "COMMENTED", "submitted_at": stamp(r.Created)})
			}
			return ok(out)
		})},
	}
}

func (f *Forge) listLines(_ *query, i *issue) reply {
	out := []object{}
	for _, c := range i.Pull.Lines {
		out = append(out, f.lineJSON(c))
	}
	return ok(out)
}

func (f *Forge) lineJSON(c LineComment) object {
	o := object{"id": c.ID, "user": f.userJSON(c.Author), "body": c.Body, "path": c.Path, "line": c.Line, "created_at": stamp(c.Created)}
	if c.ReplyTo != 0 {
		o["in_reply_to_id"] = c.ReplyTo
	}
	return o
}

func (f *Forge) replyLine(q *query, i *issue) reply {
	var in struct {
		Body      string `json:"body"`
		InReplyTo int64  `json:"in_reply_to"`
	}
	if err := q.read(&in); err != nil || strings.TrimSpace(in.Body) == "" {
		return fail(http.StatusUnprocessableEntity, "Validation Failed")
	}
	for _, c := range i.Pull.Lines {
		if c.ID == in.InReplyTo {
			n := f.line(i, q.who.Login, in.Body, c.Path, c.Line, c.ID)
			q.wrote = fmt.Sprintf("answer on a line of #%d", i.Number)
			return created(f.lineJSON(*n))
		}
	}
	return notFound()
}

func (f *Forge) line(i *issue, login, body, path string, line int, to int64) *LineComment {
	now := f.Now()
	i.Pull.Lines = append(i.Pull.Lines, LineComment{Comment{ID: f.nextID(), Author: f.account(login).Login, Body: body, Created: now, Updated: now}, path, line, to})
	i.Updated = now
	return &i.Pull.Lines[len(i.Pull.Lines)-1]
}

// Review has a person say something about a line of a pull request, or about all of it where path is "".
func (f *Forge) Review(name hotfix.Repo, n int, login, body, path string, line int) (id int64, err error) {
	err = f.with(name, n, func(_ *repo, i *issue) {
		if path != "" {
			id = f.line(i, login, body, path, line, 0).ID
			return
		}
		id = f.nextID()
		i.Pull.Reviews = append(i.Pull.Reviews, Comment{ID: id, Author: f.account(login).Login, Body: body, Created: f.Now()})
	})
	return id, err
}

// mutation does what auto-merge needs of GraphQL.
func (f *Forge) mutation(q *query, text string, id string) reply {
	refuse := func(why string) reply { return ok(object{"errors": []object{{"message": why}}}) }
	for _, r := range f.repos {
		for _, i := range r.issues {
			if i.Pull == nil || nodeID(r, i) != id {
				continue
			}
			if !canPush(r.may(q.who.Login)) && q.who.user {
				return refuse("Resource not accessible")
			}
			switch {
			case strings.Contains(text, "markPullRequestReadyForReview"):
				i.Pull.Draft = false
			case strings.Contains(text, "convertPullRequestToDraft"):
				i.Pull.Draft = true
			case i.Pull.Draft:
				return refuse("Pull request is in draft state")
			case r.NoAutoMerge:
				return refuse("Auto merge is not allowed for this repository")
			default:
				i.Pull.AutoMerge = true
			}
			q.wrote = fmt.Sprintf("change pull request #%d", i.Number)
			return ok(object{"data": object{}})
		}
	}
	return refuse("Could not resolve to a node with the global id")
}

func nodeID(r *repo, i *issue) string { return fmt.Sprintf("PR_%d_%d", r.id, i.Number) }

// OpenPull opens a pull request as a person would.
func (f *Forge) OpenPull(name hotfix.Repo, login, head, title, body string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return 0, err
	}
	sha, err := f.resolve(r, "refs/heads/"+head)
	if err != nil {
		return 0, err
	}
	i := f.newIssue(r, login, title, body)
	i.Pull = &Pull{Head: head, Base: r.Branch, HeadSHA: sha}
	return i.Number, nil
}

// ForbidAutoMerge switches auto-merge off in a repository, or on again.
func (f *Forge) ForbidAutoMerge(name hotfix.Repo, forbid bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, err := f.repo(name); err == nil {
		r.NoAutoMerge = forbid
	}
}
