package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// A manCmd prints the manual page. It is made of what --help says, so that it cannot say anything else. (The library for
// this, mango-kong, runs descriptions and examples together.)
type manCmd struct{}

// Help is the long text of `man --help`.
func (*manCmd) Help() string {
	return `Examples:
  daemon-hotfix man | man -l -
  daemon-hotfix man > /usr/local/share/man/man1/daemon-hotfix.1`
}

// Run prints the page in roff.
func (*manCmd) Run(k *kong.Kong, std streams) error {
	page := &roff{w: std.Out}
	page.line(`.TH DAEMON-HOTFIX 1 "" "daemon-hotfix"`)
	page.line(".SH NAME")
	page.text(k.Model.Name + " - " + k.Model.Help)
	page.line(".SH SYNOPSIS")
	page.text(k.Model.Name + " COMMAND [flags]")
	page.line(".SH COMMANDS")
	for _, leaf := range k.Model.Leaves(true) {
		page.command(leaf)
	}
	page.line(".SH EXIT STATUS")
	page.text("0 on success, 1 when something failed, 2 for a usage error, 130 when interrupted. Commands that say more with their status list it above.")
	return page.err
}

// A roff writes a manual page and remembers the first error.
type roff struct {
	w   io.Writer
	err error
}

func (r *roff) line(s string) {
	if r.err == nil {
		_, r.err = fmt.Fprintln(r.w, s)
	}
}

// text writes s as it is: nothing in it is markup.
func (r *roff) text(s string) {
	for line := range strings.Lines(s) {
		line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.TrimRight(line, "\n"))
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		r.line(line)
	}
}

// command writes the section of one command: what it does, its flags, its long help with its lines as they are.
func (r *roff) command(n *kong.Node) {
	r.line(".SS")
	r.text(strings.TrimSuffix(n.FullPath(), " "))
	r.text(n.Help)
	for _, f := range n.Flags {
		r.line(".TP")
		r.text("--" + negation(f) + f.Name + placeholder(f))
		r.text(f.Help + byDefault(f) + fromEnv(f))
	}
	for _, a := range n.Positional {
		r.line(".TP")
		r.text(a.Summary())
		r.text(a.Help)
	}
	if n.Detail != "" {
		r.line(".PP")
		r.line(".nf")
		r.text(n.Detail)
		r.line(".fi")
	}
}

func negation(f *kong.Flag) string {
	if f.Tag.Negatable == "" {
		return ""
	}
	return "[no-]"
}

func placeholder(f *kong.Flag) string {
	if f.IsBool() {
		return ""
	}
	return "=" + cmp.Or(f.PlaceHolder, "VALUE")
}

func byDefault(f *kong.Flag) string {
	if !f.HasDefault || f.Default == "" {
		return ""
	}
	return " Default: " + f.Default + "."
}

func fromEnv(f *kong.Flag) string {
	if len(f.Envs) == 0 {
		return ""
	}
	return " Also read from " + strings.Join(f.Envs, " or ") + "."
}
