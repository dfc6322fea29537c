package dashboard

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

const (
	sessionCookie = "hotfix_session"
	saidCookie    = "hotfix_said"
	sessionLife   = 12 * time.Hour
)

// A viewer is who looks at a page.
type viewer struct {
	Login string    `json:"login"` // of the forge; "" may only read
	How   string    `json:"how"`   // "here", "token" or "github"
	Nonce string    `json:"nonce"`
	Until time.Time `json:"until"`

	sees store.View // set for each request
}

type viewerKey struct{}

// who returns the viewer of a request that signedIn has let through.
func who(r *http.Request) viewer {
	v, _ := r.Context().Value(viewerKey{}).(viewer)
	return v
}

// signedIn lets a request through if its sender may read, and otherwise sends them to the sign-in page.
func (d *Dashboard) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, ok := d.session(r)
		switch {
		case ok:
		case d.open():
			v = d.begin(w, d.cfg.Login, "here")
		case d.bearer(r):
			v = viewer{Login: d.cfg.Login, How: "token"} // without a cookie, and so without a form's secret: it reads
		case wantsJSON(r) || r.Method != http.MethodGet:
			w.Header().Set("WWW-Authenticate", "Bearer")
			d.fail(w, r, http.StatusUnauthorized, "Sign in first, or send the dashboard's token as a bearer token.")
			return
		default:
			to := base64.RawURLEncoding.EncodeToString([]byte(r.URL.RequestURI()))
			http.Redirect(w, r, "/sign-in?to="+to, http.StatusSeeOther) //nolint:gosec // to the sign-in page, whatever was asked for
			return
		}
		var err error
		if v.sees, err = d.view(r.Context(), v); err != nil {
			d.cfg.Log.Error("what somebody may see is not known", "login", v.Login, "err", err)
			d.fail(w, r, http.StatusInternalServerError, "The store did not answer. The daemon's log says why.")
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), viewerKey{}, v)))
	})
}

// bearer reports whether the request carries the token in its header.
func (d *Dashboard) bearer(r *http.Request) bool {
	sent, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && d.isToken(sent)
}

func (d *Dashboard) isToken(sent string) bool {
	if d.cfg.Token.Empty() || !d.failed.may(d.cfg.Now()) {
		return false
	}
	want, got := sha256.Sum256([]byte(d.cfg.Token.Reveal())), sha256.Sum256([]byte(sent))
	ok := subtle.ConstantTimeCompare(want[:], got[:]) == 1
	if !ok {
		d.failed.note(d.cfg.Now())
	}
	return ok
}

// begin starts a session and gives it to the browser.
func (d *Dashboard) begin(w http.ResponseWriter, login, how string) viewer {
	v := viewer{Login: login, How: how, Nonce: rand.Text(), Until: d.cfg.Now().Add(sessionLife).UTC().Truncate(time.Second)}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // three strings and a time
	}
	value := base64.RawURLEncoding.EncodeToString(body)
	d.cookie(w, sessionCookie, value+"."+d.sign("session", value), sessionLife)
	return v
}

// session reads the cookie of a signed-in viewer.
func (d *Dashboard) session(r *http.Request) (viewer, bool) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return viewer{}, false
	}
	value, mac, _ := strings.Cut(c.Value, ".")
	if !hmac.Equal([]byte(mac), []byte(d.sign("session", value))) {
		return viewer{}, false
	}
	body, err := base64.RawURLEncoding.DecodeString(value)
	var v viewer
	if err != nil || json.Unmarshal(body, &v) != nil || !d.cfg.Now().Before(v.Until) {
		return viewer{}, false
	}
	// How sessions begin may have changed since this one did.
	switch v.How {
	case "here":
		return v, d.open() && v.Login == d.cfg.Login
	case "token":
		return v, !d.cfg.Token.Empty() && v.Login == d.cfg.Login
	}
	return v, v.How == "github" && d.cfg.OAuth != nil
}

// csrf is what a form of this viewer carries, so that no other page can send it.
func (d *Dashboard) csrf(v viewer) string {
	if v.Nonce == "" {
		return ""
	}
	return d.sign("form", v.Nonce)
}

// formIsTheirs reports whether a form was made for this viewer.
func (d *Dashboard) formIsTheirs(r *http.Request, v viewer) bool {
	want := d.csrf(v)
	return want != "" && hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(want))
}

func (d *Dashboard) sign(what, value string) string {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(what + "\x00" + value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// cookie sets a cookie that scripts cannot read and other sites cannot use; life 0 removes it. Lax, because the way
// back from GitHub begins there.
func (d *Dashboard) cookie(w http.ResponseWriter, name, value string, life time.Duration) {
	age := int(life.Seconds())
	if life == 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever the dashboard is behind TLS
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: strings.HasPrefix(d.cfg.Base, "https://"), SameSite: http.SameSiteLaxMode})
}

// attempts bound how often a wrong token may be tried, whoever tries.
type attempts struct {
	mu   sync.Mutex
	when []time.Time
}

const attemptsMax = 10 // in a minute

func (a *attempts) may(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.when) > 0 && now.Sub(a.when[0]) > time.Minute {
		a.when = a.when[1:]
	}
	return len(a.when) < attemptsMax
}

func (a *attempts) note(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.when = append(a.when, now)
}
