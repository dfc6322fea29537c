package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// A box starts commands by starting this program once more, as the first process of namespaces of its own.
type box struct {
	Config
	backend backend
	euid    int
	tools   tools
	abi     int     // of Landlock
	groups  *groups // nil if this process may make none with limits
	fetch   *box    // what runs install steps, if not this box itself

	mu       sync.Mutex // of what follows: found out by the first Go command
	goMounts []boot.Mount
	goVars   map[string]string
}

// Run copies t into a new box, runs c there and throws the box away.
func (n *box) Run(ctx context.Context, t *Tree, c Command) (Result, error) {
	if len(c.Args) == 0 {
		return Result{}, errors.New("box: there is no command to run")
	}
	if c.Dir != "" && !filepath.IsLocal(c.Dir) {
		return Result{}, fmt.Errorf("box: %q is not a directory of the tree", c.Dir)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Memory == 0 {
		c.Memory = n.Memory
	}
	r := &run{box: n, command: c, tree: t}
	if err := r.equip(ctx); err != nil {
		return Result{}, fmt.Errorf("box: %w", err)
	}
	if len(c.Allow) > 0 {
		r.proxy = n.gate(c.Allow)
		r.command.Env = merged(proxyVars(), n.certificates(), c.Env)
	}
	if c.Toolchain == nil || c.Toolchain.Install == nil {
		return r.within(ctx)
	}
	got, err := n.install(ctx, t, c)
	if err != nil {
		return Result{}, fmt.Errorf("box: %w", err)
	}
	if got.failed != nil {
		return *got.failed, nil
	}
	r.mounts, r.skip = append(r.mounts, got.mounts()...), got.modules
	res, err := r.within(ctx)
	res.Contacts, res.Notes = append(got.contacts, res.Contacts...), got.notes
	return res, err
}

// equip gives the run what its toolchain and cache bring along.
func (r *run) equip(ctx context.Context) (err error) {
	cache := r.command.Cache
	if tc := r.command.Toolchain; tc != nil {
		r.vars, cache = merged(tc.Env), cmp.Or(cache, tc.Cache)
		if at := r.InstallEnv["NPM_CONFIG_REGISTRY"]; at != "" {
			r.vars["NPM_CONFIG_REGISTRY"] = at // Deno looks up what it has by where that came from
		}
	}
	if cache != "go" || r.tools.env["GOROOT"] == "" {
		return nil
	}
	mounts, vars, err := r.forGo(ctx)
	r.mounts = slices.Clone(mounts)
	r.vars = merged(vars, r.vars)
	return err
}

// merged returns all entries of the maps; later ones win.
func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}
