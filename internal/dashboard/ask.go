package dashboard

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"crypto/rand"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A button is one thing that /hotfix can do, offered on a case's page.
type button struct {
	Verb  string `json:"verb"`
	Label string `json:"label"`
	About string `json:"about"`
	Args  string `json:"args,omitempty"` // what to write beside it; "" if it takes nothing
	Needs bool   `json:"needs,omitempty"`
	Grave bool   `json:"-"`
}

// buttons are what makes sense for a case as it stands.
func buttons(c hotfix.Case) []button {
	var out []button
	if c.Running() == nil && c.Ask == nil {
		out = append(out, button{Verb: "retry", Label: "Attempt a fix", About: "Has a fix attempted, whatever earlier attempts came to.", Args: "Hint for the model (optional)"})
	} else {
		out = append(out, button{Verb: "stop", Label: "Stop the attempt", About: "Ends the attempt under way; no more are made unless somebody asks.", Grave: true})
	}
	if c.State == hotfix.Ignored || c.State == hotfix.Snoozed {
		out = append(out, button{Verb: "unignore", Label: "Take up again", About: "Ends ignoring or snoozing."})
	} else {
		out = append(out,
			button{Verb: "snooze", Label: "Snooze", About: "Quiet for a time (7d, 12h), for a number of failures (50) or until a version (until v1.2.3).", Args: "7d", Needs: true},
			button{Verb: "ignore", Label: "Ignore", About: "Closes the issue; failures are only counted from now on.", Args: "Reason (optional)", Grave: true})
	}
	if c.DupOf == "" {
		return append(out, button{Verb: "dup", Label: "Mark as duplicate", About: "Counts failures of this problem on another issue of the same repository.", Args: "#12", Needs: true, Grave: true})
	}
	return append(out, button{Verb: "undup", Label: "Not a duplicate", About: "Counts failures of this problem on its own issue again."})
}

// argsMax bounds what is written beside a button, in bytes.
const argsMax = 2000

// ask has the daemon do what a button says. The daemon looks the permission up anew, whatever the page showed.
func (d *Dashboard) ask(w http.ResponseWriter, r *http.Request) {
	v := who(r)
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	fp := hotfix.Fingerprint(r.PathValue("case"))
	switch {
	case !d.formIsTheirs(r, v):
		d.fail(w, r, http.StatusForbidden, "This form was not made for you, or is too old. Load the page again.")
		return
	case d.cfg.Actions == nil || v.Login == "":
		d.fail(w, r, http.StatusForbidden, "You may read here and change nothing.")
		return
	}
	c, err := d.caseFor(r, fp)
	if err != nil {
		d.fail(w, r, http.StatusNotFound, "The daemon knows no such problem.")
		return
	}
	args := strings.Join(strings.Fields(r.PostFormValue("args")), " ")
	if len(args) > argsMax {
		d.fail(w, r, http.StatusRequestEntityTooLarge, "That is too long.")
		return
	}
	says, err := d.cfg.Actions.Ask(r.Context(), fp, hotfix.Command{ID: "dashboard-" + rand.Text(), Verb: r.PostFormValue("verb"),
		Args: redact.Scrub(args), Repo: c.Repo, Issue: c.Issue, By: v.Login, At: d.cfg.Now()})
	var may interface{ Forbidden() bool }
	switch {
	case errors.As(err, &may) && may.Forbidden():
		d.cfg.Log.Warn("action forbidden", "case", fp, "verb", r.PostFormValue("verb"), "login", v.Login)
		d.fail(w, r, http.StatusForbidden, "Your GitHub account may not do this: it takes write access to "+c.Repo.String()+".")
		return
	case errors.Is(err, store.ErrNotFound):
		d.fail(w, r, http.StatusNotFound, "The daemon knows no such problem.")
		return
	case err != nil:
		d.cfg.Log.Error("action failed", "case", fp, "verb", r.PostFormValue("verb"), "login", v.Login, "err", err)
		d.fail(w, r, http.StatusBadGateway, "It was not done, because GitHub or the store did not answer. Try again.")
		return
	}
	d.cookie(w, saidCookie, base64.RawURLEncoding.EncodeToString([]byte(says)), time.Minute)
	http.Redirect(w, r, "/cases/"+url.PathEscape(string(fp)), http.StatusSeeOther)
}

// said takes what the latest request came to out of its cookie, to be shown once.
func (d *Dashboard) said(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(saidCookie)
	if err != nil || r.Method != http.MethodGet {
		return ""
	}
	d.cookie(w, saidCookie, "", 0)
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return ""
	}
	return string(text)
}
