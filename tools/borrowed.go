package tools

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// borrowedMin is how long a part of a command must be to be taken for copied.
const borrowedMin = 12

var (
	joints = regexp.MustCompile(`\s*(?:&&|\|\||[;|&\n])\s*`)
	// ours are commands that every project's own documents name, and that do nothing but build and test.
	ours = regexp.MustCompile(`^(?:(?:npm|pnpm|yarn|bun) (?:test|run [\w:.-]+)|(?:npx |node_modules/\.bin/)?(?:vitest|jest|mocha|tsc|eslint)|node --test|` +
		`deno (?:test|check|lint)|go (?:test|vet|build)|make [\w-]+|pytest|python3? -m (?:pytest|unittest)|cargo (?:test|check))(?: [\w./:=@-]+)*$`)
)

// borrowed says why a command is not run that stands, whole or in part, in text from outside: what came with the
// failure, or a file of the repository. Whoever wrote that text must not get to run it, so the model has to write its
// commands itself.
func (b *Bench) borrowed(t *sandbox.Tree, command string) (why, _ error) {
	var parts []string
	for _, p := range joints.Split(strings.TrimSpace(commandsIn(command)), -1) {
		if p = strings.TrimSpace(p); len(p) >= borrowedMin && !ours.MatchString(p) && strings.Contains(p, " ") {
			parts = append(parts, p)
		}
	}
	holds := func(text string) string {
		i := slices.IndexFunc(parts, func(p string) bool { return strings.Contains(text, p) })
		if i < 0 {
			return ""
		}
		return parts[i]
	}
	b.mu.Lock()
	texts := append(slices.Clone(b.outside), strings.Join(b.logs, "\n"))
	b.mu.Unlock()
	for _, text := range texts {
		if p := holds(text); p != "" {
			return mistakef("this command is not run: %q stands in what came with the failure, and commands from outside are not run. Write what you need yourself", clip(p, 80)), nil
		}
	}
	files, err := t.Files()
	if err != nil || len(parts) == 0 {
		return nil, wrapped("run command", err)
	}
	for _, f := range files {
		if p := holds(f); p != "" {
			return mistakef("this command is not run: %q stands in a file name of the repository. Write what you need yourself", clip(p, 80)), nil
		}
		if bulk.MatchString(f) {
			continue
		}
		if text, err := t.Read(f); err == nil {
			if p := holds(text); p != "" {
				return mistakef("this command is not run: %q stands in %s, and commands that stand in files are not run, but for those that build and test. Write what you need yourself", clip(p, 80), f), nil
			}
		}
	}
	return nil, nil
}

// heredoc begins a file of source code that a command writes: a throwaway test, whose lines are no commands.
var heredoc = regexp.MustCompile(`^\s*cat\s*>+\s*\S+\.(?:go|[cm]?[jt]sx?|py)\s*<<-?\s*['"]?(\w+)['"]?\s*$`)

// commandsIn is a command without the source code that it writes.
func commandsIn(command string) string {
	var out []string
	end := ""
	for _, l := range strings.Split(command, "\n") {
		if end != "" {
			if strings.TrimSpace(l) == end {
				end = ""
			}
			continue
		}
		if m := heredoc.FindStringSubmatch(l); m != nil {
			end = m[1]
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
