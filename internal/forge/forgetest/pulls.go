package forgetest

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Pull is what a pull request is besides an issue.
type Pull struct {
	Head, Base string // branches
	HeadSHA    string
	Draft      bool
	Merged     bool
	MergeSHA   string
	MergedAt   time.Time
	AutoMerge  bool // GitHub merges it when its checks have passed
	Lines      []LineComment
	Reviews    []Comment
}

func pullRoutes() []route {
	const one = "/repos/{owner}/{repo}/pulls/{number}"
	return []route{
		{"GET /repos/{owner}/{repo}/pulls", "pulls", (*Forge).listPulls},
		{"POST /repos/{owner}/{repo}/pulls", "pulls+", (*Forge).createPull},
		{"GET " + one, "pulls", onPull((*Forge).getPull)},
		{"PATCH " + one, "pulls+", onPull((*Forge).editPull)},
		{"GET " + one + "/files", "pulls", onPull((*Forge).pullFiles)},
		{"GET " + one + "/commits", "pulls", onPull((*Forge).pullCommits)},
		{"PUT " + one + "/merge", "contents+", onPull((*Forge).mergePull)},
	}
}

func onPull(do func(*Forge, *query, *issue) reply) func(*Forge, *query) reply {
	return func(f *Forge, q *query) reply {
		n := q.number("number")
		if n < 1 || n > len(q.repo.issues) || q.repo.issues[n-1].Pull == nil {
			return notFound()
		}
		return do(f, q, q.repo.issues[n-1])
	}
}

func (f *Forge) listPulls(q *query) reply {
	v := q.URL.Query()
	state := cmp.Or(v.Get("state"), "open")
	owner, head, _ := strings.Cut(v.Get("head"), ":")
	var found []*issue
	for _, i := range q.repo.issues {
		switch {
		case i.Pull == nil, state != "all" && i.State != state, v.Get("base") != "" && i.Pull.Base != v.Get("base"):
		case head != "" && (i.Pull.Head != head || !strings.EqualFold(owner, q.repo.name.Owner)): // without "owner:" GitHub ignores the filter
		default:
			found = append(found, i)
		}
	}
	if v.Get("direction") != "asc" {
		slices.Reverse(found)
	}
	page, headers := paged(f, q, found)
	out := make([]object, len(page))
	for n, i := range page {
		out[n] = f.pullJSON(q.repo, i)
	}
	return reply{status: http.StatusOK, body: out, header: headers}
}

func (f *Forge) createPull(q *query) reply {
	var in struct {
		Title string `json:"title"`
		Body  string `json:"body"`
		Head  string `json:"head"`
		Base  string `json:"base"`
		Draft bool   `json:"draft"`
	}
	if err := q.read(&in); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	if rep := checkText("PullRequest", &in.Title, &in.Body); rep != nil {
		return *rep
	}
	invalid := func(e object) reply {
		e["resource"] = "PullRequest"
		return fail(http.StatusUnprocessableEntity, "Validation Failed", e)
	}
	if owner, branch, ok := strings.Cut(in.Head, ":"); ok {
		if !strings.EqualFold(owner, q.repo.name.Owner) {
			return invalid(object{"field": "head", "code": "invalid"})
		}
		in.Head = branch
	}
	head, err := f.resolve(q.repo, "refs/heads/"+in.Head)
	if err != nil {
		return invalid(object{"field": "head", "code": "invalid"})
	}
	if _, err := f.resolve(q.repo, "refs/heads/"+in.Base); err != nil {
		return invalid(object{"field": "base", "code": "invalid"})
	}
	for _, i := range q.repo.issues {
		if p := i.Pull; p != nil && i.State == "open" && p.Head == in.Head && p.Base == in.Base {
			return invalid(object{"code": "custom", "message": fmt.Sprintf("A pull request already exists for %s:%s.", q.repo.name.Owner, in.Head)})
		}
	}
	if ahead, _ := f.git(q.repo, "", "rev-list", "--count", in.Base+".."+head, "--"); strings.TrimSpace(ahead) == "0" {
		return invalid(object{"code": "custom", "message": fmt.Sprintf("No commits between %s and %s", in.Base, in.Head)})
	}
	if in.Draft && q.repo.NoDrafts {
		return fail(http.StatusUnprocessableEntity, "Draft pull requests are not supported in this repository.")
	}
	i := f.newIssue(q.repo, q.who.Login, in.Title, in.Body)
	i.Pull = &Pull{Head: in.Head, Base: in.Base, HeadSHA: head, Draft: in.Draft}
	q.wrote = fmt.Sprintf("create pull request #%d", i.Number)
	return created(f.pullJSON(q.repo, i))
}

