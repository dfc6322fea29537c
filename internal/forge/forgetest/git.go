package forgetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

func (f *Forge) gitDir(r *repo) string { return filepath.Join(f.dir, fmt.Sprintf("%d.git", r.id)) }

// git runs git in the repository's directory, with nothing of this machine's configuration.
func (f *Forge) git(r *repo, stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", args...) //nolint:noctx // local plumbing that ends by itself
	cmd.Dir = f.gitDir(r)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_DIR=" + f.gitDir(r),
		"GIT_AUTHOR_NAME=GitHub", "GIT_AUTHOR_EMAIL=noreply@github.com", "GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com"}
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

func (f *Forge) initBare(r *repo) error {
	if err := os.MkdirAll(f.gitDir(r), 0o755); err != nil {
		return err
	}
	if _, err := f.git(r, "", "init", "--quiet", "--bare", "--initial-branch="+r.Branch, "."); err != nil {
		return err
	}
	_, err := f.git(r, "", "config", "core.logAllRefUpdates", "true")
	return err
}

// commit adds a commit to branch. A nil-content file is written as "", a name with a leading "-" is removed.
func (f *Forge) commit(r *repo, branch, message string, files map[string]string) (string, error) {
	var s strings.Builder
	ref := "refs/heads/" + branch
	fmt.Fprintf(&s, "commit %s\ncommitter Maintainer <maintainer@example.com> %d +0000\ndata %d\n%s\n", ref, f.Now().Unix(), len(message), message)
	parent, err := f.resolve(r, ref)
	if err != nil && branch != r.Branch {
		parent, err = f.resolve(r, "refs/heads/"+r.Branch)
	}
	if err == nil {
		fmt.Fprintf(&s, "from %s\n", parent)
	}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if gone, ok := strings.CutPrefix(n, "-"); ok {
			fmt.Fprintf(&s, "D %s\n", gone)
			continue
		}
		mode := "100644"
		if strings.HasPrefix(files[n], "#!") {
			mode = "100755"
		}
		fmt.Fprintf(&s, "M %s inline %s\ndata %d\n%s\n", mode, n, len(files[n]), files[n])
	}
	if _, err := f.git(r, s.String(), "fast-import", "--quiet"); err != nil {
		return "", err
	}
	return f.resolve(r, ref)
}

// resolve returns the commit that a ref, branch or hash names.
func (f *Forge) resolve(r *repo, rev string) (string, error) {
	if strings.HasPrefix(rev, "-") {
		return "", fmt.Errorf("bad revision %q", rev)
	}
	out, err := f.git(r, "", "rev-parse", "--quiet", "--verify", "--end-of-options", rev+"^{commit}")
	return strings.TrimSpace(out), err
}

// Commit adds a commit to a branch, which is made from the default branch if it is new. A file named "-x" removes x.
func (f *Forge) Commit(name hotfix.Repo, branch, message string, files map[string]string) (hash string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return "", err
	}
	if hash, err = f.commit(r, branch, message, files); err == nil {
		f.touchPulls(r, map[string]string{branch: hash}, f.Now())
	}
	return hash, err
}

// Log returns the commits of a branch, newest first, as git log prints them: hash, author, date, message, files.
func (f *Forge) Log(name hotfix.Repo, branch string) (string, error) {
	return f.inspect(name, "log", "--stat", "refs/heads/"+branch, "--")
}

// Diff returns what a branch changes against where it left the default branch.
func (f *Forge) Diff(name hotfix.Repo, branch string) (string, error) {
	f.mu.Lock()
	r, err := f.repo(name)
	f.mu.Unlock()
	if err != nil {
		return "", err
	}
	return f.git(r, "", "diff", r.Branch+"..."+branch, "--")
}

// Branches returns every branch and its commit.
func (f *Forge) Branches(name hotfix.Repo) (map[string]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.repo(name)
	if err != nil {
		return nil, err
	}
	return f.heads(r)
}

// File returns a file at the tip of a branch.
func (f *Forge) File(name hotfix.Repo, branch, path string) (string, error) {
	return f.inspect(name, "cat-file", "blob", "refs/heads/"+branch+":"+path)
}

func (f *Forge) inspect(name hotfix.Repo, args ...string) (string, error) {
	f.mu.Lock()
	r, err := f.repo(name)
	f.mu.Unlock()
	if err != nil {
		return "", err
	}
	return f.git(r, "", args...)
}

func (f *Forge) heads(r *repo) (map[string]string, error) {
	out, err := f.git(r, "", "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/")
	heads := map[string]string{}
	for line := range strings.Lines(out) {
		ref, hash, _ := strings.Cut(strings.TrimSpace(line), " ")
		heads[strings.TrimPrefix(ref, "refs/heads/")] = hash
	}
	return heads, err
}

