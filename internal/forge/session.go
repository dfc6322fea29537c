package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A session is one credential with its client, its rate limit and its identity.
type session struct {
	name  string // for logs: "app", "token", "fallback"
	gh    *github.Client
	token func(context.Context) (redact.Secret, error)

	mu  sync.Mutex
	who *identity
}

// identity is the account that a credential acts as. Its login is "" if GitHub does not tell.
type identity struct {
	login string
	id    int64
}

func (c *shared) withToken(name string, token redact.Secret) *session {
	return c.session(name, func(context.Context) (redact.Secret, error) { return token, nil })
}

// renewed is a fallback as it is at the moment of use. One that cannot be renewed may still be good for a while.
func (c *shared) renewed(fallback redact.Secret) func(context.Context) (redact.Secret, error) {
	return func(ctx context.Context) (redact.Secret, error) {
		if c.cfg.Renew == nil {
			return fallback, nil
		}
		now, err := c.cfg.Renew(ctx, fallback)
		if err != nil {
			c.cfg.Log.Warn("credential not renewed", "credential", "fallback", "err", err)
		}
		return now, nil
	}
}

func (c *shared) session(name string, token func(context.Context) (redact.Secret, error)) *session {
	signed := &signer{host: c.api.Host, token: token, next: newGate(c.cfg, c.base)}
	gh := github.NewClient(&http.Client{Transport: signed, Timeout: c.cfg.HTTP.Timeout, CheckRedirect: stay})
	gh.BaseURL, gh.UserAgent = c.api, c.cfg.UserAgent
	return &session{name: name, gh: gh, token: token}
}

// stay refuses redirects to other hosts, whose answers are nobody's, and those that would turn a write into a read,
// which then looks like success.
func stay(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("too many redirects")
	}
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return fmt.Errorf("the API redirects to another host, %s", req.URL.Host)
	}
	if req.Method != via[0].Method {
		return errMoved
	}
	return nil
}

// A signer adds the credential to requests to one host, and to no other.
type signer struct {
	host  string
	token func(context.Context) (redact.Secret, error)
	next  http.RoundTripper
}

