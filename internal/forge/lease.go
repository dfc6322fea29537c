package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v66/github"
)

// Where no database keeps processes apart, whoever opens an issue first makes a ref that only one can make:
// refs/daemon-hotfix/<case>/<n>. It points to a tag object whose text says who holds it, until when, and, once it is open, which
// issue it is. A holder that is overdue is followed by n + 1. Refs there are no branches and no tags, so that nothing is
// triggered by them and nobody sees them; the last of a case is deleted once its issue is in every list, or is overdue.
//
// Leases only save twins that would be closed again. Without the permission to write code there are none.
const (
	leaseFor   = time.Minute     // within it an issue is opened
	leaseLook  = 2 * time.Second // how often whoever waits looks
	leaseTries = 4               // calls that fail before it is done without a lease
)

// A lease is what the text of a tag object says.
type lease struct {
	ref   string // without "refs/"
	n     int
	by    string
	until time.Time
	issue int // 0 until it is open
}

func (l *lease) text() string {
	return fmt.Sprintf("daemon-hotfix is opening an issue.\n\nby: %s\nuntil: %s\nissue: %d\n", l.by, l.until.UTC().Format(time.RFC3339Nano), l.issue)
}

func (l *lease) read(text string) {
	for line := range strings.Lines(text) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
		case "by":
			l.by = value
		case "until":
			l.until, _ = time.Parse(time.RFC3339Nano, value)
		case "issue":
			n, _ := strconv.Atoi(value)
			l.issue = max(n, 0)
		}
	}
}

// lease waits until nobody else is opening the wanted issue. It returns the lease that we hold, or the number of the issue that
// another has opened meanwhile, or neither where there can be no lease.
func (k *keeper) lease(ctx context.Context) (held *lease, opened int, err error) {
	for fails := 0; fails < leaseTries; {
		last, err := k.lastLease(ctx)
		switch now := k.c.cfg.Now(); {
		case err != nil:
		case last.issue != 0 && k.isOurs(ctx, last.issue):
			return nil, last.issue, nil
		case last.issue == 0 && last.by == k.c.id:
			return last, 0, nil
		case last.issue == 0 && now.Before(last.until) && last.until.Before(now.Add(2*leaseFor)): // a longer one is nobody's of us
			if err := pause(ctx, leaseLook); err != nil {
				return nil, 0, err
			}
			continue
		default:
			next := &lease{ref: fmt.Sprintf("%s%d", k.leases(), last.n+1), n: last.n + 1, by: k.c.id, until: now.Add(leaseFor)}
			if err = k.tell(ctx, next, false); err == nil {
				return next, 0, nil
			}
		}
		if errors.Is(err, ErrForbidden) || errors.Is(err, ErrGone) || errors.Is(err, ErrReadOnly) {
			k.c.unleased.Do(func() {
				k.c.cfg.Log.WarnContext(ctx, "no leases: the credential may not write refs (contents: write); processes that open one issue at once close all but the first",
					"repo", k.want.Repo.String(), "err", err)
			})
			return nil, 0, nil
		}
		fails++ // somebody was faster, or nobody knows what happened: the next look tells
	}
	return nil, 0, nil
}

// leases is where the leases of the wanted issue are, without "refs/".
func (k *keeper) leases() string { return "daemon-hotfix/" + k.want.Lease + "/" }

// lastLease is the latest one, which is empty if there is none.
func (k *keeper) lastLease(ctx context.Context) (*lease, error) {
	refs, err := k.leaseRefs(ctx)
	last := &lease{}
	if err != nil {
		return last, err
	}
	sha := ""
	for _, r := range refs {
		name := strings.TrimPrefix(r.GetRef(), "refs/")
		if n, err := strconv.Atoi(strings.TrimPrefix(name, k.leases())); err == nil && n > last.n {
			last.ref, last.n, sha = name, n, r.GetObject().GetSHA()
		}
	}
	if sha == "" {
		return last, nil
	}
	tag, _, err := k.s.gh.Git.GetTag(ctx, k.want.Repo.Owner, k.want.Repo.Name, sha)
	last.read(tag.GetMessage())
	return last, explain(err)
}

func (k *keeper) leaseRefs(ctx context.Context) ([]*github.Reference, error) {
	refs, resp, err := k.s.gh.Git.ListMatchingRefs(ctx, k.want.Repo.Owner, k.want.Repo.Name, &github.ReferenceListOptions{Ref: k.leases()})
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GitHub answered %s without a list", resp.Status)
	}
	return refs, explain(err)
}

// isOurs reports whether an issue that a lease names is the wanted one.
func (k *keeper) isOurs(ctx context.Context, number int) bool {
	i, err := k.c.get(ctx, k.s, k.want.Repo, number)
	return err == nil && k.has(i.GetBody()) && k.who.ours(i.GetUser())
}

// tell writes what a lease says, into a ref that is there already or into a new one that nobody else may have made.
func (k *keeper) tell(ctx context.Context, l *lease, again bool) error {
	owner, name := k.want.Repo.Owner, k.want.Repo.Name
	blob, _, err := k.s.gh.Git.CreateBlob(ctx, owner, name, &github.Blob{Content: github.String("daemon-hotfix\n"), Encoding: github.String("utf-8")})
	if err != nil {
		return explain(err)
	}
	tag, _, err := k.s.gh.Git.CreateTag(ctx, owner, name, &github.Tag{Tag: github.String("daemon-hotfix"), Message: github.String(l.text()),
		Object: &github.GitObject{Type: github.String("blob"), SHA: blob.SHA}})
	if err != nil {
		return explain(err)
	}
	ref := &github.Reference{Ref: github.String("refs/" + l.ref), Object: &github.GitObject{SHA: tag.SHA}}
	if again {
		_, _, err = k.s.gh.Git.UpdateRef(ctx, owner, name, ref, true)
	} else {
		_, _, err = k.s.gh.Git.CreateRef(ctx, owner, name, ref)
	}
	return explain(err)
}

// Release gives back what is held of i.Lease, and what is overdue.
func (c *Client) Release(ctx context.Context, i Issue) error {
	err := c.on(ctx, i.Repo, func(s *session) error {
		k := keeper{c: c, s: s, want: i}
		refs, err := k.leaseRefs(ctx)
		for _, r := range refs {
			l := lease{ref: strings.TrimPrefix(r.GetRef(), "refs/")}
			tag, _, tagErr := s.gh.Git.GetTag(ctx, i.Repo.Owner, i.Repo.Name, r.GetObject().GetSHA())
			if l.read(tag.GetMessage()); tagErr != nil || l.by != c.id && c.cfg.Now().Before(l.until) {
				continue
			}
			if _, delErr := s.gh.Git.DeleteRef(ctx, i.Repo.Owner, i.Repo.Name, l.ref); delErr != nil {
				err = errors.Join(err, explain(delErr))
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("release %s in %s: %w", i.Lease, i.Repo, err)
	}
	return nil
}

// pause waits, or returns why it must not.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
