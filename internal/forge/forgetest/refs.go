package forgetest

import (
	"crypto/sha1" //nolint:gosec // it is how git names objects
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Refs outside refs/heads and refs/tags, and the blobs and tag objects that only such refs need, are kept in memory: nobody
// fetches them, and a process of git for each would make the simulations slow.

// An object of git that is no commit.
type gitObject struct {
	kind string // "blob" or "tag"
	text string // of a blob its content, of a tag its message
	name string // of a tag
	of   string // what a tag points to
}

func refRoutes() []route {
	const git = "/repos/{owner}/{repo}/git"
	return []route{
		{"GET " + git + "/matching-refs/{ref...}", "contents", (*Forge).matchingRefs},
		{"PATCH " + git + "/refs/{ref...}", "contents+", (*Forge).updateRef},
		{"DELETE " + git + "/refs/{ref...}", "contents+", (*Forge).deleteRef},
		{"POST " + git + "/blobs", "contents+", (*Forge).createBlob},
		{"POST " + git + "/tags", "contents+", (*Forge).createTag},
		{"GET " + git + "/tags/{sha}", "contents", (*Forge).getTag},
	}
}

// besides reports whether a ref is neither a branch nor a tag.
func besides(ref string) bool {
	return strings.Count(ref, "/") >= 2 && !strings.HasPrefix(ref, "refs/heads/") && !strings.HasPrefix(ref, "refs/tags/")
}

func (r *repo) refJSON(ref string) object {
	sha := r.refs[ref]
	return object{"ref": ref, "object": object{"type": r.objects[sha].kind, "sha": sha}}
}

func (f *Forge) matchingRefs(q *query) reply {
	list := []object{}
	for _, ref := range slices.Sorted(maps.Keys(q.repo.refs)) {
		if strings.HasPrefix(ref, "refs/"+q.PathValue("ref")) {
			list = append(list, q.repo.refJSON(ref))
		}
	}
	return ok(list)
}

// createBeside makes a ref that is neither a branch nor a tag, unless it is there already.
func (f *Forge) createBeside(q *query, ref, sha string) reply {
	if _, taken := q.repo.refs[ref]; taken {
		return fail(http.StatusUnprocessableEntity, "Reference already exists")
	}
	if _, known := q.repo.objects[sha]; !known {
		return fail(http.StatusUnprocessableEntity, "Object does not exist")
	}
	q.repo.refs[ref] = sha
	q.wrote = "create " + ref
	return created(q.repo.refJSON(ref))
}

func (f *Forge) updateRef(q *query) reply {
	var in struct{ SHA string }
	ref := "refs/" + q.PathValue("ref")
	if _, there := q.repo.refs[ref]; !there {
		return fail(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	if err := q.read(&in); err != nil || q.repo.objects[in.SHA].kind == "" {
		return fail(http.StatusUnprocessableEntity, "Object does not exist")
	}
	q.repo.refs[ref] = in.SHA
	q.wrote = "update " + ref
	return ok(q.repo.refJSON(ref))
}

func (f *Forge) deleteRef(q *query) reply {
	ref := "refs/" + q.PathValue("ref")
	if _, there := q.repo.refs[ref]; !there {
		return fail(http.StatusUnprocessableEntity, "Reference does not exist")
	}
	delete(q.repo.refs, ref)
	q.wrote = "delete " + ref
	return reply{status: http.StatusNoContent}
}

// keep stores an object under the name that git gives it.
func (r *repo) keep(o gitObject) string {
	text := o.text
	if o.kind == "tag" {
		text = fmt.Sprintf("object %s\ntag %s\n\n%s", o.of, o.name, o.text)
	}
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", o.kind, len(text), text)) //nolint:gosec // as above
	sha := hex.EncodeToString(sum[:])
	r.objects[sha] = o
	return sha
}

func (f *Forge) createBlob(q *query) reply {
	var in struct{ Content string }
	if err := q.read(&in); err != nil {
		return fail(http.StatusUnprocessableEntity, "Problems parsing JSON")
	}
	q.wrote = "create blob"
	return created(object{"sha": q.repo.keep(gitObject{kind: "blob", text: in.Content})})
}

func (f *Forge) createTag(q *query) reply {
	var in struct{ Tag, Message, Object, Type string }
	if err := q.read(&in); err != nil || q.repo.objects[in.Object].kind != in.Type {
		return fail(http.StatusUnprocessableEntity, "Object does not exist")
	}
	sha := q.repo.keep(gitObject{kind: "tag", text: in.Message, name: in.Tag, of: in.Object})
	q.wrote = "create tag object"
	return created(object{"tag": in.Tag, "sha": sha, "message": in.Message, "object": object{"type": in.Type, "sha": in.Object}})
}

func (f *Forge) getTag(q *query) reply {
	o := q.repo.objects[q.PathValue("sha")]
	if o.kind != "tag" {
		return notFound()
	}
	return ok(object{"tag": o.name, "sha": q.PathValue("sha"), "message": o.text, "object": object{"type": "blob", "sha": o.of}})
}

// Refs are the refs of a repository that are neither branches nor tags.
func (f *Forge) Refs(name string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.repos[strings.ToLower(name)]; r != nil {
		return slices.Sorted(maps.Keys(r.refs))
	}
	return nil
}
