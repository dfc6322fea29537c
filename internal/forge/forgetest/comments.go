package forgetest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

func (f *Forge) listComments(q *query, i *issue) reply {
	page, head := paged(f, q, i.Comments)
	out := make([]object, len(page))
	for n, c := range page {
		out[n] = f.commentJSON(q.repo, i, &c)
	}
	return reply{status: http.StatusOK, body: out, header: head}
}

func (f *Forge) createComment(q *query, i *issue) reply {
	var in struct {
		Body string `json:"body"`
	}
	if err := q.read(&in); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	if i.Locked && (!q.who.user || !canPush(q.repo.may(q.who.Login))) {
		return fail(http.StatusForbidden, "Unable to create comment because issue is locked.")
	}
	if strings.TrimSpace(in.Body) == "" {
		return fail(http.StatusUnprocessableEntity, "Validation Failed", object{"resource": "IssueComment", "code": "missing_field", "field": "body"})
	}
	if rep := checkText("IssueComment", nil, &in.Body); rep != nil {
		return *rep
	}
	c := f.comment(i, q.who.Login, in.Body)
	q.wrote = fmt.Sprintf("comment on #%d", i.Number)
	return created(f.commentJSON(q.repo, i, c))
}

func (f *Forge) comment(i *issue, login, body string) *Comment {
	now := f.Now()
	i.Comments = append(i.Comments, Comment{ID: f.nextID(), Author: f.account(login).Login, Body: body, Created: now, Updated: now})
	i.Updated = now
	return &i.Comments[len(i.Comments)-1]
}

func (f *Forge) findComment(q *query) (*issue, *Comment) {
	for _, i := range q.repo.issues {
		for n := range i.Comments {
			if c := &i.Comments[n]; fmt.Sprint(c.ID) == q.PathValue("id") && !i.deleted {
				return i, c
			}
		}
	}
	return nil, nil
}

func (f *Forge) getComment(q *query) reply {
	i, c := f.findComment(q)
	if c == nil {
		return notFound()
	}
	return ok(f.commentJSON(q.repo, i, c))
}

func (f *Forge) editComment(q *query) reply {
	i, c := f.findComment(q)
	if c == nil {
		return notFound()
	}
	var in struct {
		Body string `json:"body"`
	}
	if err := q.read(&in); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	if rep := checkText("IssueComment", nil, &in.Body); rep != nil {
		return *rep
	}
	c.Body, c.Updated = in.Body, f.Now()
	q.wrote = fmt.Sprintf("edit comment on #%d", i.Number)
	return ok(f.commentJSON(q.repo, i, c))
}

func (f *Forge) commentJSON(r *repo, i *issue, c *Comment) object {
	return object{"id": c.ID, "body": c.Body, "user": f.userJSON(c.Author), "created_at": stamp(c.Created), "updated_at": stamp(c.Updated),
		"author_association": f.association(r, c.Author), "issue_url": fmt.Sprintf("%s/repos/%s/issues/%d", f.API(), r.name, i.Number),
		"html_url": fmt.Sprintf("%s/%s/issues/%d#issuecomment-%d", f.URL(), r.name, i.Number, c.ID)}
}

func (f *Forge) react(q *query, i *issue) reply {
	q.wrote = fmt.Sprintf("react to #%d", i.Number)
	return f.reaction(q)
}

func (f *Forge) reactComment(q *query) reply {
	i, c := f.findComment(q)
	if c == nil {
		return notFound()
	}
	q.wrote = fmt.Sprintf("react to a comment on #%d", i.Number)
	return f.reaction(q)
}

func (f *Forge) reaction(q *query) reply {
	var in struct {
		Content string `json:"content"`
	}
	if err := q.read(&in); err != nil || !slices.Contains([]string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}, in.Content) {
		q.wrote = ""
		return fail(http.StatusUnprocessableEntity, "Validation Failed")
	}
	return created(object{"id": f.nextID(), "content": in.Content, "user": f.userJSON(q.who.Login)})
}

// label puts labels on an issue as GitHub does: unknown ones come into being, unless the repository says otherwise.
func (f *Forge) label(q *query, i *issue, labels []string, replace bool) *reply {
	refuse := func(status int, message string, errs ...object) *reply {
		rep := fail(status, message, errs...)
		return &rep
	}
	if len(labels) == 0 && !replace {
		return nil
	}
	dropped := q.repo.DropLabels || q.who.user && !canPush(q.repo.may(q.who.Login))
	switch {
	case q.repo.RefuseLabels:
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	case dropped:
		return nil
	}
	for _, l := range labels {
		if l == "" || utf8.RuneCountInString(l) > 50 {
			return refuse(http.StatusUnprocessableEntity, "Validation Failed", object{"resource": "Label", "field": "name", "code": "invalid", "value": l})
		}
		if !hasAll(q.repo.labels, []string{l}) {
			if q.repo.NoAutoLabel {
				return refuse(http.StatusUnprocessableEntity, "Validation Failed", object{"resource": "Issue", "field": "labels", "code": "invalid", "value": l})
			}
			q.repo.labels = append(q.repo.labels, l)
		}
	}
	if replace {
		i.Labels = nil
	}
	for _, l := range labels {
		if !hasAll(i.Labels, []string{l}) {
			i.Labels = append(i.Labels, l)
		}
	}
	i.Updated = f.Now()
	return nil
}

