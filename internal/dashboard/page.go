package dashboard

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"mime"
	"net/http"
	"path"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// A page is one address: what it shows is loaded first, and then printed as HTML or as JSON.
type page struct {
	name string // of its template
	load func(*http.Request) (any, error)
}

// A missing is what a page is asked about and the store does not know.
type missing string

func (m missing) Error() string { return string(m) }

// An answer is what every template is given.
type answer struct {
	Page    string
	View    any
	Viewer  viewer
	CSRF    string
	Said    string // what came of the viewer's latest request
	JSON    string // address of the JSON beside the page, "" if there is none
	Version string
	Server  string
	Open    bool // nobody has to sign in
}

// pages are the templates, each with the frame around it.
var pages = func() map[string]*template.Template {
	all := map[string]*template.Template{}
	frame := template.Must(template.New("frame").Funcs(funcs).ParseFS(templateFiles, "templates/frame.html", "templates/parts.html"))
	for _, name := range []string{"overview", "cases", "case", "runs", "run", "drafts", "abstained", "work", "signin", "error"} {
		all[name] = template.Must(template.Must(frame.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return all
}()

func (d *Dashboard) page(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view, err := p.load(r)
		var unknown missing
		switch {
		case errors.As(err, &unknown):
			d.fail(w, r, http.StatusNotFound, string(unknown))
		case err != nil:
			d.cfg.Log.Error("page failed", "page", p.name, "err", err)
			status := http.StatusInternalServerError
			if errors.Is(err, store.ErrFull) {
				status = http.StatusServiceUnavailable
			}
			d.fail(w, r, status, "The store did not answer. The daemon's log says why.")
		case wantsJSON(r):
			writeJSON(w, http.StatusOK, view)
		default:
			d.render(w, r, http.StatusOK, p.name, view)
		}
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "this page cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client went away
}

// render prints a page whole or not at all.
func (d *Dashboard) render(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	v := who(r)
	a := answer{Page: name, View: view, Viewer: v, CSRF: d.csrf(v), Said: d.said(w, r), Version: d.cfg.Version, Server: d.cfg.Server, Open: d.open()}
	if status == http.StatusOK && name != "signin" {
		a.JSON = beside(r)
	}
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "frame", a); err != nil {
		d.cfg.Log.Error("page not rendered", "page", name, "err", err)
		http.Error(w, "this page could not be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client went away
}

// beside is the address of the JSON of the page that was asked for.
func beside(r *http.Request) string {
	u := *r.URL
	if u.Path == "/" {
		u.Path = "/index"
	}
	u.Path += ".json"
	u.RawPath = ""
	return u.RequestURI()
}

// fail answers with one sentence, as a page or as JSON.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, status int, says string) {
	if wantsJSON(r) {
		writeJSON(w, status, map[string]string{"error": says})
		return
	}
	d.render(w, r, status, "error", struct {
		Status int
		Says   string
	}{status, says})
}

// asset serves a file of the program itself. Its name says which version it is of, so a browser may keep it.
func asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	body, err := assetFiles.ReadFile("assets/" + path.Base(name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(body) //nolint:gosec // a file of the program itself; an error means that the client went away
}
