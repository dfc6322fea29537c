package forgetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Call is one request that reached the forge.
type Call struct {
	Method string
	Path   string // without the API's prefix
	Query  string
	Login  string // whose token it carried, "" for none
	Status int
	Write  string // what changed, in a few words; "" if nothing did
}

// A query is one API request on its way through a handler.
type query struct {
	*http.Request
	who   *Access // nil: anonymous
	token string
	repo  *repo
	body  []byte
	wrote string
}

// A reply is what a handler answers.
type reply struct {
	status int
	body   any
	header http.Header
}

func ok(body any) reply      { return reply{status: http.StatusOK, body: body} }
func created(body any) reply { return reply{status: http.StatusCreated, body: body} }

func fail(status int, message string, errs ...object) reply {
	body := object{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)}
	if len(errs) > 0 {
		body["errors"] = errs
	}
	return reply{status: status, body: body}
}

func notFound() reply { return fail(http.StatusNotFound, "Not Found") }

type object map[string]any

// A route is one API operation. area names the permission it needs: "issues+" to write issues, "actions" to read
// actions, "" for what any valid token may do.
type route struct {
	pattern string
	area    string
	handle  func(*Forge, *query) reply
}

// routes returns everything the forge answers.
func (f *Forge) routes() http.Handler {
	all := slices.Concat(issueRoutes(), pullRoutes(), reviewRoutes(), repoRoutes(), refRoutes(), actionRoutes(), appRoutes())
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.api(pick(all, r)).ServeHTTP(w, r)
	})
	rest, graphql, web := http.StripPrefix("/api/v3", api), f.api(route{handle: (*Forge).graphql}), http.NewServeMux()
	f.gitRoutes(web)
	f.pageRoutes(web)
	f.oauthRoutes(web)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/v3/"):
			rest.ServeHTTP(w, r)
		case r.URL.Path == "/api/graphql":
			graphql.ServeHTTP(w, r)
		default:
			web.ServeHTTP(w, r)
		}
	})
}

// pick returns the route with the most literal segments that matches, and sets its path values. The standard
// library's router refuses GitHub's paths: issues/comments/{id} and issues/{number}/comments overlap.
func pick(all []route, r *http.Request) route {
	best, score := route{handle: func(*Forge, *query) reply { return notFound() }}, -1
	path := strings.Split(r.URL.EscapedPath(), "/")
	var values map[string]string
	for _, rt := range all {
		method, pattern, _ := strings.Cut(rt.pattern, " ")
		if v, literals, ok := match(strings.Split(pattern, "/"), path); ok && method == r.Method && literals > score {
			best, score, values = rt, literals, v
		}
	}
	for k, v := range values {
		r.SetPathValue(k, v)
	}
	return best
}

func match(pattern, path []string) (values map[string]string, literals int, ok bool) {
	values = map[string]string{}
	for i, p := range pattern {
		if i >= len(path) {
			return nil, 0, false
		}
		name, variable := strings.CutPrefix(strings.TrimSuffix(p, "}"), "{")
		rest, all := strings.CutSuffix(name, "...")
		switch segment, err := url.PathUnescape(path[i]); {
		case err != nil:
			return nil, 0, false
		case variable && all:
			values[rest], err = url.PathUnescape(strings.Join(path[i:], "/"))
			return values, literals, err == nil
		case variable:
			values[name] = segment
		case segment != p:
			return nil, 0, false
		default:
			literals++
		}
	}
	return values, literals, len(pattern) == len(path)
}

func (f *Forge) api(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &query{Request: r}
		q.token = bearer(r)
		var err error
		if q.body, err = io.ReadAll(io.LimitReader(r.Body, 8<<20)); err != nil {
			return
		}
		f.mu.Lock()
		fault := f.faults.next(r.Method + " " + r.URL.Path)
		var rep reply
		if fault == nil || fault.After {
			rep = f.answer(rt, q)
		}
		if fault != nil && fault.Status != 0 {
			rep = fault.reply(f.API(), f.Now())
		}
		out := encode(r, rep)
		head := f.rateHeader(q, out.status)
		login := ""
		if q.who != nil {
			login = q.who.Login
		}
		f.calls = append(f.calls, Call{r.Method, r.URL.Path, r.URL.RawQuery, login, out.status, q.wrote})
		f.mu.Unlock()
		if fault != nil && fault.Hang {
			<-r.Context().Done()
			return
		}
		out.send(w, head, fault != nil && fault.Cut)
	})
}

