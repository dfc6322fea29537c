package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A progress shows what an attempt is doing: on a terminal in one line that changes, else line by line.
type progress struct {
	out   io.Writer
	live  bool
	start time.Time

	mu     sync.Mutex
	steps  int
	tokens int
	tool   string

	dollars float64
}

// verdict is how a tool reports a test run.
var verdict = regexp.MustCompile(`(?m)^(PASS|FAIL): `)

// spent is what was spent, "" where no price is known.
func (p *progress) spent() string { return comma(dollars(p.dollars)) }

func newProgress(out io.Writer, start time.Time) *progress {
	p := &progress{out: out, start: start}
	p.live = terminal(out) && os.Getenv("TERM") != "dumb"
	return p
}

// say prints a line that stays.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintln(p.out, oneLine(fmt.Sprintf(format, args...)))
}

// call shows a call that begins.
func (p *progress) call(c agent.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tool = c.Tool
	p.show(c.Tool)
}

// note shows what goes on inside a call.
func (p *progress) note(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tool != "" {
		what = p.tool + ": " + what
	}
	p.show(what)
}

// step prints a step that has ended.
func (p *progress) step(s agent.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps, p.tokens, p.dollars = p.steps+1, p.tokens+s.Tokens.Total(), p.dollars+s.Cost
	var calls []string
	for _, c := range s.Calls {
		said := c.Tool
		switch {
		case c.Err != "":
			said += " (refused)"
		case verdict.MatchString(c.Result):
			said += " (tests " + strings.ToLower(verdict.FindStringSubmatch(c.Result)[1]) + ")"
		}
		calls = append(calls, said)
	}
	if calls == nil {
		calls = []string{"no call"}
	}
	p.clear()
	fmt.Fprintln(p.out, oneLine(fmt.Sprintf("%s step %d: %s; %d tokens%s so far", p.elapsed(), p.steps, strings.Join(calls, ", "), p.tokens, p.spent())))
	p.tool = ""
	p.show("asking the model")
}

// done removes the line that changes.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *progress) elapsed() string {
	return fmt.Sprintf("[%4ds]", int(time.Since(p.start).Seconds()))
}

// show replaces the line that changes. Without a terminal only notes from inside a call are worth a line.
func (p *progress) show(what string) {
	if p.live {
		p.clear()
		fmt.Fprint(p.out, clipLine(oneLine(fmt.Sprintf("%s step %d: %s; %d tokens%s", p.elapsed(), p.steps+1, what, p.tokens, p.spent()))))
		return
	}
	if strings.Contains(what, ": ") {
		fmt.Fprintln(p.out, oneLine(p.elapsed()+" "+what))
	}
}

func (p *progress) clear() {
	if p.live {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// clipLine keeps a line short enough not to wrap on most terminals.
func clipLine(s string) string {
	chars := []rune(s)
	return string(chars[:min(len(chars), 78)])
}

// oneLine is one line without secrets and without characters that control a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r >= 0xe0000 && r <= 0xe007f {
			return ' '
		}
		return r
	}, redact.Scrub(s).String())
}
