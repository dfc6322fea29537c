// Package forge is the daemon's GitHub: issues, comments, draft pull requests, logs and clones through go-github.
// Every write can be repeated without doing it twice, no call waits for a rate limit, and no credential leaves in a
// text, an address or a redirect.
package forge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An Issue is the text that the forge keeps in step with a case.
type Issue = hotfix.Issue

// An App is a GitHub App's credential. Each installation gets tokens of its own.
type App struct {
	ID  int64
	Key redact.Secret // PEM
}

// A Person signs commits.
type Person struct {
	Name, Email string
}

// A Config is everything a Client needs. Credentials are tried in the order App, Token, Fallback: the next one when
// the app is not installed or GitHub refuses.
type Config struct {
	API      string // GITHUB_API_URL; "" is https://api.github.com
	Server   string // GITHUB_SERVER_URL; "" is https://github.com
	App      *App
	Token    redact.Secret
	Fallback redact.Secret // such as the token of a delivery
	// Renew returns what a fallback is now, for one that is exchanged for fresh ones; nil keeps each as it is.
	Renew     func(context.Context, redact.Secret) (redact.Secret, error)
	UserAgent string
	HTTP      *http.Client // its Transport and Timeout are used
	CABundle  []byte       // PEM, for git, besides the system's certificates
	Mirrors   string       // directory of bare copies of repositories that clones fetch into; "" keeps none
	Author    Person       // of commits; zero is the account that the credential acts as
	ReadOnly  bool         // requests that could change anything are refused before they are sent, pushes included
	SignOff   bool         // commits end with a Signed-off-by line
	// WritesPerMinute bounds the writes with one credential; 0 is no bound. GitHub's secondary limit is 80 a minute.
	WritesPerMinute int
	Now             func() time.Time
	Log             *slog.Logger
}

// A Client is the connection to one GitHub. It is safe for concurrent use.
type Client struct {
	*shared
	fallback *session
}

// shared is what clients that differ only in their fallback have in common.
type shared struct {
	cfg      Config
	api      *url.URL // ends with a slash
	server   string
	base     http.RoundTripper
	token    *session
	appGate  *gate // nil without an app
	mu       sync.Mutex
	installs map[string]install // by lower-case owner/name
	byID     map[int64]*session // by installation
	others   map[redact.Secret]*session
	id       string    // of this process, in leases
	unleased sync.Once // says that there are no leases
}

// New returns a client, or says what is wrong with cfg.
func New(cfg Config) (*Client, error) {
	s := &shared{installs: map[string]install{}, byID: map[int64]*session{}, others: map[redact.Secret]*session{}, id: rand.Text()}
	var err error
	if s.api, err = address("API", cfg.API, "https://api.github.com"); err != nil {
		return nil, err
	}
	s.api.Path = strings.TrimRight(s.api.Path, "/") + "/"
	server, err := address("Server", cfg.Server, "https://github.com")
	if err != nil {
		return nil, err
	}
	s.server = strings.TrimRight(server.String(), "/")
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: time.Minute}
	}
	if s.base = cfg.HTTP.Transport; s.base == nil {
		s.base = http.DefaultTransport
	}
	if cfg.ReadOnly {
		s.base = reader{s.base}
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "daemon-hotfix"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s.cfg = cfg
	if !cfg.Token.Empty() {
		s.token = s.withToken("token", cfg.Token)
	}
	if cfg.App != nil {
		s.appGate = newGate(cfg, s.base)
		if _, err = s.app(); err != nil {
			return nil, err
		}
	}
	return (&Client{shared: s}).With(cfg.Fallback), nil
}

// fallbacksMax is how many fallback credentials are remembered. They live for an hour.
const fallbacksMax = 256

// With returns a client that uses fallback where the configured credentials cannot act. It shares everything else
// with c; clients with the same fallback share its rate limit.
func (c *Client) With(fallback redact.Secret) *Client {
	if fallback.Empty() || fallback == c.cfg.Token {
		return &Client{shared: c.shared}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, known := c.others[fallback]
	if !known {
		if len(c.others) >= fallbacksMax {
			clear(c.others)
		}
		s = c.session("fallback", c.renewed(fallback))
		c.others[fallback] = s
	}
	return &Client{shared: c.shared, fallback: s}
}

// address checks a URL of the configuration: https, or http to this machine.
func address(field, raw, fallback string) (*url.URL, error) {
	if raw == "" {
		raw = fallback
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("forge: %s must be a plain address such as %s", field, fallback)
	}
	local := u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, fmt.Errorf("forge: %s must use https: a credential is sent there", field)
	}
	return u, nil
}

// on does something in repo with the first credential that may.
func (c *Client) on(ctx context.Context, repo hotfix.Repo, do func(*session) error) error {
	sessions, err := c.sessions(ctx, repo)
	if err != nil {
		return err
	}
	err = fmt.Errorf("%w: no credential for %s: install the app there or configure a token", ErrForbidden, repo)
	for _, s := range sessions {
		if err = do(s); !errors.Is(err, ErrForbidden) {
			return err
		}
		var no *Refused
		if errors.Is(err, errNoToken) || errors.As(err, &no) && no.Status == http.StatusUnauthorized {
			c.forget(repo)
		}
		c.cfg.Log.Warn("credential refused", "credential", s.name, "repo", repo.String(), "err", err)
	}
	return err
}
