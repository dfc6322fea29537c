package dashboard

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// policy lets a page load nothing but the dashboard's own assets, run no script that stands in it, and be framed by
// nobody.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard puts the headers of every answer, and refuses what comes from another site or under another name: a page
// elsewhere whose name is made to point here must not read this one.
func (d *Dashboard) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.fail(w, r, http.StatusForbidden, "This request was made by another site, so nothing was done.")
	}))
	inner := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if !d.known(r.Host) {
			http.Error(w, "This dashboard is not served under the name in the request.", http.StatusMisdirectedRequest)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// known reports whether host is a name of this dashboard. One that has to be signed in to and was given no public
// address may have any: its cookies are worth nothing elsewhere.
func (d *Dashboard) known(host string) bool {
	if u, err := url.Parse(d.cfg.Base); err == nil && u.Host != "" && strings.EqualFold(u.Host, host) {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback() || !d.open() && d.cfg.Base == ""
}

type formatKey struct{}

// format takes ".json" off the path and remembers it: each page has its JSON beside it. The first page's is /index.json.
func format(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutSuffix(r.URL.Path, ".json")
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		if path == "/index" {
			path = "/"
		}
		r = r.WithContext(context.WithValue(r.Context(), formatKey{}, true))
		u := *r.URL
		u.Path, u.RawPath = path, ""
		r.URL = &u
		next.ServeHTTP(w, r)
	})
}

// wantsJSON reports whether the request is for the JSON beside a page.
func wantsJSON(r *http.Request) bool { return r.Context().Value(formatKey{}) != nil }
