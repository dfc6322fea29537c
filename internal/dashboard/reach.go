package dashboard

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

const (
	actLife   = time.Minute      // how old GitHub's word may be for showing a button; whoever presses it is looked up anew
	readLife  = 5 * time.Minute  // and for showing a repository's cases
	errorLife = 15 * time.Second // for how long nothing is asked after GitHub gave no answer
	lanesLife = time.Minute      // how old the list of repositories may be

	reachMax  = 300 // repositories that somebody's access is looked up for; those beyond it are not shown
	askAtOnce = 8
	askTime   = 20 * time.Second
)

// permissions remembers what GitHub said of somebody's access, for the pages only.
type permissions struct {
	mu sync.Mutex
	by map[string]permission // by login and repository
}

// A permission is what somebody may do in one repository; "" if GitHub did not say.
type permission struct {
	has string
	at  time.Time
}

// permission is what login may do in the repository of this case, as GitHub said it at most life ago. Without an
// answer it is "", which allows nothing.
func (d *Dashboard) permission(ctx context.Context, login, repo string, fp hotfix.Fingerprint, life time.Duration) string {
	key, now := strings.ToLower(login+" "+repo), d.cfg.Now()
	d.may.mu.Lock()
	p, ok := d.may.by[key]
	d.may.mu.Unlock()
	if p.has == "" {
		life = errorLife
	}
	if ok && now.Sub(p.at) < life {
		return p.has
	}
	has, err := d.cfg.Actions.Permission(ctx, fp, login)
	if err != nil {
		d.cfg.Log.Warn("permission not known", "login", login, "repo", repo, "err", err)
		has = ""
	}
	d.may.mu.Lock()
	defer d.may.mu.Unlock()
	if len(d.may.by) > 20*reachMax {
		clear(d.may.by)
	}
	d.may.by[key] = permission{has, now}
	return has
}

// mayAct reports whether to show the buttons of a case. GitHub's silence hides them.
func (d *Dashboard) mayAct(ctx context.Context, v viewer, c hotfix.Case) bool {
	if d.cfg.Actions == nil || v.Login == "" || v.Nonce == "" {
		return false
	}
	return writes(d.permission(ctx, v.Login, c.Repo.String(), c.Fingerprint, actLife))
}

// writes reports whether a permission is enough to steer the daemon.
func writes(has string) bool { return has == "write" || has == "maintain" || has == "admin" }

// reads reports whether a permission is enough to see what the daemon knows of a repository.
func reads(has string) bool { return writes(has) || has == "triage" || has == "read" }

// lanes remembers which repositories have cases.
type lanes struct {
	mu   sync.Mutex
	list []store.Lane
	at   time.Time
}

func (d *Dashboard) repositories(ctx context.Context) ([]store.Lane, error) {
	d.lanes.mu.Lock()
	defer d.lanes.mu.Unlock()
	if now := d.cfg.Now(); d.lanes.at.IsZero() || now.Sub(d.lanes.at) >= lanesLife {
		list, err := d.cfg.Store.Lanes(ctx)
		if err != nil {
			return nil, err
		}
		d.lanes.list, d.lanes.at = list, now
	}
	return d.lanes.list, nil
}

// view is what v may see: everything for whoever holds the token or sits at the machine, and for whoever signed in with
// GitHub the repositories that they can read there. A plugin's figures are shown if all of its repositories are.
func (d *Dashboard) view(ctx context.Context, v viewer) (store.View, error) {
	if v.How != "github" {
		return d.cfg.Store.View, nil
	}
	none := d.cfg.Store.Within(nil, nil)
	if d.cfg.Actions == nil || v.Login == "" {
		return none, nil
	}
	all, err := d.repositories(ctx)
	if err != nil {
		return none, err
	}
	may := make([]bool, len(all))
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	group, asked := errgroup.WithContext(asked)
	group.SetLimit(askAtOnce)
	for i, l := range all[:min(len(all), reachMax)] {
		if l.Repo != "" {
			group.Go(func() error {
				may[i] = reads(d.permission(asked, v.Login, l.Repo, l.Case, readLife))
				return nil
			})
		}
	}
	_ = group.Wait() // no function returns an error
	if len(all) > reachMax {
		d.cfg.Log.Warn("not every repository is shown", "login", v.Login, "repositories", len(all), "limit", reachMax)
	}
	var repos, plugins []string
	hidden := map[string]bool{}
	for i, l := range all {
		if may[i] {
			repos, plugins = append(repos, l.Repo), append(plugins, l.Plugins...)
			continue
		}
		for _, p := range l.Plugins {
			hidden[p] = true
		}
	}
	var shown []string
	for _, p := range plugins {
		if !hidden[p] {
			shown = append(shown, p)
		}
	}
	return d.cfg.Store.Within(repos, shown), nil
}
