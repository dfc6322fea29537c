package forgetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A grant is a code that can be exchanged once for a token of a user.
type grant struct {
	login, client, back, challenge string
}

// oauth is what people sign in to other programs with.
type oauth struct {
	visitor string            // who sits at the browser; "" does not agree
	clients map[string]string // secret by id
	grants  map[string]grant  // by code
}

// AddClient returns a new client that people can sign in to.
func (f *Forge) AddClient() (id string, secret redact.Secret) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, s := f.newToken("Iv1."), f.newToken("")
	f.oauth.clients[id] = s
	return id, redact.NewSecret(s)
}

// Visit says who sits at the browser and agrees to whatever asks them to sign in; "" is somebody who does not agree.
func (f *Forge) Visit(login string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.oauth.visitor = login
}

func (f *Forge) oauthRoutes(mux *http.ServeMux) {
	f.oauth = oauth{clients: map[string]string{}, grants: map[string]grant{}}
	mux.HandleFunc("GET /login/oauth/authorize", f.authorize)
	mux.HandleFunc("POST /login/oauth/access_token", f.exchange)
}

// authorize sends the browser back with a code, as GitHub does when the visitor has agreed.
func (f *Forge) authorize(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if _, known := f.oauth.clients[q.Get("client_id")]; !known || err != nil {
		http.NotFound(w, r)
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if f.oauth.visitor == "" {
		answer.Set("error", "access_denied")
	} else {
		code := f.newToken("")
		f.oauth.grants[code] = grant{f.oauth.visitor, q.Get("client_id"), q.Get("redirect_uri"), q.Get("code_challenge")}
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// exchange gives a token for a code. Like GitHub's, its errors have the status 200.
func (f *Forge) exchange(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	code, client := r.FormValue("code"), r.FormValue("client_id")
	g, ok := f.oauth.grants[code]
	delete(f.oauth.grants, code)
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	out := map[string]string{}
	switch {
	case f.oauth.clients[client] == "" || r.FormValue("client_secret") != f.oauth.clients[client]:
		out["error"] = "incorrect_client_credentials"
	case !ok || g.client != client || g.back != r.FormValue("redirect_uri"),
		g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		out["error"] = "bad_verification_code"
	default:
		token := f.newToken("ghu_")
		f.account(g.login)
		f.access[token] = &Access{Login: g.login, user: true}
		out["access_token"], out["token_type"], out["scope"] = token, "bearer", ""
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the client went away
}
