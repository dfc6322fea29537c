package dashboard

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// An OAuth is the GitHub app that people sign in with. It is asked for no permission: it only says who they are.
type OAuth struct {
	ID     string
	Secret redact.Secret
	Server string       // "https://github.com"
	API    string       // "https://api.github.com"
	HTTP   *http.Client // nil: one with a timeout
}

func (o *OAuth) check() error {
	if o.ID == "" || o.Secret.Empty() {
		return errors.New("dashboard: to sign in with GitHub, both the client's id and its secret are needed")
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 15 * time.Second}
	}
	o.Server, o.API = strings.TrimRight(o.Server, "/"), strings.TrimRight(o.API, "/")
	return nil
}

const stateCookie = "hotfix_state"

// oauthBegin sends the browser to GitHub. The cookie ties the way back to this browser, and the code to this question.
func (d *Dashboard) oauthBegin(w http.ResponseWriter, r *http.Request) {
	if d.cfg.OAuth == nil {
		d.fail(w, r, http.StatusNotFound, "This dashboard is not signed in to with GitHub.")
		return
	}
	verifier := rand.Text() + rand.Text()
	to := r.FormValue("to")
	d.cookie(w, stateCookie, verifier+"."+d.sign("state", verifier+"."+to), 10*time.Minute)
	challenge := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {d.cfg.OAuth.ID}, "redirect_uri": {d.cfg.Base + "/sign-in/github/back"},
		"state": {d.sign("way back", verifier) + "." + to}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"}, "allow_signup": {"false"}}
	http.Redirect(w, r, d.cfg.OAuth.Server+"/login/oauth/authorize?"+q.Encode(), http.StatusSeeOther)
}

// oauthBack learns from GitHub who it is, and starts a session if they may read.
func (d *Dashboard) oauthBack(w http.ResponseWriter, r *http.Request) {
	if d.cfg.OAuth == nil {
		d.fail(w, r, http.StatusNotFound, "This dashboard is not signed in to with GitHub.")
		return
	}
	verifier, to, ok := d.cameBack(r)
	d.cookie(w, stateCookie, "", 0)
	if !ok {
		d.signIn(w, r, http.StatusForbidden, "The way back from GitHub does not fit the way there. Try again.")
		return
	}
	if r.FormValue("error") != "" {
		d.signIn(w, r, http.StatusForbidden, "GitHub says that you did not agree.")
		return
	}
	login, err := d.cfg.OAuth.login(r.Context(), r.FormValue("code"), verifier, d.cfg.Base+"/sign-in/github/back")
	if err != nil {
		d.cfg.Log.Warn("sign-in failed", "how", "github", "err", err)
		d.signIn(w, r, http.StatusBadGateway, "GitHub did not say who you are. Try again.")
		return
	}
	welcome, err := d.welcome(r.Context(), login)
	if err != nil {
		d.cfg.Log.Warn("sign-in failed", "how", "github", "login", login, "err", err)
		d.signIn(w, r, http.StatusBadGateway, "GitHub did not say what you may see. Try again.")
		return
	}
	if !welcome {
		d.cfg.Log.Warn("sign-in refused", "how", "github", "login", login)
		d.signIn(w, r, http.StatusForbidden, login+" has no write access to any repository here and is not listed as a reader.")
		return
	}
	d.begin(w, login, "github")
	d.cfg.Log.Info("signed in", "how", "github", "login", login, "from", r.RemoteAddr)
	http.Redirect(w, r, target(to), http.StatusSeeOther) //nolint:gosec // target never leaves this dashboard
}

// cameBack checks that this browser was sent to GitHub, and returns what it was sent with.
func (d *Dashboard) cameBack(r *http.Request) (verifier, to string, ok bool) {
	c, err := r.Cookie(stateCookie)
	if err != nil {
		return "", "", false
	}
	verifier, mac, _ := strings.Cut(c.Value, ".")
	state, to, _ := strings.Cut(r.FormValue("state"), ".")
	ok = hmac.Equal([]byte(mac), []byte(d.sign("state", verifier+"."+to))) && hmac.Equal([]byte(state), []byte(d.sign("way back", verifier)))
	return verifier, to, ok
}

// login turns a code into a login. The token that GitHub gives for it is used once and forgotten.
func (o *OAuth) login(ctx context.Context, code, verifier, back string) (string, error) {
	form := url.Values{"client_id": {o.ID}, "client_secret": {o.Secret.Reveal()}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {back}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.Server+"/login/oauth/access_token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var granted struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := o.call(req, &granted); err != nil {
		return "", fmt.Errorf("exchange code: %w", err)
	}
	if granted.Token == "" {
		return "", fmt.Errorf("exchange code: %q", redact.Scrub(granted.Error).String())
	}
	token := redact.NewSecret(granted.Token)
	if req, err = http.NewRequestWithContext(ctx, http.MethodGet, o.API+"/user", nil); err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	var user struct {
		Login string `json:"login"`
	}
	if err := o.call(req, &user); err != nil {
		return "", fmt.Errorf("read user: %w", err)
	}
	if !loginForm.MatchString(user.Login) {
		return "", errors.New("read user: GitHub named nobody")
	}
	return user.Login, nil
}

// loginForm is that of people; apps, which have brackets in their names, do not sign in.
var loginForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func (o *OAuth) call(req *http.Request, into any) error {
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "daemon-hotfix")
	resp, err := o.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GitHub answered %d", resp.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into)
}

// signInMax bounds for how many repositories somebody's access is looked up when they sign in.
const signInMax = 20

// welcome reports whether login may sign in: they are listed, or they may write to a repository with cases.
func (d *Dashboard) welcome(ctx context.Context, login string) (bool, error) {
	if slices.ContainsFunc(d.cfg.Readers, func(r string) bool { return r == "*" || strings.EqualFold(r, login) }) {
		return true, nil
	}
	if d.cfg.Actions == nil {
		return false, nil
	}
	rows, _, err := d.cfg.Store.CaseRows(ctx, store.CaseQuery{Limit: 500})
	if err != nil {
		return false, err
	}
	seen := map[string]bool{}
	for _, row := range rows {
		if seen[row.Repo] || len(seen) >= signInMax {
			continue
		}
		seen[row.Repo] = true
		has, err := d.cfg.Actions.Permission(ctx, row.Fingerprint, login)
		if err != nil {
			return false, err
		}
		if writes(has) {
			return true, nil
		}
	}
	return false, nil
}
