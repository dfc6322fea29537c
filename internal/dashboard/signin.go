package dashboard

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// A signInView is the sign-in page.
type signInView struct {
	Token, GitHub bool   // the ways in
	To            string // where to go afterwards, encoded
	Wrong         string
}

func (d *Dashboard) signInPage(w http.ResponseWriter, r *http.Request) {
	if d.open() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	d.signIn(w, r, http.StatusOK, "")
}

func (d *Dashboard) signIn(w http.ResponseWriter, r *http.Request, status int, wrong string) {
	d.render(w, r, status, "signin", signInView{Token: !d.cfg.Token.Empty(), GitHub: d.cfg.OAuth != nil, To: r.FormValue("to"), Wrong: wrong})
}

// signInToken starts a session for whoever knows the token.
func (d *Dashboard) signInToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	switch {
	case d.cfg.Token.Empty():
		d.fail(w, r, http.StatusNotFound, "This dashboard has no token.")
	case !d.failed.may(d.cfg.Now()):
		d.signIn(w, r, http.StatusTooManyRequests, "Too many wrong tokens. Wait a minute and try again.")
	case !d.isToken(strings.TrimSpace(r.PostFormValue("token"))):
		d.cfg.Log.Warn("sign-in refused", "how", "token", "from", r.RemoteAddr)
		d.signIn(w, r, http.StatusUnauthorized, "That is not the token.")
	default:
		d.begin(w, d.cfg.Login, "token")
		d.cfg.Log.Info("signed in", "how", "token", "login", d.cfg.Login, "from", r.RemoteAddr)
		http.Redirect(w, r, target(r.PostFormValue("to")), http.StatusSeeOther) //nolint:gosec // target never leaves this dashboard
	}
}

// target is where to go after signing in: a page of this dashboard, never another site.
func target(encoded string) string {
	to, err := base64.RawURLEncoding.DecodeString(encoded)
	if s := string(to); err == nil && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && !strings.ContainsAny(s, "\\\r\n\t") {
		return s
	}
	return "/"
}

func (d *Dashboard) signOut(w http.ResponseWriter, r *http.Request) {
	v, ok := d.session(r)
	if !ok || !d.formIsTheirs(r, v) {
		d.fail(w, r, http.StatusForbidden, "This form was not made for you. Load the page again.")
		return
	}
	d.cookie(w, sessionCookie, "", 0)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}