func bearer(r *http.Request) string {
	if _, pass, ok := r.BasicAuth(); ok {
		return pass
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "token") || strings.EqualFold(kind, "bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// answer does the operation, if the caller may.
func (f *Forge) answer(rt route, q *query) reply {
	if q.token != "" && strings.Count(q.token, ".") != 2 { // a JSON web token is checked where an app may use it
		if q.who = f.lookup(q.token); q.who == nil {
			return fail(http.StatusUnauthorized, "Bad credentials")
		}
	}
	if rep := f.overLimit(q); rep != nil {
		return *rep
	}
	if name := q.PathValue("repo"); name != "" {
		r, err := f.repo(hotfix.Repo{Owner: q.PathValue("owner"), Name: name})
		if err != nil || !f.sees(q.who, r) {
			return notFound()
		}
		if r.movedTo != nil {
			return f.moved(q, r.movedTo)
		}
		q.repo = r
	}
	if rep := f.permit(rt.area, q); rep != nil {
		return *rep
	}
	return rt.handle(f, q)
}

func (f *Forge) lookup(token string) *Access {
	a := f.access[token]
	if a != nil && !a.until.IsZero() && f.Now().After(a.until) {
		return nil
	}
	return a
}

// sees reports whether who may know that r exists.
func (f *Forge) sees(who *Access, r *repo) bool {
	if !r.Private {
		return true
	}
	switch {
	case who == nil:
		return false
	case who.user:
		return r.may(who.Login) != "none"
	}
	return who.covers(r)
}

func (a *Access) covers(r *repo) bool {
	return a.Repos == nil || slices.ContainsFunc(a.Repos, r.name.Is)
}

// permit answers with a refusal if the caller lacks the permission for area.
func (f *Forge) permit(area string, q *query) *reply {
	if area == "" {
		return nil
	}
	name, write := strings.CutSuffix(area, "+")
	var no reply
	switch who := q.who; {
	case who == nil && (write || name == "actions"):
		no = fail(http.StatusUnauthorized, "Requires authentication")
	case who == nil:
		return nil
	case who.user && write && name != "issues" && !canPush(q.repo.may(who.Login)):
		no = fail(http.StatusForbidden, "Must have push access to repository.")
	case who.user:
		return nil
	case name == "actions" && slices.Contains(who.Deny, name),
		write && (who.Read || !who.covers(q.repo) || slices.Contains(who.Deny, name)):
		no = fail(http.StatusForbidden, "Resource not accessible by integration")
		no.header = http.Header{"X-Accepted-Github-Permissions": {needs(name, write)}}
	default:
		return nil
	}
	return &no
}

// needs names a permission as GitHub does.
func needs(area string, write bool) string {
	if area == "pulls" {
		area = "pull_requests"
	}
	if write {
		return area + "=write"
	}
	return area + "=read"
}

// moved redirects to where a renamed repository lives now.
func (f *Forge) moved(q *query, to *repo) reply {
	_, rest, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/repos/"), "/")
	_, rest, _ = strings.Cut(rest, "/")
	loc := strings.TrimSuffix(fmt.Sprintf("%s/repos/%s/%s", f.API(), to.name, rest), "/")
	status := http.StatusTemporaryRedirect
	if q.Method == http.MethodGet {
		status = http.StatusMovedPermanently
	}
	return reply{status: status, body: object{"message": "Moved Permanently", "url": loc}, header: http.Header{"Location": {loc}}}
}

// An answer is a reply as it goes over the wire.
type answer struct {
	status int
	header http.Header
	data   []byte
}

// encode makes an answer of a reply, an empty one if the caller has it already.
func encode(r *http.Request, rep reply) answer {
	a := answer{status: rep.status, header: http.Header{}}
	for k, v := range rep.header {
		a.header[k] = v
	}
	if rep.body != nil {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(rep.body); err != nil {
			a.status = http.StatusInternalServerError
		}
		a.data = buf.Bytes()
	}
	if r.Method == http.MethodGet && a.status == http.StatusOK {
		tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(append(a.data, a.header.Get("Link")...)))
		a.header.Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			a.status, a.data = http.StatusNotModified, nil
		}
	}
	return a
}

// send writes an answer; cut sends only half of its body. What the answer says of the rate limit wins over head.
func (a answer) send(w http.ResponseWriter, head http.Header, cut bool) {
	for _, from := range []http.Header{head, a.header} {
		for k, v := range from {
			w.Header()[k] = v
		}
	}
	if a.data != nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.data)))
	}
	w.WriteHeader(a.status)
	if cut {
		a.data = a.data[:len(a.data)/2]
	}
	_, _ = w.Write(a.data)
}

// read decodes the request's body.
func (q *query) read(into any) error { return json.Unmarshal(q.body, into) }

func (q *query) number(name string) int {
	n, _ := strconv.Atoi(q.PathValue(name))
	return n
}

// paged returns the page of items that the query asks for, with the Link header of the rest.
func paged[T any](f *Forge, q *query, items []T) ([]T, http.Header) {
	page, _ := strconv.Atoi(q.URL.Query().Get("page"))
	per, _ := strconv.Atoi(q.URL.Query().Get("per_page"))
	page = max(page, 1)
	if per < 1 || per > 100 {
		per = 30
	}
	last := max((len(items)+per-1)/per, 1)
	from, to := min((page-1)*per, len(items)), min(page*per, len(items))
	link := func(n int, rel string) string {
		v := q.URL.Query()
		v.Set("page", strconv.Itoa(n))
		return fmt.Sprintf(`<%s%s?%s>; rel="%s"`, f.API(), q.URL.Path, v.Encode(), rel)
	}
	var links []string
	if page > 1 {
		links = append(links, link(page-1, "prev"), link(1, "first"))
	}
	if page < last {
		links = append(links, link(page+1, "next"), link(last, "last"))
	}
	head := http.Header{}
	if len(links) > 0 {
		head.Set("Link", strings.Join(links, ", "))
	}
	return items[from:to], head
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}
