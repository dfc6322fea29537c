package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// A transcriptCmd shows what a run did.
type transcriptCmd struct {
	File string `arg:"" help:"What fix --transcript has written. - is standard input."`
	HTML string `help:"Write a page to this file instead, which needs nothing else to be read. - is standard output." placeholder:"FILE" name:"html"`
	Full bool   `help:"Show everything, not only the start of what is long."`
}

// Help is the long text of `transcript --help`.
func (*transcriptCmd) Help() string {
	return `A transcript is one JSON object a line: what the model was asked, each step with its calls, their results, tokens,
cost and time, and how the run ended. It says with which prompt and which tools it was made.

Examples:
  daemon-hotfix fix --repo . --test "npm test" --transcript run.jsonl
  daemon-hotfix transcript run.jsonl
  daemon-hotfix transcript run.jsonl --html run.html`
}

// Run shows the transcript.
func (c *transcriptCmd) Run(_ context.Context, std streams) (err error) {
	in := std.In
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	t, err := agent.ReadTranscript(in)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	v := view(t)
	if c.HTML == "" {
		return c.print(std.Out, v)
	}
	if c.HTML == "-" {
		return page.Execute(std.Out, v)
	}
	f, err := os.Create(c.HTML)
	if err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	return errors.Join(page.Execute(f, v), f.Close())
}

//go:embed transcript.html
var pageText string

var page = template.Must(template.New("transcript").Parse(pageText))

// A runView is a run as a page shows it.
type runView struct {
	*agent.Run
	Prompt, Tools string
	Stale         string // why it could not be made again as it is
	Started       string
	Took          string
	Money         string
	Views         []stepView
}

type stepView struct {
	agent.Step
	N            int
	Money        string
	Took         string
	TokensSoFar  int
	DollarsSoFar float64
}

func view(t *agent.Transcript) runView {
	v := runView{Run: t.Run, Prompt: t.Prompt, Tools: t.Tools, Started: t.Run.Started.UTC().Format("2006-01-02 15:04:05 UTC"),
		Took: t.Run.Took.Round(100 * time.Millisecond).String(), Money: dollars(t.Run.Cost())}
	prompt, err := prompts.Load("fix")
	switch {
	case err == nil && t.Prompt != prompt.Hash():
		v.Stale = "It was made with another prompt than this program's."
	case t.Tools != tools.Hash(tools.All):
		v.Stale = "It was made with other tools than this program's."
	}
	total, cost := 0, 0.0
	for i, s := range t.Run.Steps {
		total, cost = total+s.Tokens.Total(), cost+s.Cost
		v.Views = append(v.Views, stepView{s, i + 1, dollars(s.Cost), s.Took.Round(time.Millisecond).String(), total, cost})
	}
	return v
}

// dollars is a sum of money, "" where no price is known.
func dollars(usd float64) string {
	if usd == 0 {
		return ""
	}
	return fmt.Sprintf("$%.4f", usd)
}

// shownMax is how much of a long text is shown without --full.
const shownMax = 1200

// print writes the run for a terminal.
func (c *transcriptCmd) print(out io.Writer, v runView) error {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s of %s\nmodel %s, prompt %s, tools %s\n", v.Task.ID, v.Started, v.Model, v.Prompt, v.Tools)
	if v.Stale != "" {
		b.WriteString(v.Stale + "\n")
	}
	b.WriteString("\n--- asked ---\n" + c.clip(v.Task.Prompt) + "\n")
	for _, s := range v.Views {
		fmt.Fprintf(&b, "\n--- step %d: %d tokens in (%d cached), %d out%s, %s ---\n", s.N, s.Tokens.In, s.Tokens.Cached, s.Tokens.Out, comma(s.Money), s.Took)
		if s.Reply != "" {
			b.WriteString(c.clip(s.Reply) + "\n")
		}
		for _, call := range s.Calls {
			fmt.Fprintf(&b, "> %s %s\n", call.Tool, c.clip(string(call.Args)))
			b.WriteString(indented(c.clip(call.Result)))
		}
		if s.Note != "" {
			b.WriteString("the loop said: " + s.Note + "\n")
		}
	}
	fmt.Fprintf(&b, "\n--- %s ---\n%s%s, %d tokens%s, %s\n", ending(v.Run), because(v.Because), count(len(v.Steps), "step", "steps"), v.Run.Tokens(), comma(v.Money), v.Took)
	_, err := io.WriteString(out, plainText(b.String()))
	return err
}

func (c *transcriptCmd) clip(s string) string {
	chars := []rune(strings.TrimRight(s, "\n"))
	if c.Full || len(chars) <= shownMax {
		return string(chars)
	}
	return fmt.Sprintf("%s\n[%d more characters; --full shows them]", string(chars[:shownMax]), len(chars)-shownMax)
}

func indented(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ") + "\n"
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

func because(s string) string {
	if s == "" {
		return ""
	}
	return s + "\n"
}

func ending(r *agent.Run) string {
	if r.Stop == "" {
		return "cut off"
	}
	return string(r.Stop)
}

// plainText is s without secrets and without characters that control a terminal, line by line.
func plainText(s string) string {
	ls := strings.Split(s, "\n")
	for i, l := range ls {
		ls[i] = strings.TrimRight(oneLine(strings.ReplaceAll(l, "\t", "    ")), " ")
	}
	return strings.Join(ls, "\n")
}
