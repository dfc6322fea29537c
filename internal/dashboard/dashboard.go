// Package dashboard shows people what the daemon knows, decides and does: pages over the store, each with the same
// content as JSON beside it. It changes nothing itself; what a viewer asks for goes through Actions.
package dashboard

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// Actions is what a viewer may have done. The daemon meets it.
type Actions interface {
	// Permission is what login may do in the repository of this case: "admin", "maintain", "write", "triage", "read"
	// or "none".
	Permission(ctx context.Context, fp hotfix.Fingerprint, login string) (string, error)
	// Ask carries a command out as if its author had written it in the case's issue, and says in a sentence what came
	// of it. An error with a method Forbidden() bool that is true means that the author may not.
	Ask(ctx context.Context, fp hotfix.Fingerprint, c hotfix.Command) (says string, err error)
}

// Limits are the operator's bounds, for the page that shows how much of them is used. Zero is no bound.
type Limits struct {
	Steps, Tokens   int           // of one attempt
	Wall            time.Duration // of one attempt
	Money           float64       // dollars of one attempt
	FixesPerDay     int           // in one repository
	PerHour, PerDay int           // new issues in one repository
	Overall         int           // new issues over all within ten minutes
	Silence         time.Duration // after that
	NoFix           string        // why no fix is attempted; "" if fixes are
	Repositories    []string      // that may be written to
}

// A Config is everything a Dashboard needs. Without Token and OAuth nobody has to sign in, which is for loopback
// addresses only.
type Config struct {
	Store   *store.SQL
	Actions Actions       // nil: there are no buttons
	Server  string        // where people read the forge; "" is https://github.com
	Base    string        // the dashboard's public address; "" on loopback
	Key     []byte        // signs sessions
	Token   redact.Secret // lets its holder read
	Login   string        // whom the token, or whoever sits at this machine, acts as; "" acts not at all
	OAuth   *OAuth
	Readers []string // logins that may read besides those with write access to some repository; "*" is everybody
	Limits  Limits
	Version string
	Poll    time.Duration // how often a live page looks for news; 0 is half a second
	Now     func() time.Time
	Log     *slog.Logger
}

// liveMax bounds how many pages are live at once.
const liveMax = 100

// A Dashboard serves the pages.
type Dashboard struct {
	cfg    Config
	key    []byte
	done   chan struct{}
	once   sync.Once
	live   atomic.Int64
	may    permissions
	lanes  lanes
	failed attempts
}

// New returns a dashboard, or says what is missing.
func New(cfg Config) (*Dashboard, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("dashboard: Store is required")
	case len(cfg.Key) < 32:
		return nil, errors.New("dashboard: Key must have at least 32 bytes, or sessions could be forged")
	case !cfg.Token.Empty() && len(cfg.Token.Reveal()) < 16:
		return nil, errors.New("dashboard: the token has fewer than 16 characters: make one with openssl rand -hex 24")
	case cfg.OAuth != nil && cfg.Base == "":
		return nil, errors.New("dashboard: to sign in with GitHub the dashboard must know its public address")
	}
	if cfg.OAuth != nil {
		if err := cfg.OAuth.check(); err != nil {
			return nil, err
		}
	}
	if cfg.Server == "" {
		cfg.Server = "https://github.com"
	}
	cfg.Server, cfg.Base = strings.TrimRight(cfg.Server, "/"), strings.TrimRight(cfg.Base, "/")
	if u, err := url.Parse(cfg.Base); err != nil || cfg.Base != "" && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("dashboard: its public address must begin with https:// or http://")
	}
	if cfg.Poll <= 0 {
		cfg.Poll = 500 * time.Millisecond
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	key, err := hkdf.Key(sha256.New, cfg.Key, nil, "daemon-hotfix: sessions of the dashboard", 32)
	if err != nil {
		return nil, err
	}
	return &Dashboard{cfg: cfg, key: key, done: make(chan struct{}), may: permissions{by: map[string]permission{}}}, nil
}

// Close ends the live pages.
func (d *Dashboard) Close() { d.once.Do(func() { close(d.done) }) }

// open reports whether nobody has to sign in.
func (d *Dashboard) open() bool { return d.cfg.Token.Empty() && d.cfg.OAuth == nil }

// Handler serves everything.
func (d *Dashboard) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, p := range map[string]page{
		"GET /{$}":          {"overview", d.overview},
		"GET /cases":        {"cases", d.cases},
		"GET /cases/{case}": {"case", d.oneCase},
		"GET /runs":         {"runs", d.runs},
		"GET /runs/{run}":   {"run", d.oneRun},
		"GET /drafts":       {"drafts", d.drafts},
		"GET /abstained":    {"abstained", d.abstained},
		"GET /work":         {"work", d.work},
	} {
		mux.Handle(pattern, d.signedIn(d.page(p)))
	}
	mux.Handle("GET /live", d.signedIn(http.HandlerFunc(d.liveOverview)))
	mux.Handle("GET /cases/{case}/live", d.signedIn(http.HandlerFunc(d.liveCase)))
	mux.Handle("GET /runs/{run}/live", d.signedIn(http.HandlerFunc(d.liveRun)))
	mux.Handle("POST /cases/{case}/ask", d.signedIn(http.HandlerFunc(d.ask)))
	mux.HandleFunc("GET /sign-in", d.signInPage)
	mux.HandleFunc("POST /sign-in", d.signInToken)
	mux.HandleFunc("GET /sign-in/github", d.oauthBegin)
	mux.HandleFunc("GET /sign-in/github/back", d.oauthBack)
	mux.HandleFunc("POST /sign-out", d.signOut)
	mux.HandleFunc("GET /assets/{name}", asset)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		d.fail(w, r, http.StatusNotFound, "There is no such page.")
	})
	return d.guard(format(mux))
}