func (f *Forge) getPull(q *query, i *issue) reply { return ok(f.pullJSON(q.repo, i)) }

func (f *Forge) editPull(q *query, i *issue) reply {
	var in struct {
		Title *string `json:"title"`
		Body  *string `json:"body"`
		State *string `json:"state"`
		Base  *string `json:"base"`
	}
	if err := q.read(&in); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	if rep := checkText("PullRequest", in.Title, in.Body); rep != nil {
		return *rep
	}
	if in.State != nil && *in.State == "open" && i.Pull.Merged {
		return fail(http.StatusUnprocessableEntity, "Validation Failed", object{"resource": "PullRequest", "field": "state", "code": "invalid"})
	}
	if in.Title != nil {
		i.Title = *in.Title
	}
	if in.Body != nil {
		i.Body = *in.Body
	}
	if in.Base != nil {
		i.Pull.Base = *in.Base
	}
	if in.State != nil && *in.State != i.State {
		f.setState(i, *in.State, "", q.who.Login)
	}
	i.Updated = f.Now()
	q.wrote = fmt.Sprintf("edit pull request #%d", i.Number)
	return ok(f.pullJSON(q.repo, i))
}

// pullFiles lists what changed since the branches parted.
func (f *Forge) pullFiles(q *query, i *issue) reply {
	files, err := f.files(q.repo, i.Pull.Base, i.Pull.HeadSHA)
	if err != nil {
		return fail(http.StatusInternalServerError, err.Error())
	}
	page, head := paged(f, q, files)
	return reply{status: http.StatusOK, body: append([]object{}, page...), header: head}
}

func (f *Forge) files(r *repo, base, head string) ([]object, error) {
	status, err := f.git(r, "", "diff", "--no-renames", "--name-status", base+"..."+head, "--")
	if err != nil {
		return nil, err
	}
	counts, err := f.git(r, "", "diff", "--no-renames", "--numstat", base+"..."+head, "--")
	if err != nil {
		return nil, err
	}
	words := map[string]string{"A": "added", "D": "removed", "M": "modified", "T": "changed"}
	lines := strings.Split(strings.TrimSpace(counts), "\n")
	out := []object{}
	for n, line := range strings.Split(strings.TrimSpace(status), "\n") {
		letter, name, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		c := strings.SplitN(lines[n], "\t", 3)
		added, _ := strconv.Atoi(c[0])
		removed, _ := strconv.Atoi(c[1])
		patch, err := f.git(r, "", "diff", "--no-renames", base+"..."+head, "--", name)
		if err != nil {
			return nil, err
		}
		if at := strings.Index(patch, "\n@@"); at >= 0 {
			patch = strings.TrimSuffix(patch[at+1:], "\n")
		}
		out = append(out, object{"filename": name, "status": words[letter], "additions": added, "deletions": removed, "changes": added + removed, "patch": patch})
	}
	return out, nil
}

func (f *Forge) pullCommits(q *query, i *issue) reply {
	commits, err := f.commits(q.repo, i.Pull.Base+".."+i.Pull.HeadSHA)
	if err != nil {
		return fail(http.StatusInternalServerError, err.Error())
	}
	page, head := paged(f, q, commits)
	return reply{status: http.StatusOK, body: append([]object{}, page...), header: head}
}