// RoundTrip sends req, with the credential if it goes to the API.
func (s *signer) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == s.host {
		token, err := s.token(req.Context())
		if err != nil {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	return s.next.RoundTrip(req)
}

// auth is the credential as git sends it.
func (s *session) auth(ctx context.Context) (transport.AuthMethod, error) {
	token, err := s.token(ctx)
	if err != nil {
		return nil, err
	}
	return &githttp.BasicAuth{Username: "x-access-token", Password: token.Reveal()}, nil
}

// An install is what is known about an app in a repository.
type install struct {
	session *session // nil: not installed
	at      time.Time
}

// installTTL is how long "not installed" is believed.
const installTTL = 5 * time.Minute

// sessions returns the credentials for repo, best first.
func (c *Client) sessions(ctx context.Context, repo hotfix.Repo) ([]*session, error) {
	app, err := c.installed(ctx, repo)
	if err != nil {
		return nil, err
	}
	var out []*session
	for _, s := range []*session{app, c.shared.token, c.fallback} {
		if s != nil {
			out = append(out, s)
		}
	}
	return out, nil
}

// installed returns the session of the app's installation in repo, nil if there is none.
func (c *shared) installed(ctx context.Context, repo hotfix.Repo) (*session, error) {
	if c.appGate == nil {
		return nil, nil
	}
	key := strings.ToLower(repo.String())
	c.mu.Lock()
	known, ok := c.installs[key]
	c.mu.Unlock()
	if ok && (known.session != nil || c.cfg.Now().Sub(known.at) < installTTL) {
		return known.session, nil
	}
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	gh := github.NewClient(&http.Client{Transport: app, Timeout: c.cfg.HTTP.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}) // the key's token goes nowhere else
	gh.BaseURL, gh.UserAgent = c.api, c.cfg.UserAgent
	found, _, err := gh.Apps.FindRepositoryInstallation(ctx, repo.Owner, repo.Name)
	if err = explain(err); err != nil && !errors.Is(err, ErrGone) {
		return nil, fmt.Errorf("find the app's installation in %s: %w", repo, err)
	}
	known = install{at: c.cfg.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		if known.session = c.byID[found.GetID()]; known.session == nil { // one rate limit for all repositories of an installation
			known.session = c.installation(app, found.GetID())
			c.byID[found.GetID()] = known.session
		}
	}
	c.installs[key] = known
	return known.session, nil
}

// forget makes the next call look again where the app is installed.
func (c *shared) forget(repo hotfix.Repo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.ToLower(repo.String())
	for id, s := range c.byID {
		if s == c.installs[key].session {
			delete(c.byID, id)
		}
	}
	delete(c.installs, key)
}

// app returns a transport that signs as the app. ghinstallation writes to it at every renewal, so that each
// installation needs its own.
func (c *shared) app() (*ghinstallation.AppsTransport, error) {
	t, err := ghinstallation.NewAppsTransport(c.appGate, c.cfg.App.ID, []byte(c.cfg.App.Key.Reveal()))
	if err != nil {
		return nil, errors.New("forge: the app's private key is not a PEM-encoded RSA key") // the cause may quote it
	}
	t.BaseURL = strings.TrimRight(c.api.String(), "/")
	return t, nil
}

func (c *shared) installation(app *ghinstallation.AppsTransport, id int64) *session {
	t := ghinstallation.NewFromAppsTransport(app, id)
	var last redact.Secret
	var mu sync.Mutex
	return c.session("app", func(ctx context.Context) (redact.Secret, error) {
		raw, err := t.Token(ctx)
		if err != nil {
			var refused *ghinstallation.HTTPError
			if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode/100 == 4 {
				return redact.Secret{}, fmt.Errorf("%w: %w %d: %s", ErrForbidden, errNoToken, id, refused.Response.Status)
			}
			return redact.Secret{}, fmt.Errorf("token for installation %d: %w", id, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if last.Reveal() != raw {
			last = redact.NewSecret(raw) // from here on Scrub knows it
		}
		return last, nil
	})
}

// identify asks once who the credential acts as. Only GraphQL tells installations.
func (c *shared) identify(ctx context.Context, s *session) (identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.who != nil {
		return *s.who, nil
	}
	who, err := c.viewer(ctx, s)
	if errors.Is(err, ErrForbidden) || errors.Is(err, ErrGone) || err == nil && who.login == "" {
		var u *github.User
		u, _, err = s.gh.Users.Get(ctx, "")
		err = explain(err)
		who = identity{u.GetLogin(), u.GetID()}
		if errors.Is(err, ErrForbidden) || errors.Is(err, ErrGone) {
			who, err = identity{}, nil
		}
	}
	if err != nil {
		return identity{}, fmt.Errorf("ask who the %s acts as: %w", s.name, err)
	}
	s.who = &who
	return who, nil
}

func (c *shared) viewer(ctx context.Context, s *session) (identity, error) {
	at := *c.api
	at.Path = strings.TrimSuffix(strings.TrimSuffix(at.Path, "/"), "/v3") + "/graphql"
	req, err := s.gh.NewRequest(http.MethodPost, at.String(), map[string]string{"query": "query { viewer { login databaseId } }"})
	if err != nil {
		return identity{}, err
	}
	var out struct {
		Data struct {
			Viewer struct {
				Login      string
				DatabaseID int64 `json:"databaseId"`
			}
		}
	}
	if _, err := s.gh.Do(ctx, req, &out); err != nil {
		return identity{}, explain(err)
	}
	return identity{out.Data.Viewer.Login, out.Data.Viewer.DatabaseID}, nil
}

// ours reports whether we may have written something: it is by the account we act as, or by an app. People cannot
// write as an app, and our own identity changes when an app takes over from a token.
func (who identity) ours(u *github.User) bool {
	return u.GetType() == "Bot" || who.login != "" && strings.EqualFold(u.GetLogin(), who.login)
}

// Forget makes the next calls look again where the app is installed.
func (c *Client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.installs)
	clear(c.byID)
}
