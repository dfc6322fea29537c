package forgetest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// An Issue is an issue or a pull request, as a test or a person looks at it.
type Issue struct {
	Number                     int
	Title, Body                string
	State, StateReason         string
	Author                     string
	Labels                     []string
	Locked                     bool
	Comments                   []Comment
	Created, Updated, ClosedAt time.Time
	Pull                       *Pull // nil for an issue
}

// A Comment is a comment on an issue.
type Comment struct {
	ID               int64
	Author, Body     string
	Created, Updated time.Time
}

type issue struct {
	Issue
	id      int64
	deleted bool
	moved   string // API path of where it was transferred to
	events  []object
}

func issueRoutes() []route {
	const one = "/repos/{owner}/{repo}/issues/{number}"
	return []route{
		{"GET /repos/{owner}/{repo}/issues", "issues", (*Forge).listIssues},
		{"POST /repos/{owner}/{repo}/issues", "issues+", (*Forge).createIssue},
		{"GET " + one, "issues", onIssue((*Forge).getIssue)},
		{"PATCH " + one, "issues+", onIssue((*Forge).editIssue)},
		{"GET " + one + "/events", "issues", onIssue(func(f *Forge, q *query, i *issue) reply {
			page, head := paged(f, q, i.events)
			return reply{status: http.StatusOK, header: head, body: append([]object{}, page...)}
		})},
		{"GET " + one + "/comments", "issues", onIssue((*Forge).listComments)},
		{"POST " + one + "/comments", "issues+", onIssue((*Forge).createComment)},
		{"GET " + one + "/labels", "issues", onIssue(func(f *Forge, q *query, i *issue) reply { return ok(labelsJSON(i.Labels)) })},
		{"POST " + one + "/labels", "issues+", onIssue((*Forge).addLabels)},
		{"DELETE " + one + "/labels/{name}", "issues+", onIssue((*Forge).dropLabel)},
		{"PUT " + one + "/lock", "issues+", onIssue(func(_ *Forge, q *query, i *issue) reply {
			i.Locked, q.wrote = true, fmt.Sprintf("lock #%d", i.Number)
			return reply{status: http.StatusNoContent}
		})},
		{"POST " + one + "/reactions", "issues+", onIssue((*Forge).react)},
		{"GET /repos/{owner}/{repo}/issues/comments/{id}", "issues", (*Forge).getComment},
		{"PATCH /repos/{owner}/{repo}/issues/comments/{id}", "issues+", (*Forge).editComment},
		{"POST /repos/{owner}/{repo}/issues/comments/{id}/reactions", "issues+", (*Forge).reactComment},
		{"GET /repos/{owner}/{repo}/labels", "issues", (*Forge).listLabels},
		{"GET /repos/{owner}/{repo}/labels/{name}", "issues", (*Forge).getLabel},
		{"POST /repos/{owner}/{repo}/labels", "issues+", (*Forge).createLabel},
		{"GET /search/issues", "", (*Forge).searchIssues},
	}
}

// onIssue finds the issue a route is about, or says what became of it.
func onIssue(do func(*Forge, *query, *issue) reply) func(*Forge, *query) reply {
	return func(f *Forge, q *query) reply {
		n := q.number("number")
		if n < 1 || n > len(q.repo.issues) {
			return notFound()
		}
		i := q.repo.issues[n-1]
		switch {
		case i.deleted:
			return fail(http.StatusGone, "This issue was deleted")
		case i.moved != "":
			return reply{status: http.StatusMovedPermanently, body: object{"message": "Moved Permanently", "url": f.API() + i.moved},
				header: http.Header{"Location": {f.API() + i.moved}}}
		case q.repo.NoIssues && i.Pull == nil:
			return fail(http.StatusGone, "Issues are disabled for this repo")
		}
		return do(f, q, i)
	}
}

func (f *Forge) listIssues(q *query) reply {
	if q.repo.NoIssues {
		return fail(http.StatusGone, "Issues are disabled for this repo")
	}
	v := q.URL.Query()
	state, creator := cmp.Or(v.Get("state"), "open"), v.Get("creator")
	since, _ := time.Parse(time.RFC3339, v.Get("since"))
	var found []*issue
	for _, i := range q.repo.issues {
		switch {
		case f.Now().Before(i.Created.Add(f.ListDelay)):
		case i.deleted || i.moved != "", state != "all" && i.State != state, i.Updated.Before(since):
		case creator != "" && !strings.EqualFold(i.Author, creator), creator != "" && f.CreatorBlind && strings.HasSuffix(creator, "[bot]"):
		case v.Get("labels") != "" && !hasAll(i.Labels, strings.Split(v.Get("labels"), ",")):
		default:
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b *issue) int {
		c := cmp.Compare(a.Number, b.Number)
		if v.Get("sort") == "updated" {
			c = a.Updated.Compare(b.Updated)
		}
		if v.Get("direction") != "asc" {
			c = -c
		}
		return c
	})
	page, head := paged(f, q, found)
	out := make([]object, len(page))
	for n, i := range page {
		out[n] = f.issueJSON(q.repo, i)
	}
	return reply{status: http.StatusOK, body: out, header: head}
}

func hasAll(have, want []string) bool {
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, w) }) {
			return false
		}
	}
	return true
}

func (f *Forge) createIssue(q *query) reply {
	var in struct {
		Title  string   `json:"title"`
		Body   string   `json:"body"`
		Labels []string `json:"labels"`
	}
	if err := q.read(&in); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	if q.repo.NoIssues {
		return fail(http.StatusGone, "Issues are disabled for this repo")
	}
	if rep := checkText("Issue", &in.Title, &in.Body); rep != nil {
		return *rep
	}
	i := f.newIssue(q.repo, q.who.Login, in.Title, in.Body)
	if rep := f.label(q, i, in.Labels, false); rep != nil {
		q.repo.issues = q.repo.issues[:len(q.repo.issues)-1]
		return *rep
	}
	q.wrote = fmt.Sprintf("create issue #%d", i.Number)
	return created(f.issueJSON(q.repo, i))
}