func (f *Forge) commits(r *repo, span string) ([]object, error) {
	out, err := f.git(r, "", "rev-list", "--reverse", span, "--")
	if err != nil {
		return nil, err
	}
	commits := []object{}
	for hash := range strings.FieldsSeq(out) {
		c, err := f.commitJSON(r, hash)
		if err != nil {
			return nil, err
		}
		commits = append(commits, object{"sha": hash, "commit": c})
	}
	return commits, nil
}

func (f *Forge) mergePull(q *query, i *issue) reply {
	if err := f.merge(q.repo, i); err != nil {
		return fail(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	}
	q.wrote = fmt.Sprintf("merge #%d", i.Number)
	return ok(object{"merged": true, "sha": i.Pull.MergeSHA, "message": "Pull Request successfully merged"})
}

// Merge merges a pull request as a maintainer would, marking a draft as ready first.
func (f *Forge) Merge(name hotfix.Repo, n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return err
	}
	if n < 1 || n > len(r.issues) || r.issues[n-1].Pull == nil {
		return fmt.Errorf("%s has no pull request #%d", name, n)
	}
	r.issues[n-1].Pull.Draft = false
	return f.merge(r, r.issues[n-1])
}

var closes = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +#(\d+)`)

func (f *Forge) merge(r *repo, i *issue) error {
	p := i.Pull
	if p.Merged || p.Draft || i.State != "open" {
		return fmt.Errorf("pull request #%d cannot be merged", i.Number)
	}
	base, err := f.resolve(r, "refs/heads/"+p.Base)
	if err != nil {
		return err
	}
	tree, err := f.git(r, "", "merge-tree", "--write-tree", base, p.HeadSHA)
	if err != nil {
		return err
	}
	message := fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s\n", i.Number, r.name.Owner, p.Head, i.Title)
	hash, err := f.git(r, message, "commit-tree", "-p", base, "-p", p.HeadSHA, strings.TrimSpace(tree))
	if err != nil {
		return err
	}
	hash = strings.TrimSpace(hash)
	if _, err := f.git(r, "", "update-ref", "refs/heads/"+p.Base, hash, base); err != nil {
		return err
	}
	p.Merged, p.MergeSHA, p.MergedAt = true, hash, f.Now()
	f.setState(i, "closed", "", Maintainer)
	if p.Base != r.Branch {
		return nil
	}
	for _, m := range closes.FindAllStringSubmatch(i.Body, -1) {
		if n, _ := strconv.Atoi(m[1]); n > 0 && n <= len(r.issues) && r.issues[n-1].Pull == nil && r.issues[n-1].State == "open" {
			f.setState(r.issues[n-1], "closed", "completed", Maintainer)
		}
	}
	return nil
}

func (f *Forge) pullJSON(r *repo, i *issue) object {
	p := i.Pull
	o := f.issueJSON(r, i)
	delete(o, "pull_request")
	delete(o, "state_reason")
	end := func(branch, sha string) object {
		return object{"ref": branch, "sha": sha, "label": r.name.Owner + ":" + branch, "repo": object{"id": r.id, "full_name": r.name.String()}}
	}
	base, _ := f.resolve(r, "refs/heads/"+p.Base)
	o["url"] = fmt.Sprintf("%s/repos/%s/pulls/%d", f.API(), r.name, i.Number)
	o["node_id"] = nodeID(r, i)
	_, conflict := f.git(r, "", "merge-tree", "--write-tree", p.Base, p.HeadSHA)
	o["mergeable"] = conflict == nil
	o["draft"], o["merged"], o["merged_at"] = p.Draft, p.Merged, stamp(p.MergedAt)
	o["merge_commit_sha"] = nullable(p.MergeSHA)
	o["head"], o["base"] = end(p.Head, p.HeadSHA), end(p.Base, base)
	if files, err := f.files(r, p.Base, p.HeadSHA); err == nil {
		o["changed_files"] = len(files)
	}
	return o
}
