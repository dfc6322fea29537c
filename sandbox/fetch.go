package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

var commitName = regexp.MustCompile(`^[0-9a-f]{40}$`)

// checkURL refuses every address but https, http to this machine and absolute paths. It never names a credential.
func checkURL(raw string) error {
	if filepath.IsAbs(raw) {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("the repository's address is not a URL") // the parse error repeats the address, credentials and all
	}
	switch {
	case u.User != nil:
		return fmt.Errorf("the address of %s carries credentials: give them as Auth", u.Host)
	case u.Scheme == "https" && u.Host != "", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	case u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
		return nil
	}
	return fmt.Errorf("%q is not an address to fetch from: use https, or a path of this machine", raw)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// inProcess answers file:// addresses from the directory itself. The transport that it replaces starts the git
// program there, and with it the hooks of that repository.
var inProcess = sync.OnceFunc(func() { client.InstallProtocol("file", server.NewClient(local{})) })

type local struct{}

// Load opens the repository at an endpoint's path, bare or not.
func (local) Load(ep *transport.Endpoint) (storer.Storer, error) {
	for _, dir := range []string{filepath.Join(ep.Path, ".git"), ep.Path} {
		s := filesystem.NewStorage(osfs.New(dir, osfs.WithBoundOS()), cache.NewObjectLRUDefault())
		if _, err := s.Reference(plumbing.HEAD); err == nil {
			return s, nil
		}
	}
	return nil, transport.ErrRepositoryNotFound
}

const remoteName = "hotfix"

// remote is a remote that no configuration of the repository can redirect.
func remote(s storage.Storer, address string) *git.Remote {
	inProcess()
	return git.NewRemote(s, &config.RemoteConfig{Name: remoteName, URLs: []string{address}})
}

// A place is a commit and how it was found.
type place struct {
	hash   plumbing.Hash
	branch string
	note   string
}

// fetch brings the commit that src names, with its history, into s.
func fetch(ctx context.Context, s storage.Storer, src Source) (place, error) {
	refs, err := remote(memory.NewStorage(), src.URL).ListContext(ctx, &git.ListOptions{Auth: src.Auth, CABundle: src.CABundle})
	if err != nil {
		return place{}, err
	}
	if commitName.MatchString(src.Ref) {
		return fetchCommit(ctx, s, src)
	}
	name, note, err := choose(refs, src.Ref)
	if err != nil {
		return place{}, err
	}
	opts := options(src, config.RefSpec("+"+name.String()+":"+name.String()))
	if !filepath.IsAbs(src.URL) && !strings.HasPrefix(src.URL, "file:") {
		opts.Depth = src.Depth
	}
	if err := remote(s, src.URL).FetchContext(ctx, opts); err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return place{}, fmt.Errorf("fetch %s: %w", name.Short(), err)
	}
	ref, err := s.Reference(name)
	if err != nil {
		return place{}, fmt.Errorf("fetch %s: %w", name.Short(), err)
	}
	at := place{hash: ref.Hash(), note: note}
	if name.IsBranch() {
		at.branch = name.Short()
		return at, nil
	}
	tag, err := object.GetTag(s, ref.Hash())
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return at, nil // a lightweight tag names the commit itself
	}
	if err != nil {
		return place{}, fmt.Errorf("tag %s: %w", name.Short(), err)
	}
	c, err := tag.Commit()
	if err != nil {
		return place{}, fmt.Errorf("tag %s: %w", name.Short(), err)
	}
	at.hash = c.Hash
	return at, nil
}

func options(src Source, specs ...config.RefSpec) *git.FetchOptions {
	return &git.FetchOptions{RemoteName: remoteName, RemoteURL: src.URL, Auth: src.Auth, CABundle: src.CABundle, RefSpecs: specs, Tags: git.NoTags}
}

// fetchCommit asks for the commit itself, and where a server gives out only what it advertises, for every branch.
func fetchCommit(ctx context.Context, s storage.Storer, src Source) (place, error) {
	h := plumbing.NewHash(src.Ref)
	if _, err := object.GetCommit(s, h); err == nil && src.Mirror != "" {
		return place{hash: h}, nil // it was fetched for another clone
	}
	exact := config.RefSpec(src.Ref + ":refs/hotfix/base/" + src.Ref)
	err := remote(s, src.URL).FetchContext(ctx, options(src, exact))
	if err != nil && ctx.Err() == nil {
		err = remote(s, src.URL).FetchContext(ctx, options(src, "+refs/heads/*:refs/hotfix/heads/*"))
	}
	if err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return place{}, fmt.Errorf("fetch commit %s: %w", src.Ref, err)
	}
	if _, err := object.GetCommit(s, h); err != nil {
		return place{}, fmt.Errorf("commit %s is on no branch: %w", src.Ref, err)
	}
	return place{hash: h}, nil
}

// choose finds the reference that ref means. A deployed plugin names its build branch ("dist/main"); if that is
// gone, the branch it was built from will do, then the default branch.
func choose(refs []*plumbing.Reference, ref string) (plumbing.ReferenceName, string, error) {
	have := map[plumbing.ReferenceName]bool{}
	var main plumbing.ReferenceName
	for _, r := range refs {
		have[r.Name()] = true
		if r.Name() == plumbing.HEAD {
			main = r.Target()
		}
	}
	if ref != "" {
		ref = strings.TrimPrefix(ref, "refs/heads/")
		for _, n := range []plumbing.ReferenceName{plumbing.NewBranchReferenceName(ref), plumbing.NewTagReferenceName(ref)} {
			if have[n] {
				return n, "", nil
			}
		}
		if source, ok := strings.CutPrefix(ref, "dist/"); ok && have[plumbing.NewBranchReferenceName(source)] {
			return plumbing.NewBranchReferenceName(source), fmt.Sprintf("%s does not exist; this is %s, which it is built from", ref, source), nil
		}
	}
	if !have[main] {
		return "", "", errors.New("the repository has no default branch")
	}
	if ref == "" {
		return main, "", nil
	}
	return main, fmt.Sprintf("%s does not exist; this is the default branch, %s", ref, main.Short()), nil
}