func (f *Forge) newIssue(r *repo, login, title, body string) *issue {
	now := f.Now()
	i := &issue{id: f.nextID(), Issue: Issue{Number: len(r.issues) + 1, Title: title, Body: body, State: "open",
		Author: f.account(login).Login, Created: now, Updated: now}}
	r.issues = append(r.issues, i)
	return i
}

// checkText refuses what GitHub finds too long or missing. nil pointers are fields that were not sent.
func checkText(resource string, title, body *string) *reply {
	invalid := func(field, code, message string) *reply {
		rep := fail(http.StatusUnprocessableEntity, "Validation Failed",
			object{"resource": resource, "field": field, "code": code, "message": message})
		return &rep
	}
	switch {
	case title != nil && strings.TrimSpace(*title) == "":
		return invalid("title", "missing_field", "title can't be blank")
	case title != nil && utf8.RuneCountInString(*title) > 256:
		return invalid("title", "custom", "title is too long (maximum is 256 characters)")
	case body != nil && utf8.RuneCountInString(*body) > BodyMax:
		return invalid("body", "custom", fmt.Sprintf("body is too long (maximum is %d characters)", BodyMax))
	}
	return nil
}

func (f *Forge) getIssue(q *query, i *issue) reply { return ok(f.issueJSON(q.repo, i)) }

func (f *Forge) editIssue(q *query, i *issue) reply {
	var in struct {
		Title       *string   `json:"title"`
		Body        *string   `json:"body"`
		State       *string   `json:"state"`
		StateReason *string   `json:"state_reason"`
		Labels      *[]string `json:"labels"`
	}
	if err := q.read(&in); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	if q.who.user && !strings.EqualFold(q.who.Login, i.Author) && !canPush(q.repo.may(q.who.Login)) {
		return fail(http.StatusForbidden, "Must have admin rights to Repository.")
	}
	if rep := checkText("Issue", in.Title, in.Body); rep != nil {
		return *rep
	}
	if in.State != nil && *in.State != "open" && *in.State != "closed" {
		return fail(http.StatusUnprocessableEntity, "Validation Failed", object{"resource": "Issue", "field": "state", "code": "invalid"})
	}
	if in.StateReason != nil && !slices.Contains([]string{"completed", "not_planned", "reopened", "duplicate"}, *in.StateReason) {
		return fail(http.StatusUnprocessableEntity, "Validation Failed", object{"resource": "Issue", "field": "state_reason", "code": "invalid"})
	}
	if in.Labels != nil {
		if rep := f.label(q, i, *in.Labels, true); rep != nil {
			return *rep
		}
	}
	var what []string
	if in.Title != nil {
		i.Title, what = *in.Title, append(what, "title")
	}
	if in.Body != nil {
		i.Body, what = *in.Body, append(what, "body")
	}
	if in.State != nil && *in.State != i.State {
		reason := ""
		if in.StateReason != nil {
			reason = *in.StateReason
		}
		f.setState(i, *in.State, reason, q.who.Login)
		what = append(what, i.State)
	}
	i.Updated = f.Now()
	q.wrote = fmt.Sprintf("edit #%d: %s", i.Number, strings.Join(what, ", "))
	return ok(f.issueJSON(q.repo, i))
}

func (f *Forge) setState(i *issue, state, reason, by string) {
	i.State, i.Updated = state, f.Now()
	event := map[string]string{"open": "reopened", "closed": "closed"}[state]
	i.events = append(i.events, object{"id": f.nextID(), "event": event, "actor": f.userJSON(by), "created_at": stamp(f.Now())})
	switch {
	case state == "closed":
		i.StateReason, i.ClosedAt = cmp.Or(reason, "completed"), f.Now()
	default:
		i.StateReason, i.ClosedAt = "reopened", time.Time{}
	}
	if i.Pull != nil {
		i.StateReason = ""
	}
}

func (f *Forge) issueJSON(r *repo, i *issue) object {
	kind := "issues"
	if i.Pull != nil {
		kind = "pull"
	}
	o := object{
		"id": i.id, "number": i.Number, "title": i.Title, "body": i.Body, "state": i.State, "locked": i.Locked,
		"state_reason": nullable(i.StateReason), "labels": labelsJSON(i.Labels), "user": f.userJSON(i.Author),
		"comments": len(i.Comments), "created_at": stamp(i.Created), "updated_at": stamp(i.Updated), "closed_at": stamp(i.ClosedAt),
		"url":            fmt.Sprintf("%s/repos/%s/issues/%d", f.API(), r.name, i.Number),
		"html_url":       fmt.Sprintf("%s/%s/%s/%d", f.URL(), r.name, kind, i.Number),
		"repository_url": fmt.Sprintf("%s/repos/%s", f.API(), r.name), "author_association": f.association(r, i.Author),
	}
	if i.Pull != nil {
		o["draft"] = i.Pull.Draft
		o["pull_request"] = object{"url": fmt.Sprintf("%s/repos/%s/pulls/%d", f.API(), r.name, i.Number)}
	}
	return o
}

func (f *Forge) association(r *repo, login string) string {
	switch {
	case strings.EqualFold(r.name.Owner, login):
		return "OWNER"
	case canPush(r.may(login)):
		return "COLLABORATOR"
	}
	return "NONE"
}

func (f *Forge) userJSON(login string) object {
	a := f.account(login)
	return object{"login": a.Login, "id": a.ID, "type": a.Type, "html_url": f.URL() + "/" + a.Login}
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}
