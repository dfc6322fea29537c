package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// hostile is a failure that wants to be more than text.
const hostile = "TypeError: </pre><script>window.pwned=1</script><img src=x onerror=\"window.pwned=1\"> {{.}} \u202egnp.exe " +
	"<a href=\"javascript:window.pwned=1\">x</a><style>*{display:none}</style> ' onmouseover='window.pwned=1"

// populated is a world with something on every page.
func populated(t *testing.T) (*world, hotfix.Case, string) {
	w := newWorld(t, dashboard.Config{Login: "mona", Limits: dashboard.Limits{Steps: 40, FixesPerDay: 3, PerHour: 3}})
	w.fails("TypeError: nothing special")
	c := w.fails(hostile)
	return w, c, w.attempted(c.Fingerprint)
}

// Every page, in light and dark and on a phone: it works, is accessible, loads nothing from elsewhere, fits, and has
// its JSON beside it. What a failure says is text on all of them.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	w, c, run := populated(t)
	pages := map[string]string{"overview": "/", "cases": "/cases", "case": "/cases/" + string(c.Fingerprint), "runs": "/runs", "run": "/runs/" + run,
		"drafts": "/drafts", "abstained": "/abstained", "work": "/work", "missing": "/nothing"}
	b := newTab(t, w.base)
	for name, path := range pages {
		for _, as := range []struct {
			scheme string
			width  int64
		}{{"light", 1280}, {"dark", 390}} {
			what := fmt.Sprintf("%s in %s, %d wide", name, as.scheme, as.width)
			b.scheme(as.scheme, as.width)
			b.open(path)
			b.fine(what)
			require.Equal(t, 1, eval[int](b, `document.querySelectorAll("h1").length`), what)
			require.LessOrEqual(t, eval[int](b, "document.documentElement.scrollWidth"), int(as.width), "%s is wider than the window", what)
			require.False(t, eval[bool](b, `"pwned" in window`), what)
			dark := eval[string](b, "getComputedStyle(document.documentElement).backgroundColor") == "rgb(18, 21, 24)"
			require.Equal(t, as.scheme == "dark", dark, what)
			b.picture(name + "-" + as.scheme)
		}
		if name != "missing" {
			beside := eval[string](b, `document.querySelector("footer a").getAttribute("href")`)
			var v map[string]any
			w.json(beside, &v)
			require.NotEmpty(t, v, beside)
		}
	}
	b.open("/cases/" + string(c.Fingerprint))
	b.until("<script>window.pwned=1</script>", "·gnp.exe")
}

func TestFilters(t *testing.T) {
	t.Parallel()
	w, c, _ := populated(t)
	b := newTab(t, w.base)
	b.open("/cases")
	b.until("Problems 2")
	b.do(chromedp.KeyEvent("/"))
	require.Equal(t, "q", eval[string](b, "document.activeElement.name"))
	b.run(`document.activeElement.value = ""`) // the driver types what the page did not want typed
	b.do(chromedp.KeyEvent("special\r"))
	b.until("Problems 1", "nothing special")
	require.Equal(t, "/cases?q=special", b.at(), "the filter is in the address, and nothing else")
	b.open("/cases")
	b.run(`const state = document.querySelector("select[name=state]"); state.value = "fixing"; state.dispatchEvent(new Event("change", {bubbles: true}))`)
	b.until("Problems 1", "draft waits")
	require.Equal(t, "/cases?state=fixing", b.at())
	b.do(chromedp.Click(`td a.name`))
	b.until("What the daemon decided")
	require.Equal(t, "/cases/"+string(c.Fingerprint), b.at())
}

func TestTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	w, _, _ := populated(t)
	b := newTab(t, w.base)
	b.open("/")
	b.do(chromedp.KeyEvent("\t"))
	require.Equal(t, "Skip to the content", eval[string](b, "document.activeElement.textContent"))
	b.do(chromedp.KeyEvent("\r"))
	require.Equal(t, "main", eval[string](b, "document.activeElement.id"))
	for range 4 {
		b.do(chromedp.KeyEvent("\t"))
	}
	require.NotEqual(t, "none", eval[string](b, "getComputedStyle(document.activeElement).outlineStyle"), "where one is can be seen")
	b.open("/")
	b.do(chromedp.Focus("#theme"), chromedp.KeyEvent("\r"), chromedp.KeyEvent("\r"))
	require.Equal(t, "dark", eval[string](b, "document.documentElement.dataset.theme"))
	b.open("/work")
	require.Equal(t, "dark", eval[string](b, "document.documentElement.dataset.theme"), "the choice is kept")
}

