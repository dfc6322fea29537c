package dashboard_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axe is the checker of accessibility, installed by .ci/setup.
const axe = "../../.tools/browser/node_modules/axe-core/axe.min.js"

// patience is how long a page may take to become what a test waits for.
const patience = 20 * time.Second

// chromium is the browser of this test process, started by whoever needs it first.
var chromium struct {
	sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

func startBrowser() {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	chromium.ctx, chromium.cancel = chromedp.NewContext(ctx)
	chromium.err = chromedp.Do(chromium.ctx)
	cancel := chromium.cancel
	chromium.cancel = func() { cancel(); stop() }
}

// A tab is one window of a browser that shares nothing with other tabs.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string // of the dashboard

	mu     sync.Mutex
	wrong  []string // errors that scripts made and things that were refused
	loaded []string // addresses that were asked for
}

func newTab(t *testing.T, base string) *tab {
	t.Helper()
	chromium.Do(startBrowser)
	require.NoError(t, chromium.err, "start Chromium; run: make setup")
	ctx, cancel := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, base: base}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			b.loaded = append(b.loaded, e.Request.URL)
		case *runtime.EventExceptionThrown:
			b.wrong = append(b.wrong, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" {
				b.wrong = append(b.wrong, fmt.Sprint(e.Args))
			}
		}
	}))
	return b
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, actions...))
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.base + path)) }

// eval returns what a script comes to.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, script)
	return out
}

// run runs a script for what it does.
func (b *tab) run(script string) {
	b.t.Helper()
	eval[bool](b, script+"; true")
}

// until waits until the page's text has all of texts.
func (b *tab) until(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		shown := ""
		for !strings.Contains(shown, text) && ctx.Err() == nil {
			// An error means that the page is being replaced by another.
			shown, _ = chromedp.Run(ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
		require.Contains(b.t, shown, text)
	}
}

func (b *tab) at() string {
	b.t.Helper()
	return eval[string](b, "location.pathname + location.search")
}

// fine checks that the page ran without an error, loaded nothing from elsewhere and is accessible.
func (b *tab) fine(what string) {
	b.t.Helper()
	script, err := os.ReadFile(axe)
	require.NoError(b.t, err, "run: make setup")
	b.run(string(script)) // the debugger may do what the page's policy keeps the page from
	type violation struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			HTML    string `json:"html"`
			Summary string `json:"failureSummary"`
		} `json:"nodes"`
	}
	found := eval[[]violation](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`)
	for _, v := range found {
		b.t.Errorf("%s: %s: %s: %s\n%s", what, v.ID, v.Help, v.Nodes[0].HTML, v.Nodes[0].Summary)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.wrong, what)
	for _, url := range b.loaded {
		require.True(b.t, strings.HasPrefix(url, b.base+"/"), "%s loads %s", what, url)
	}
}

// scheme makes the system prefer light or dark, and the window so wide.
func (b *tab) scheme(name string, width int64) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
	require.NoError(b.t, err)
	b.do(chromedp.EmulateViewport(width, 900))
}

// picture keeps a screenshot where HOTFIX_PICTURES says, for people to look at.
func (b *tab) picture(name string) {
	dir := os.Getenv("HOTFIX_PICTURES")
	if dir == "" {
		return
	}
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}
