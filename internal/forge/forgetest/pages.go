package forgetest

import (
	"cmp"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

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

// markdown renders as GitHub does, raw HTML included, of which only what GitHub lets through is left by harmless.
var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))

var harmless = bluemonday.UGCPolicy()

// shown is a body as a reader sees it.
func shown(body string) template.HTML {
	var b strings.Builder
	if err := markdown.Convert([]byte(comment.ReplaceAllString(body, "")), &b); err != nil {
		return template.HTML(template.HTMLEscapeString(body))
	}
	return template.HTML(harmless.Sanitize(b.String()))
}

// A line of a diff, with the class that colours it.
type diffLine struct{ Class, Text string }

func coloured(diff string) (out []diffLine) {
	for line := range strings.Lines(diff) {
		class := map[byte]string{'+': "add", '-': "del", '@': "at", 'd': "at", 'i': "at"}[line[0]]
		if strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "---") {
			class = "at"
		}
		out = append(out, diffLine{class, line})
	}
	return out
}

var pages = template.Must(template.New("").Funcs(template.FuncMap{"shown": shown, "coloured": coloured}).Parse(`
{{define "top"}}<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.}}</title><style>
:root{color-scheme:light dark;--fg:light-dark(#1f2328,#f0f6fc);--bg:light-dark(#fff,#0d1117);--dim:light-dark(#59636e,#9198a1);--line:light-dark(#d1d9e0,#3d444d);--box:light-dark(#f6f8fa,#151b23);--link:light-dark(#0969da,#4493f8)}
body{font:15px/1.5 -apple-system,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:var(--fg);background:var(--bg)}
h1{font-weight:400;font-size:1.9em;line-height:1.25}a{color:var(--link);text-decoration:none}
.body{border:1px solid var(--line);border-radius:6px;padding:.4em 1.2em;margin:1em 0}
.who{margin:-.4em -1.2em .8em;padding:.5em 1.2em;background:var(--box);border-bottom:1px solid var(--line);border-radius:6px 6px 0 0;color:var(--dim)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--box);border-radius:6px;padding:.9em;font:12.5px/1.45 ui-monospace,Menlo,Consolas,monospace}
code{font:85%/1.4 ui-monospace,Menlo,Consolas,monospace;background:var(--box);padding:.15em .35em;border-radius:5px}pre code{padding:0;background:none;font-size:100%}
table{border-collapse:collapse;display:block;overflow:auto}td,th{border:1px solid var(--line);padding:.35em .8em}thead:not(:has(th:not(:empty))){display:none}
h3{border-bottom:1px solid var(--line);padding-bottom:.2em}sub{color:var(--dim)}
.tag{border-radius:2em;padding:.25em .8em;font-size:.85em;color:#fff;background:#59636e}.open{background:#1a7f37}.dim{color:var(--dim)}
.diff{padding:.4em 0}.diff span{display:block;padding:0 .9em}.add{background:light-dark(#dafbe1,#12261e)}.del{background:light-dark(#ffebe9,#25171c)}.at{color:var(--dim)}
</style>{{end}}
{{define "home"}}{{template "top" "forge"}}<h1>Repositories</h1><ul>{{range .Repos}}<li><a href="/{{.}}">{{.}}</a></li>{{end}}</ul>{{end}}
{{define "kind"}}{{if .Pull}}pull{{else}}issues{{end}}{{end}}
{{define "state"}}<span class="tag{{if and (eq .State "open") (or (not .Pull) (not .Pull.Draft))}} open{{end}}">{{if .Pull}}{{if .Pull.Merged}}merged{{else if .Pull.Draft}}draft{{else}}{{.State}}{{end}}{{else}}{{.State}}{{with .StateReason}}: {{.}}{{end}}{{end}}</span>{{range .Labels}} <span class="tag">{{.}}</span>{{end}}{{end}}
{{define "repo"}}{{template "top" .Repo.String}}<p><a href="/">all repositories</a></p><h1>{{.Repo}}</h1><ul>{{range .Issues}}
<li><a href="/{{$.Repo}}/{{template "kind" .}}/{{.Number}}">#{{.Number}} {{.Title}}</a> {{template "state" .}}</li>{{else}}<li>no issues yet</li>{{end}}</ul>{{end}}
{{define "issue"}}{{template "top" .Issue.Title}}<p><a href="/{{.Repo}}">{{.Repo}}</a></p><h1>{{.Issue.Title}} <span class="dim">#{{.Issue.Number}}</span></h1>
<p>{{template "state" .Issue}} <span class="dim">by {{.Issue.Author}}{{with .Issue.Pull}}, {{.Head}} into {{.Base}}{{end}}</span></p>
<div class="body"><div class="who">{{.Issue.Author}} wrote</div>{{shown .Issue.Body}}</div>{{range .Issue.Comments}}<div class="body"><div class="who">{{.Author}} commented</div>{{shown .Body}}</div>{{end}}
{{if .Diff}}<h2>Changes</h2><pre class="diff">{{range coloured .Diff}}<span class="{{.Class}}">{{.Text}}</span>{{end}}</pre>{{end}}{{end}}
`))