func (f *Forge) gitRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{owner}/{repo}/info/refs", f.serveGit)
	mux.HandleFunc("POST /{owner}/{repo}/git-upload-pack", f.serveGit)
	mux.HandleFunc("POST /{owner}/{repo}/git-receive-pack", f.serveGit)
}

// serveGit answers clone, fetch and push through git's own server program.
func (f *Forge) serveGit(w http.ResponseWriter, req *http.Request) {
	push := strings.HasSuffix(req.URL.Path, "/git-receive-pack") || req.URL.Query().Get("service") == "git-receive-pack"
	f.mu.Lock()
	r, login, status := f.gitAccess(req, push)
	call := Call{Method: req.Method, Path: req.URL.Path, Query: req.URL.RawQuery, Login: login, Status: status}
	if fault := f.faults.next(req.Method + " " + req.URL.Path); fault != nil && fault.Status != 0 && fault.On != "" {
		call.Status, status = fault.Status, fault.Status
	}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.calls = append(f.calls, call)
		f.mu.Unlock()
	}()
	if status != http.StatusOK {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, 256<<20)) // CGI wants to know the length
	if err != nil {
		return
	}
	req.Body, req.ContentLength, req.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	before, _ := f.heads(r)
	if err := f.backend(r, login).serve(w, req); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if req.Method == http.MethodPost && push {
		call.Write = f.pushed(r, before)
	}
}

// gitAccess says who asks and whether they may.
func (f *Forge) gitAccess(req *http.Request, push bool) (r *repo, login string, status int) {
	who := f.lookup(bearer(req))
	if who != nil {
		login = who.Login
	}
	if who == nil && (push || req.Header.Get("Authorization") != "") {
		return nil, "", http.StatusUnauthorized
	}
	if user, _, ok := req.BasicAuth(); ok && strings.HasPrefix(bearer(req), "ghs_") && user != "x-access-token" {
		return nil, login, http.StatusUnauthorized
	}
	name := strings.TrimSuffix(req.PathValue("repo"), ".git")
	r, err := f.repo(hotfix.Repo{Owner: req.PathValue("owner"), Name: name})
	if err != nil || !f.sees(who, r) {
		return nil, login, http.StatusNotFound
	}
	if r.movedTo != nil {
		r = r.movedTo // GitHub follows renames for git without a redirect
	}
	if push && f.permit("contents+", &query{who: who, repo: r}) != nil {
		return nil, login, http.StatusForbidden
	}
	return r, login, http.StatusOK
}

type backend struct{ cgi.Handler }

func (f *Forge) backend(r *repo, login string) *backend {
	out, err := exec.Command("git", "--exec-path").Output() //nolint:noctx // as above
	if err != nil {
		return &backend{}
	}
	if login == "" {
		login = "anonymous"
	}
	return &backend{cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"), Root: "/", Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=" + f.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + login, "HOME=" + f.dir,
			"GIT_CONFIG_NOSYSTEM=1", "FORGETEST_DIR=" + filepath.Base(f.gitDir(r))}}}
}

func (b *backend) serve(w http.ResponseWriter, req *http.Request) error {
	if b.Path == "" {
		return errors.New("git is not installed")
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	_, rest, _ = strings.Cut(rest, "/")
	dir := strings.TrimPrefix(b.Env[len(b.Env)-1], "FORGETEST_DIR=")
	inner := req.Clone(req.Context())
	inner.URL.Path = "/" + dir + "/" + rest
	inner.Header.Del("Authorization")
	b.ServeHTTP(w, inner)
	return nil
}

// pushed says which branches a push changed.
func (f *Forge) pushed(r *repo, before map[string]string) string {
	after, err := f.heads(r)
	if err != nil {
		return ""
	}
	var changes []string
	for branch, hash := range after {
		old, had := before[branch]
		if old == hash {
			continue
		}
		word := "new"
		if had {
			word = "moved"
			if _, err := f.git(r, "", "merge-base", "--is-ancestor", old, hash); err != nil {
				word = "forced"
			}
		}
		changes = append(changes, word+" "+branch)
	}
	for branch := range before {
		if _, ok := after[branch]; !ok {
			changes = append(changes, "deleted "+branch)
		}
	}
	slices.Sort(changes)
	if len(changes) == 0 {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touchPulls(r, after, f.Now())
	return "push " + strings.Join(changes, ", ")
}

// touchPulls moves open pull requests to the new tips of their branches.
func (f *Forge) touchPulls(r *repo, heads map[string]string, now time.Time) {
	for _, i := range r.issues {
		if p := i.Pull; p != nil && i.State == "open" && heads[p.Head] != "" && heads[p.Head] != p.HeadSHA {
			p.HeadSHA, i.Updated = heads[p.Head], now
		}
	}
}
