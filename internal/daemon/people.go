package daemon

import (
	"context"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Actors is a forge that knows who closed or reopened something last. The login is "" if it does not.
type Actors interface {
	Actor(ctx context.Context, repo hotfix.Repo, number int, event string) (login string, err error)
}

// somebody is who did what only shows by its effect.
const somebody = "somebody"

// who asks the forge for the login behind event ("closed" or "reopened"). It is asked only when a case has moved by it.
func who(ctx context.Context, forge Forge, repo hotfix.Repo, number int, event string) (string, error) {
	actors, ok := forge.(Actors)
	if !ok {
		return somebody, nil
	}
	login, err := actors.Actor(ctx, repo, number, event)
	if err != nil || login == "" {
		return somebody, err
	}
	return login, nil
}

// nameMover writes down who closed or reopened the issue with this number, where one of the latest two moves does not say.
func nameMover(ctx context.Context, forge Forge, c *hotfix.Case, number int) (err error) {
	for i := max(0, len(c.Moves)-2); i < len(c.Moves); i++ {
		if m := &c.Moves[i]; m.By == somebody && m.On == hotfix.TakenUp {
			m.By, err = who(ctx, forge, c.Repo, number, "reopened")
		} else if m.By == somebody && (m.On == hotfix.Completed || m.On == hotfix.Unwanted) {
			m.By, err = who(ctx, forge, c.Repo, number, "closed")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// louder says, once a month at most, that a problem nobody wants to hear of fails ten times as often as before.
func (d *Daemon) louder(ctx context.Context, forge Forge, c *hotfix.Case) error {
	if c.State != hotfix.Ignored || c.Issue == 0 || !c.Loud.After(c.Moved()) {
		return nil
	}
	because, _ := c.Louder(c.Loud)
	body, err := d.render("louder", because)
	if err != nil {
		return err
	}
	if err := forge.CommentOnce(ctx, c.Repo, c.Issue, "louder-"+c.Loud.UTC().Format("20060102"), body); err != nil {
		return fmt.Errorf("say that case %s fails more often: %w", c.Fingerprint, err)
	}
	return nil
}
