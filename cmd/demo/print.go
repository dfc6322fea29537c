package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A printer tells the story as it happens.
type printer struct {
	mu    sync.Mutex
	out   io.Writer
	step  int
	state string // last printed of the case
}

var color = isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == ""

func (p *printer) section(title string) {
	if color {
		title = "\x1b[1;36m" + title + "\x1b[0m"
	}
	fmt.Fprintf(p.out, "\n%s\n\n", title)
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.out, "  "+format+"\n", args...) }

// block prints text behind a bar, so that it stands out from the story.
func (p *printer) block(text string) {
	for l := range strings.Lines(text) {
		fmt.Fprintf(p.out, "  │ %s\n", strings.TrimRight(l, "\n"))
	}
	fmt.Fprintln(p.out)
}

// event prints what the daemon just did.
func (p *printer) event(e daemon.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.Case != nil:
		p.caseIs(e.Case)
	case e.Step != nil:
		p.stepIs(e.Step)
	case e.Note != "":
		p.line("     · %s", e.Note)
	}
}

func (p *printer) caseIs(c *hotfix.Case) {
	state := fmt.Sprintf("case %s: %s, risk %s", c.Fingerprint.Short(), c.Decision.Action, c.Decision.Risk)
	if c.Issue != 0 {
		state += fmt.Sprintf(", issue #%d", c.Issue)
	}
	if n := len(c.Attempts); n > 0 {
		ending := c.Attempts[n-1].Outcome.Ending
		if ending == "" {
			ending = "under way"
		}
		state += fmt.Sprintf(", attempt %d %s", n, ending)
	}
	if state != p.state {
		p.line("→ %s", state)
		p.state = state
	}
}

func (p *printer) stepIs(s *agent.Step) {
	p.step++
	p.line("")
	p.line("step %d (%d tokens, %s)", p.step, s.Tokens.Total(), s.Took.Round(10*time.Millisecond))
	if s.Reply != "" {
		p.line("   says: %s", short(s.Reply, 300))
	}
	for _, c := range s.Calls {
		p.line("   %s %s", c.Tool, short(compact(c.Args), 160))
		result := c.Result
		if c.Err != "" {
			result = c.Err
		}
		p.line("     = %s", short(result, 160))
	}
}

func compact(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	b, _ := json.Marshal(v) // it was just decoded
	return string(b)
}

func short(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + " …"
	}
	return s
}