func (f *Forge) addLabels(q *query, i *issue) reply {
	var labels []string
	if err := q.read(&labels); err != nil {
		var in struct {
			Labels []string `json:"labels"`
		}
		if err := q.read(&in); err != nil {
			return fail(http.StatusBadRequest, "Problems parsing JSON")
		}
		labels = in.Labels
	}
	if q.who.user && !canPush(q.repo.may(q.who.Login)) || q.repo.DropLabels {
		return fail(http.StatusForbidden, "Must have push access to repository.")
	}
	if rep := f.label(q, i, labels, false); rep != nil {
		return *rep
	}
	q.wrote = fmt.Sprintf("label #%d", i.Number)
	return ok(labelsJSON(i.Labels))
}

func (f *Forge) dropLabel(q *query, i *issue) reply {
	n := slices.IndexFunc(i.Labels, func(l string) bool { return strings.EqualFold(l, q.PathValue("name")) })
	if n < 0 {
		return fail(http.StatusNotFound, "Label does not exist")
	}
	i.Labels = slices.Delete(i.Labels, n, n+1)
	q.wrote = fmt.Sprintf("unlabel #%d", i.Number)
	return ok(labelsJSON(i.Labels))
}

func (f *Forge) listLabels(q *query) reply {
	page, head := paged(f, q, q.repo.labels)
	return reply{status: http.StatusOK, body: labelsJSON(page), header: head}
}

func (f *Forge) getLabel(q *query) reply {
	if !hasAll(q.repo.labels, []string{q.PathValue("name")}) {
		return notFound()
	}
	return ok(labelJSON(q.PathValue("name")))
}

func (f *Forge) createLabel(q *query) reply {
	var in struct {
		Name string `json:"name"`
	}
	if err := q.read(&in); err != nil || in.Name == "" {
		return fail(http.StatusUnprocessableEntity, "Validation Failed")
	}
	if q.repo.RefuseLabels {
		return fail(http.StatusForbidden, "Resource not accessible by integration")
	}
	if hasAll(q.repo.labels, []string{in.Name}) {
		return fail(http.StatusUnprocessableEntity, "Validation Failed", object{"resource": "Label", "code": "already_exists", "field": "name"})
	}
	q.repo.labels = append(q.repo.labels, in.Name)
	q.wrote = "create label " + in.Name
	return created(labelJSON(in.Name))
}

func labelJSON(name string) object { return object{"name": name, "color": "ededed"} }

func labelsJSON(names []string) []object {
	out := make([]object, len(names))
	for i, n := range names {
		out[i] = labelJSON(n)
	}
	return out
}

// searchIssues knows the qualifiers repo, is, state, label, author and in; the rest is text to be found.
func (f *Forge) searchIssues(q *query) reply {
	var text []string
	want := map[string][]string{}
	for _, w := range searchWords(q.URL.Query().Get("q")) {
		key, value, ok := strings.Cut(w, ":")
		if ok && slices.Contains([]string{"repo", "is", "state", "label", "author", "in", "type"}, key) {
			want[key] = append(want[key], value)
			continue
		}
		text = append(text, strings.ToLower(w))
	}
	names := want["repo"]
	if len(names) == 0 {
		return fail(http.StatusUnprocessableEntity, "Validation Failed")
	}
	var found []object
	for _, name := range names {
		owner, short, _ := strings.Cut(name, "/")
		r, err := f.repo(hotfix.Repo{Owner: owner, Name: short})
		if err != nil || !f.sees(q.who, r) {
			return fail(http.StatusUnprocessableEntity, "Validation Failed")
		}
		for _, i := range r.issues {
			if f.searched(i, want, text) {
				found = append(found, f.issueJSON(r, i))
			}
		}
	}
	slices.SortFunc(found, func(a, b object) int { return cmp.Compare(b["number"].(int), a["number"].(int)) })
	page, head := paged(f, q, found)
	return reply{status: http.StatusOK, header: head,
		body: object{"total_count": len(found), "incomplete_results": false, "items": append([]object{}, page...)}}
}

func (f *Forge) searched(i *issue, want map[string][]string, text []string) bool {
	if i.deleted || i.moved != "" || f.Now().Before(i.Created.Add(f.SearchDelay)) {
		return false
	}
	for _, s := range append(append(want["is"], want["state"]...), want["type"]...) {
		switch s {
		case "issue", "pr", "pull-request":
			if (s == "issue") == (i.Pull != nil) {
				return false
			}
		case "open", "closed":
			if i.State != s {
				return false
			}
		}
	}
	for _, a := range want["author"] {
		if app, ok := strings.CutPrefix(a, "app/"); ok {
			a = app + "[bot]"
		}
		if !strings.EqualFold(a, i.Author) {
			return false
		}
	}
	all := strings.ToLower(i.Title + "\n" + i.Body)
	return hasAll(i.Labels, want["label"]) && !slices.ContainsFunc(text, func(w string) bool { return !strings.Contains(all, w) })
}

// searchWords splits at spaces outside quotes, and drops the quotes.
func searchWords(s string) []string {
	var words []string
	var w strings.Builder
	quoted := false
	for _, r := range s + " " {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ' ' && !quoted:
			if w.Len() > 0 {
				words = append(words, w.String())
			}
			w.Reset()
		default:
			w.WriteRune(r)
		}
	}
	return words
}
