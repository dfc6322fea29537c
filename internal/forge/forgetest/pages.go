package forgetest

import (
	"cmp"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

func (f *Forge) pageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", f.page("home"))
	mux.HandleFunc("GET /{owner}/{repo}", f.page("repo"))
	mux.HandleFunc("GET /{owner}/{repo}/issues/{number}", f.page("issue"))
	mux.HandleFunc("GET /{owner}/{repo}/pull/{number}", f.page("issue"))
}

type view struct {
	Repos  []hotfix.Repo
	Repo   hotfix.Repo
	Issues []Issue
	Issue  *Issue
	Diff   string
}

func (f *Forge) page(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, found := f.view(name, r)
		if !found {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = pages.ExecuteTemplate(w, name, v) // the reader went away
	}
}

func (f *Forge) view(name string, r *http.Request) (v view, found bool) {
	f.mu.Lock()
	for _, rp := range f.repos {
		if rp.movedTo == nil {
			v.Repos = append(v.Repos, rp.name)
		}
	}
	f.mu.Unlock()
	slices.SortFunc(v.Repos, func(a, b hotfix.Repo) int { return cmp.Compare(a.String(), b.String()) })
	if name == "home" {
		return v, true
	}
	v.Repo = hotfix.Repo{Owner: r.PathValue("owner"), Name: r.PathValue("repo")}
	if !slices.ContainsFunc(v.Repos, v.Repo.Is) {
		return v, false
	}
	v.Issues = slices.Concat(f.Issues(v.Repo), f.Pulls(v.Repo))
	if name == "repo" {
		return v, true
	}
	n, _ := strconv.Atoi(r.PathValue("number"))
	i := slices.IndexFunc(v.Issues, func(i Issue) bool { return i.Number == n })
	if i < 0 {
		return v, false
	}
	v.Issue = &v.Issues[i]
	if v.Issue.Pull != nil {
		v.Diff, _ = f.Diff(v.Repo, v.Issue.Pull.Head)
	}
	return v, true
}

var comment = regexp.MustCompile(`(?s)<!--.*?-->\n?`)

// shown is a body as a reader sees it: without HTML comments, otherwise as written.
func shown(body string) string { return strings.TrimSpace(comment.ReplaceAllString(body, "")) }

var pages = template.Must(template.New("").Funcs(template.FuncMap{"shown": shown}).Parse(`
{{define "top"}}<!doctype html><meta charset="utf-8"><title>{{.}}</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1f2328;background:#fff}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f8fa;border:1px solid #d1d9e0;border-radius:6px;padding:1em}
.tag{border:1px solid #d1d9e0;border-radius:1em;padding:0 .6em;font-size:.85em}.dim{color:#59636e}
@media(prefers-color-scheme:dark){body{color:#f0f6fc;background:#0d1117}pre{background:#151b23;border-color:#3d444d}a{color:#4493f8}.dim{color:#9198a1}}
</style>{{end}}
{{define "home"}}{{template "top" "forge"}}<h1>Repositories</h1><ul>{{range .Repos}}<li><a href="/{{.}}">{{.}}</a></li>{{end}}</ul>{{end}}
{{define "kind"}}{{if .Pull}}pull{{else}}issues{{end}}{{end}}
{{define "state"}}<span class="tag">{{if .Pull}}{{if .Pull.Merged}}merged{{else if .Pull.Draft}}draft{{else}}{{.State}}{{end}}{{else}}{{.State}}{{with .StateReason}}: {{.}}{{end}}{{end}}</span>{{range .Labels}} <span class="tag">{{.}}</span>{{end}}{{end}}
{{define "repo"}}{{template "top" .Repo.String}}<p><a href="/">all repositories</a></p><h1>{{.Repo}}</h1><ul>{{range .Issues}}
<li><a href="/{{$.Repo}}/{{template "kind" .}}/{{.Number}}">#{{.Number}} {{.Title}}</a> {{template "state" .}}</li>{{else}}<li>no issues yet</li>{{end}}</ul>{{end}}
{{define "issue"}}{{template "top" .Issue.Title}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1>{{.Issue.Title}} <span class="dim">#{{.Issue.Number}}</span></h1>
<p>{{template "state" .Issue}} <span class="dim">by {{.Issue.Author}}{{with .Issue.Pull}}, {{.Head}} into {{.Base}}{{end}}</span></p>
<pre>{{shown .Issue.Body}}</pre>{{range .Issue.Comments}}<p class="dim">{{.Author}} commented</p><pre>{{shown .Body}}</pre>{{end}}
{{if .Diff}}<h2>Changes</h2><pre>{{.Diff}}</pre>{{end}}{{end}}
`))
