// Package forgetest is a GitHub in memory: REST, git over HTTP and plain pages on a loopback address, with real
// bare repositories behind them. It behaves as GitHub does where a friendlier stand-in would hide bugs, and it can
// be told to fail.
package forgetest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// BotLogin is who Token acts as.
const BotLogin = "daemon-hotfix[bot]"

// BodyMax is how many characters GitHub accepts in a body.
const BodyMax = 65536

// A Forge is one GitHub. Start is its only constructor.
type Forge struct {
	Now          func() time.Time // set it before the first request
	SearchDelay  time.Duration    // how long a new issue stays invisible to search
	ListDelay    time.Duration    // how long a new issue stays invisible to lists
	CreatorBlind bool             // the creator filter of the issue list finds no bots, as reported of Enterprise Cloud

	dir   string // bare repositories
	token string
	web   *http.Server
	blobs *http.Server
	url   string
	blob  string

	mu       sync.Mutex
	ids      int64
	repos    map[string]*repo // by lower-case owner/name
	byID     map[int64]*repo
	accounts map[string]*account // by lower-case login
	access   map[string]*Access  // by token
	apps     map[int64]*app
	oauth    oauth
	faults   faults
	calls    []Call
	rates    map[string]*rate // by token
	limit    int
}

// Start returns a running forge. Close stops it and removes its repositories.
func Start() (*Forge, error) {
	dir, err := os.MkdirTemp("", "forgetest-")
	if err != nil {
		return nil, fmt.Errorf("start forge: %w", err)
	}
	f := &Forge{Now: time.Now, dir: dir, ids: 1000, repos: map[string]*repo{}, byID: map[int64]*repo{},
		accounts: map[string]*account{}, access: map[string]*Access{}, apps: map[int64]*app{}, rates: map[string]*rate{}, limit: 5000}
	f.token = f.newToken("ghs_")
	f.account(BotLogin)
	f.access[f.token] = &Access{Login: BotLogin}
	if f.web, f.url, err = serve(f.routes()); err == nil {
		f.blobs, f.blob, err = serve(http.HandlerFunc(f.serveBlob))
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("start forge: %w", err)
	}
	return f, nil
}

func serve(h http.Handler) (*http.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }() // ends when Close closes the listener
	return s, "http://" + l.Addr().String(), nil
}

// Close stops the forge and removes its repositories.
func (f *Forge) Close() {
	for _, s := range []*http.Server{f.web, f.blobs} {
		if s != nil {
			_ = s.Close()
		}
	}
	_ = os.RemoveAll(f.dir)
}

// Handler answers what URL does, without a connection.
func (f *Forge) Handler() http.Handler { return f.web.Handler }

// URL is what GITHUB_SERVER_URL would be: git and pages.
func (f *Forge) URL() string { return f.url }

// API is what GITHUB_API_URL would be.
func (f *Forge) API() string { return f.url + "/api/v3" }

// Token is a credential that may do everything the daemon needs, in every repository, as BotLogin.
func (f *Forge) Token() redact.Secret { return redact.NewSecret(f.token) }

// An Access is what a token may do. The zero value besides Login is write access to everything.
type Access struct {
	Login string
	Repos []hotfix.Repo // nil: all
	Read  bool          // may write nothing
	Deny  []string      // areas it may not write: "issues", "pulls", "contents", "checks", "actions"; "actions" also not read

	until time.Time // zero: never expires
	user  bool      // acts with the permission of its user, not with an installation's
}

// AddToken returns a new credential with this access.
func (f *Forge) AddToken(a Access) redact.Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.account(a.Login)
	t := f.newToken("ghs_")
	f.access[t] = &a
	return redact.NewSecret(t)
}

