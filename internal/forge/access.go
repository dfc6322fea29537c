package forge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// An Access is what GitHub says of our own credential.
type Access struct {
	Credential  string            // "app", "token", or "" if there is none
	Login       string            // who it acts as; "" if GitHub does not tell
	Permissions map[string]string // of an app, as in "issues": "write"
	Events      []string          // that an app hears of
	Ahead       time.Duration     // how far this machine's clock is ahead of GitHub's, to a second
}

// Access asks GitHub about the credential that is tried first. Without one it tells the clock only.
func (c *Client) Access(ctx context.Context) (a Access, err error) {
	var res *github.Response
	switch {
	case c.cfg.App != nil:
		a.Credential = "app"
		res, err = c.askApp(ctx, &a)
	case c.shared.token != nil:
		a.Credential = "token"
		if _, res, err = c.shared.token.gh.RateLimit.Get(ctx); err == nil {
			var who identity
			who, err = c.identify(ctx, c.shared.token)
			a.Login = who.login
		}
	default:
		gh := github.NewClient(&http.Client{Transport: newGate(c.cfg, c.base), Timeout: c.cfg.HTTP.Timeout, CheckRedirect: stay})
		gh.BaseURL, gh.UserAgent = c.api, c.cfg.UserAgent
		_, res, err = gh.RateLimit.Get(ctx)
	}
	if res != nil {
		if at, wrong := http.ParseTime(res.Header.Get("Date")); wrong == nil {
			a.Ahead = c.cfg.Now().Sub(at).Round(time.Second)
		}
	}
	if err != nil {
		return a, fmt.Errorf("ask GitHub about our %s: %w", cmp.Or(a.Credential, "access"), explain(err))
	}
	return a, nil
}

// askApp fills in what GitHub knows of the app.
func (c *Client) askApp(ctx context.Context, a *Access) (*github.Response, error) {
	signer, err := c.app()
	if err != nil {
		return nil, err
	}
	gh := github.NewClient(&http.Client{Transport: signer, Timeout: c.cfg.HTTP.Timeout, CheckRedirect: stay})
	gh.BaseURL, gh.UserAgent = c.api, c.cfg.UserAgent
	app, res, err := gh.Apps.Get(ctx, "")
	if err != nil {
		return res, err
	}
	a.Login, a.Events, a.Permissions = app.GetSlug()+"[bot]", app.Events, map[string]string{}
	raw, err := json.Marshal(app.GetPermissions()) // a struct with a field for each of some fifty permissions
	if err == nil {
		err = json.Unmarshal(raw, &a.Permissions)
	}
	return res, err
}

// ReadFile returns a file of repo's default branch. The error is ErrGone if there is none.
func (c *Client) ReadFile(ctx context.Context, repo hotfix.Repo, path string) (text string, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		file, _, _, err := s.gh.Repositories.GetContents(ctx, repo.Owner, repo.Name, path, nil)
		if err != nil {
			return explain(err)
		}
		if file == nil {
			return fmt.Errorf("%w: it is a directory", ErrGone)
		}
		text, err = file.GetContent()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read %s of %s: %w", path, repo, err)
	}
	return text, nil
}

// Writable returns nil if our own credential can write to repo and repo keeps issues, else a sentence that says what is missing.
func (c *Client) Writable(ctx context.Context, repo hotfix.Repo) error {
	return c.on(ctx, repo, func(s *session) error {
		r, _, err := s.gh.Repositories.Get(ctx, repo.Owner, repo.Name)
		switch {
		case err != nil:
			return explain(err)
		case r.GetArchived():
			return errors.New("it is archived")
		case !r.GetHasIssues():
			return errors.New("its issues are switched off")
		case s.name == "token" && r.Permissions != nil && !r.Permissions["push"]:
			return errors.New("the token may read it and not write to it")
		}
		return nil
	})
}