// A run appears on its page as it happens, without a reload; when it is over the page says what came of it.
func TestALiveRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{})
	c := w.fails("TypeError: boom")
	id := string(c.Fingerprint) + "-1"
	w.change(c.Fingerprint, func(c *hotfix.Case) {
		c.Attempts = []hotfix.Attempt{{RunID: id, By: "policy", Started: time.Now()}}
	})
	b := newTab(t, w.base)
	b.open("/")
	b.until("Under way now")
	b.open("/runs/" + id)
	b.until("The model is at work")
	b.run("window.stayed = true")
	run := &agent.Run{Task: agent.Task{ID: id}, Steps: []agent.Step{{Reply: "Looking at <b>it</b>.", Calls: []agent.Call{{ID: "1", Tool: "read-file", Args: json.RawMessage(`{}`)}}}}}
	save := func() { require.NoError(t, w.stage.Engine.Store().SaveRun(t.Context(), id, run)) }
	save()
	b.until("Looking at <b>it</b>.", "under way")
	run.Steps[0] = step("Looking at <b>it</b>.", call("read-file", `{"path":"a.js"}`, "1: a"))
	save()
	b.until("1.0 s")
	run.Steps = append(run.Steps, step("It is fixed."))
	save()
	b.until("Step 2", "It is fixed.")
	require.True(t, eval[bool](b, "window.stayed"), "the page was not loaded again")
	run.Stop = agent.Finished
	save()
	w.change(c.Fingerprint, func(c *hotfix.Case) {
		c.Attempts[0].Outcome = hotfix.Outcome{Ending: hotfix.NoFix, Says: redact.Scrub("There was nothing to fix.")}
	})
	b.until("no fix found", "There was nothing to fix.")
	b.fine("a run that was watched")
	require.Len(t, eval[[]string](b, `[...document.querySelectorAll("article.step")].map(s => s.id)`), 2)
}

// The first page hears of a new problem by itself.
func TestALiveOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{})
	b := newTab(t, w.base)
	b.open("/")
	b.until("Nothing failed")
	w.fails("TypeError: out of the blue")
	b.until("out of the blue")
}

func TestAButtonInABrowser(t *testing.T) {
	t.Parallel()
	w, c, _ := populated(t)
	b := newTab(t, w.base)
	b.open("/cases/" + string(c.Fingerprint))
	b.do(chromedp.SetValue(`input[placeholder^="Reason"]`, "known"), chromedp.Click(`button[aria-describedby=about-ignore]`))
	b.until("Ignored: failures are counted and nothing else.", "/hotfix ignore", "by mona")
	b.fine("a case that was ignored")
	require.Equal(t, hotfix.Ignored, w.one(c.Fingerprint).State)
}

func TestSignInWithTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{Token: redact.NewSecret(token())})
	b := newTab(t, w.base)
	b.open("/cases?state=open")
	b.until("The token that the daemon was started with.")
	b.fine("the sign-in page")
	b.picture("signin-light")
	enter := func(value string) {
		b.do(chromedp.SetValue("input[name=token]", value), chromedp.Submit("input[name=token]"))
	}
	enter("wrong")
	b.until("That is not the token.")
	enter(token())
	b.until("Problems 0")
	require.Equal(t, "/cases?state=open", b.at(), "one ends where one wanted to go")
	b.do(chromedp.Click("form[action='/sign-out'] button"))
	b.until("Sign in")
	b.open("/")
	require.Equal(t, "/sign-in", strings.Split(b.at(), "?")[0])
}

func TestSignInWithGitHub(t *testing.T) {
	t.Parallel()
	tests := []struct{ login, says string }{
		{"mona", "Overview"},                 // may write
		{"Listed", "Overview"},               // is listed
		{"rita", "rita has no write access"}, // may read the repository, and not the daemon's mind
		{"", "GitHub says that you did not agree."},
	}
	for _, tt := range tests {
		t.Run(tt.login, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dashboard.Config{OAuth: &dashboard.OAuth{}, Readers: []string{"listed"}})
			w.postFailure("TypeError: boom")
			w.stage.Forge.AddUser("Listed", "none", repo)
			w.stage.Forge.Visit(tt.login)
			b := newTab(t, w.base)
			b.open("/")
			b.until("Sign in with GitHub")
			b.do(chromedp.Click("a.button"))
			b.until(tt.says)
			if tt.says == "Overview" {
				require.Equal(t, tt.login, eval[string](b, `document.querySelector(".who").textContent`))
				require.Empty(t, eval[string](b, "document.cookie"), "no script can read the session")
			}
		})
	}
}

// A way back from GitHub that this browser did not begin is refused: nobody is signed in as somebody else.
func TestTheWayBackMustFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{OAuth: &dashboard.OAuth{}, Readers: []string{"*"}})
	w.stage.Forge.Visit("mona")
	status, body := w.fetch(w.browserless(), "/sign-in/github/back?code=x&state=y.z")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "does not fit")
	begun := w.browserless()
	res, err := begun.Get(w.base + "/sign-in/github?to=" + url.QueryEscape("//evil.example"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	there, err := res.Location()
	require.NoError(t, err)
	require.Equal(t, "S256", there.Query().Get("code_challenge_method"))
	status, _ = w.fetch(w.browserless(), "/sign-in/github/back?code=x&state="+url.QueryEscape(there.Query().Get("state")))
	require.Equal(t, http.StatusForbidden, status, "another browser")
}
