package forgetest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

func repoRoutes() []route {
	const repo = "/repos/{owner}/{repo}"
	return []route{
		{"GET " + repo, "metadata", func(f *Forge, q *query) reply { return ok(f.repoJSON(q)) }},
		{"GET " + repo + "/collaborators/{user}/permission", "metadata", (*Forge).getPermission},
		{"GET " + repo + "/contents/{path...}", "contents", (*Forge).getContents},
		{"GET " + repo + "/git/ref/{ref...}", "contents", (*Forge).getRef},
		{"POST " + repo + "/git/refs", "contents+", (*Forge).createRef},
		{"GET " + repo + "/git/commits/{sha}", "contents", (*Forge).getGitCommit},
		{"POST " + repo + "/git/commits", "contents+", (*Forge).createCommit},
		{"GET " + repo + "/branches/{branch...}", "contents", (*Forge).getBranch},
		{"GET " + repo + "/commits/{rest...}", "contents", (*Forge).getCommit},
		{"GET " + repo + "/compare/{span...}", "contents", (*Forge).compare},
	}
}

func (f *Forge) repoJSON(q *query) object {
	r := q.repo
	o := object{"id": r.id, "name": r.name.Name, "full_name": r.name.String(), "private": r.Private, "default_branch": r.Branch,
		"owner": f.userJSON(r.name.Owner), "has_issues": !r.NoIssues, "html_url": f.URL() + "/" + r.name.String(),
		"clone_url": f.URL() + "/" + r.name.String() + ".git", "archived": false, "fork": false}
	if q.who != nil {
		push := !q.who.Read && q.who.covers(r)
		if q.who.user {
			push = canPush(r.may(q.who.Login))
		}
		o["permissions"] = object{"pull": true, "push": push, "admin": q.who.user && r.may(q.who.Login) == "admin"}
	}
	return o
}

// getPermission folds maintain into write and triage into read, as GitHub's field "permission" does.
func (f *Forge) getPermission(q *query) reply {
	if q.who == nil {
		return fail(http.StatusUnauthorized, "Requires authentication")
	}
	login := q.PathValue("user")
	if _, known := f.accounts[strings.ToLower(login)]; !known {
		return fail(http.StatusNotFound, login+" is not a user")
	}
	role := q.repo.may(login)
	legacy := map[string]string{"maintain": "write", "triage": "read"}[role]
	if legacy == "" {
		legacy = role
	}
	return ok(object{"permission": legacy, "role_name": role, "user": f.userJSON(login)})
}

func (f *Forge) getContents(q *query) reply {
	ref := q.URL.Query().Get("ref")
	if ref == "" {
		ref = q.repo.Branch
	}
	hash, err := f.resolve(q.repo, ref)
	if err != nil {
		return fail(http.StatusNotFound, "No commit found for the ref "+ref)
	}
	name := strings.Trim(path.Clean("/"+q.PathValue("path")), "/")
	kind, err := f.git(q.repo, "", "cat-file", "-t", hash+":"+name)
	if err != nil {
		return notFound()
	}
	if strings.TrimSpace(kind) == "blob" {
		data, err := f.git(q.repo, "", "cat-file", "blob", hash+":"+name)
		if err != nil {
			return notFound()
		}
		return ok(object{"type": "file", "name": path.Base(name), "path": name, "size": len(data), "encoding": "base64",
			"content": base64.StdEncoding.EncodeToString([]byte(data))})
	}
	out, err := f.git(q.repo, "", "ls-tree", hash+":"+name)
	if err != nil {
		return notFound()
	}
	list := []object{}
	for line := range strings.Lines(out) {
		meta, base, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		typ := "file"
		if strings.Contains(meta, " tree ") {
			typ = "dir"
		}
		list = append(list, object{"type": typ, "name": base, "path": path.Join(name, base)})
	}
	return ok(list)
}

func refJSON(ref, sha string) object {
	return object{"ref": ref, "object": object{"type": "commit", "sha": sha}}
}

func (f *Forge) getRef(q *query) reply {
	ref := "refs/" + q.PathValue("ref")
	sha, err := f.resolve(q.repo, ref)
	if err != nil {
		return notFound()
	}
	return ok(refJSON(ref, sha))
}

func (f *Forge) createRef(q *query) reply {
	var in struct{ Ref, SHA string }
	if err := q.read(&in); err != nil || !strings.HasPrefix(in.Ref, "refs/") {
		return fail(http.StatusUnprocessableEntity, "Reference name must start with 'refs/'.")
	}
	if besides(in.Ref) {
		return f.createBeside(q, in.Ref, in.SHA)
	}
	if _, err := f.resolve(q.repo, in.Ref); err == nil {
		return fail(http.StatusUnprocessableEntity, "Reference already exists")
	}
	sha, err := f.resolve(q.repo, in.SHA)
	if err != nil {
		return fail(http.StatusUnprocessableEntity, "Object does not exist")
	}
	if _, err := f.git(q.repo, "", "update-ref", in.Ref, sha, ""); err != nil {
		return fail(http.StatusUnprocessableEntity, "Reference update failed")
	}
	q.wrote = "create " + in.Ref
	return created(refJSON(in.Ref, sha))
}

