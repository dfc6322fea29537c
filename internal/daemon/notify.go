package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A Hook is an address that hears of what should not wait until somebody looks. What stands behind the host is a
// credential; the host itself is not, and stays readable wherever else it stands.
type Hook struct {
	Host  string // "https://hooks.example"
	Path  redact.Secret
	Slack bool // it wants {"text": ...}, as Slack and those compatible with it do
}

// ParseHooks reads addresses that are separated by blanks or commas. One that begins with slack+ is Slack's.
func ParseHooks(s string) ([]Hook, error) {
	var out []Hook
	for at := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		at, slack := strings.CutPrefix(at, "slack+")
		if !strings.HasPrefix(at, "https://") && !strings.HasPrefix(at, "http://127.0.0.1") && !strings.HasPrefix(at, "http://localhost") {
			return nil, errors.New("an address to notify must begin with https:// or slack+https://")
		}
		end := strings.Index(at, "://") + len("://")
		if i := strings.IndexAny(at[end:], "/?"); i >= 0 {
			end += i
		} else {
			end = len(at)
		}
		out = append(out, Hook{at[:end], redact.NewSecret(at[end:]), slack})
	}
	return out, nil
}

// News is what hooks hear.
type News struct {
	Kind  string             `json:"kind"` // "breaker", "incident", "escalating", "regressed"
	Says  string             `json:"says"` // one sentence
	Title string             `json:"title"`
	Repo  string             `json:"repo"`
	Case  hotfix.Fingerprint `json:"case"`
	Issue string             `json:"issue,omitempty"` // its address
	Count int                `json:"count"`
	At    time.Time          `json:"at"`
}

const (
	newsFresh   = 24 * time.Hour // what is older is no news
	newsMax     = 10             // in an hour, over all machines; the last of them says that there are more
	hookTimeout = 10 * time.Second
)

// news is what there is to tell of c, nil if nothing.
func (d *Daemon) news(c hotfix.Case) *News {
	n := &News{Title: triage.Title(c.Latest), Repo: c.Repo.String(), Case: c.Fingerprint, Count: c.Count, At: c.Moved()}
	switch {
	case c.Fingerprint == pageCase:
		n.Kind, n.Says, n.At = "breaker", "Too many new problems: "+c.Latest.Message.String()+". No new issues are opened for "+span(d.cfg.Breaker.silence())+".", c.First
	case c.State == hotfix.Escalating || c.State == hotfix.Regressed:
		n.Kind, n.Says = string(c.State), c.Moves[len(c.Moves)-1].Because
	case c.State.Open() && len(d.spanned(c)) > 1:
		n.Kind = "incident"
		n.Says = fmt.Sprintf("%d plugins fail in the same way at the same time: %s.", len(d.spanned(c)), strings.Join(d.spanned(c), ", "))
		if d.cfg.Now().Sub(n.At) > newsFresh { // a new outage on an old issue is news once a day
			n.At = c.Last.Truncate(newsFresh)
		}
	default:
		return nil
	}
	if d.cfg.Now().Sub(n.At) > newsFresh {
		return nil
	}
	if c.Issue != 0 {
		n.Issue = fmt.Sprintf("%s/%s/issues/%d", d.cfg.Server, c.Repo, c.Issue)
	}
	return n
}

// notify tells the hooks of c, once. The claim comes before the call: what is cut off in between is not told twice.
func (d *Daemon) notify(ctx context.Context, c hotfix.Case) error {
	n := d.news(c)
	if n == nil || len(d.cfg.Hooks) == 0 {
		return nil
	}
	name := fmt.Sprintf("news:%s:%s:%d", c.Fingerprint, n.Kind, n.At.Unix())
	if told, err := d.claim(ctx, name); told || err != nil {
		return err
	}
	hour := d.cfg.Now().Unix() / 3600
	for slot := 1; ; slot++ { // each is one place among those of this hour
		if slot > newsMax {
			d.cfg.Log.WarnContext(ctx, "news held back", "case", c.Fingerprint, "kind", n.Kind, "limit", newsMax)
			return nil
		}
		taken, err := d.claim(ctx, fmt.Sprintf("news-slot:%d:%d", hour, slot))
		if err != nil {
			return err
		}
		if taken {
			continue
		}
		if slot == newsMax {
			n.Says += " More news of this hour is held back; the dashboard has it."
		}
		break
	}
	var errs []error
	for i, h := range d.cfg.Hooks {
		if err := h.tell(ctx, *n); err != nil {
			errs = append(errs, fmt.Errorf("notify hook %d: %w", i+1, err))
		}
	}
	d.cfg.Log.InfoContext(ctx, "news told", "case", c.Fingerprint, "kind", n.Kind, "hooks", len(d.cfg.Hooks))
	return errors.Join(errs...)
}

// newsCase owns the names of what was told.
const newsCase hotfix.Fingerprint = "news"

// claim takes a name, or reports that it was taken before.
func (d *Daemon) claim(ctx context.Context, name string) (taken bool, err error) {
	unlock, err := d.cfg.Store.Lock(ctx, newsCase)
	if err != nil {
		return false, fmt.Errorf("lock news: %w", err)
	}
	defer unlock()
	_, err = d.cfg.Ledger.Owner(ctx, name)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return err == nil, err
	}
	_, err = d.cfg.Ledger.Own(ctx, newsCase, name)
	return false, err
}

// forSlack is a text in which nothing mentions or links anybody.
var forSlack = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// tell posts n. No redirect is followed: it would carry the news elsewhere.
func (h Hook) tell(ctx context.Context, n News) error {
	n.Says, n.Title = redact.Scrub(line(n.Says, 400)).String(), redact.Scrub(line(n.Title, 200)).String()
	var body any = n
	if h.Slack {
		text := forSlack.Replace(fmt.Sprintf("%s in %s: %s (%s)", n.Kind, n.Repo, n.Says, n.Title))
		if n.Issue != "" {
			text += " " + n.Issue
		}
		body = map[string]string{"text": text}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.Host+h.Path.Reveal(), bytes.NewReader(raw))
	if err != nil {
		return errors.New("its address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return errors.New("it did not answer") // the cause names the address
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %d", resp.StatusCode)
	}
	return nil
}