// AddUser adds a person with a permission ("admin", "maintain", "write", "triage", "read" or "none") in the given
// repositories, or in all that exist, and returns a personal token.
func (f *Forge) AddUser(login, permission string, repos ...hotfix.Repo) redact.Secret {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.account(login)
	for _, r := range f.repos {
		if len(repos) == 0 || slices.ContainsFunc(repos, r.name.Is) {
			r.permission[strings.ToLower(login)] = permission
		}
	}
	t := f.newToken("ghp_")
	f.access[t] = &Access{Login: login, user: true}
	return redact.NewSecret(t)
}

type account struct {
	ID    int64
	Login string
	Type  string
}

// account finds or makes the account of login.
func (f *Forge) account(login string) *account {
	key := strings.ToLower(login)
	a, ok := f.accounts[key]
	if !ok {
		a = &account{ID: f.nextID(), Login: login, Type: "User"}
		if strings.HasSuffix(login, "[bot]") {
			a.Type = "Bot"
		}
		f.accounts[key] = a
	}
	return a
}

func (f *Forge) nextID() int64 { f.ids++; return f.ids }

func (f *Forge) newToken(prefix string) string {
	b := make([]byte, 18)
	_, _ = rand.Read(b) // never fails
	return prefix + hex.EncodeToString(b)
}

// RepoOptions are how a repository differs from an ordinary public one.
type RepoOptions struct {
	Private      bool
	Branch       string // default branch, "main" if empty
	NoIssues     bool   // issues are switched off
	NoDrafts     bool   // draft pull requests are not part of the owner's plan
	NoAutoMerge  bool   // auto-merge is switched off, as it is in a new repository
	DropLabels   bool   // labels on new issues are silently ignored, as for authors without push access
	RefuseLabels bool   // every label of ours is refused with 403
	NotInstalled bool   // apps are not installed here
	NoAutoLabel  bool   // an unknown label on a new issue is a validation error
}

type repo struct {
	RepoOptions
	id         int64
	name       hotfix.Repo
	permission map[string]string // by lower-case login
	issues     []*issue          // also pull requests; number is index + 1
	labels     []string
	runs       []*run
	checks     []*check
	movedTo    *repo                // renamed
	refs       map[string]string    // neither branches nor tags: the object by the ref's full name
	objects    map[string]gitObject // by their hash
}

// AddRepo creates a repository with one commit that holds files.
func (f *Forge) AddRepo(name hotfix.Repo, files map[string]string, opts ...RepoOptions) error {
	var o RepoOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	if o.Branch == "" {
		o.Branch = "main"
	}
	if len(files) == 0 {
		return fmt.Errorf("add repository %s: give it at least one file", name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.repos[strings.ToLower(name.String())]; ok {
		return fmt.Errorf("add repository %s: it exists", name)
	}
	r := &repo{RepoOptions: o, id: f.nextID(), name: name, permission: map[string]string{}, refs: map[string]string{}, objects: map[string]gitObject{},
		labels: []string{"bug", "enhancement"}}
	if err := f.initBare(r); err != nil {
		return fmt.Errorf("add repository %s: %w", name, err)
	}
	if _, err := f.commit(r, o.Branch, "Initial commit", files); err != nil {
		return fmt.Errorf("add repository %s: %w", name, err)
	}
	f.repos[strings.ToLower(name.String())] = r
	f.byID[r.id] = r
	return nil
}

var errNoRepo = errors.New("no such repository")

func (f *Forge) repo(name hotfix.Repo) (*repo, error) {
	if r, ok := f.repos[strings.ToLower(name.String())]; ok {
		return r, nil
	}
	return nil, fmt.Errorf("%s: %w", name, errNoRepo)
}

// may returns what login may do in r.
func (r *repo) may(login string) string {
	if p := r.permission[strings.ToLower(login)]; p != "" {
		return p
	}
	if strings.EqualFold(r.name.Owner, login) {
		return "admin"
	}
	if r.Private {
		return "none"
	}
	return "read"
}

func canPush(permission string) bool {
	return permission == "admin" || permission == "maintain" || permission == "write"
}