func (f *Forge) getBranch(q *query) reply {
	sha, err := f.resolve(q.repo, "refs/heads/"+q.PathValue("branch"))
	if err != nil {
		return fail(http.StatusNotFound, "Branch not found")
	}
	return ok(object{"name": q.PathValue("branch"), "commit": object{"sha": sha}, "protected": false})
}

func (f *Forge) getGitCommit(q *query) reply {
	c, err := f.commitJSON(q.repo, q.PathValue("sha"))
	if err != nil {
		return notFound()
	}
	return ok(c)
}

// commitJSON is a commit as the git database shows it.
func (f *Forge) commitJSON(r *repo, rev string) (object, error) {
	hash, err := f.resolve(r, rev)
	if err != nil {
		return nil, err
	}
	out, err := f.git(r, "", "show", "--no-patch", "--format=%T%n%P%n%an%n%ae%n%at%n%cn%n%ce%n%ct%n%B", hash, "--")
	if err != nil {
		return nil, err
	}
	l := strings.SplitN(out, "\n", 9)
	if len(l) < 9 {
		return nil, errors.New("short commit")
	}
	parents := []object{}
	for p := range strings.FieldsSeq(l[1]) {
		parents = append(parents, object{"sha": p})
	}
	person := func(name, mail, at string) object {
		sec, _ := strconv.ParseInt(at, 10, 64)
		return object{"name": name, "email": mail, "date": stamp(time.Unix(sec, 0))}
	}
	return object{"sha": hash, "tree": object{"sha": l[0]}, "parents": parents, "message": strings.TrimRight(l[8], "\n"),
		"author": person(l[2], l[3], l[4]), "committer": person(l[5], l[6], l[7])}, nil
}

func (f *Forge) createCommit(q *query) reply {
	var in struct {
		Message string
		Tree    string
		Parents []string
	}
	if err := q.read(&in); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON")
	}
	args := []string{"commit-tree", "-F", "-"}
	for _, p := range in.Parents {
		sha, err := f.resolve(q.repo, p)
		if err != nil {
			return fail(http.StatusUnprocessableEntity, "Parent SHA does not exist or is not a commit object")
		}
		args = append(args, "-p", sha)
	}
	tree, err := f.git(q.repo, "", "rev-parse", "--quiet", "--verify", "--end-of-options", in.Tree+"^{tree}")
	if err != nil {
		return fail(http.StatusUnprocessableEntity, "Tree SHA does not exist")
	}
	out, err := f.git(q.repo, in.Message, append(args, strings.TrimSpace(tree))...)
	if err != nil {
		return fail(http.StatusUnprocessableEntity, err.Error())
	}
	c, err := f.commitJSON(q.repo, strings.TrimSpace(out))
	if err != nil {
		return fail(http.StatusInternalServerError, err.Error())
	}
	q.wrote = "create commit"
	return created(c)
}

// getCommit also answers for the checks of a commit, whose path starts the same.
func (f *Forge) getCommit(q *query) reply {
	rest := q.PathValue("rest")
	if ref, ok := strings.CutSuffix(rest, "/check-runs"); ok {
		return f.listChecks(q, ref)
	}
	hash, err := f.resolve(q.repo, rest)
	if err != nil {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+rest)
	}
	c, err := f.commitJSON(q.repo, hash)
	if err != nil {
		return notFound()
	}
	return ok(object{"sha": hash, "commit": c, "parents": c["parents"]})
}

func (f *Forge) compare(q *query) reply {
	base, head, found := strings.Cut(q.PathValue("span"), "...")
	if !found {
		return notFound()
	}
	if _, err := f.resolve(q.repo, base); err != nil {
		return notFound()
	}
	hash, err := f.resolve(q.repo, head)
	if err != nil {
		return notFound()
	}
	commits, err := f.commits(q.repo, base+".."+hash)
	if err != nil {
		return notFound()
	}
	behind, err := f.git(q.repo, "", "rev-list", "--count", hash+".."+base, "--")
	if err != nil {
		return notFound()
	}
	n, _ := strconv.Atoi(strings.TrimSpace(behind))
	files, err := f.files(q.repo, base, hash)
	if err != nil {
		return notFound()
	}
	status := "identical"
	switch ahead := len(commits) > 0; {
	case ahead && n > 0:
		status = "diverged"
	case ahead:
		status = "ahead"
	case n > 0:
		status = "behind"
	}
	return ok(object{"status": status, "ahead_by": len(commits), "behind_by": n, "total_commits": len(commits), "commits": commits, "files": files,
		"html_url": fmt.Sprintf("%s/%s/compare/%s...%s", f.URL(), q.repo.name, base, head)})
}
