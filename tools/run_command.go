package tools

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type runCommandArgs struct {
	Command string `json:"command" doc:"For sh, in the root."`
	Seconds int    `json:"seconds,omitempty" doc:"At most, 1 to 120 (60)."`
}

var runCommand = define("run-command",
	"Run a shell command on a throw-away copy of the repository, without network or history.",
	func(ctx context.Context, b *Bench, args runCommandArgs) (agent.Result, error) {
		if args.Seconds < 0 || args.Seconds > 120 {
			return agent.Result{}, mistakef("seconds must be 1 to 120")
		}
		if err := pointless(args.Command); err != nil {
			return agent.Result{}, err
		}
		t, tc, err := b.toolchain(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		if why, err := b.borrowed(t, args.Command); why != nil || err != nil {
			return agent.Result{}, errors.Join(why, err)
		}
		timeout := time.Minute
		if args.Seconds > 0 {
			timeout = time.Duration(args.Seconds) * time.Second
		}
		b.progress("running a command")
		res, err := b.Box.Run(ctx, t, sandbox.Command{Args: []string{"sh", "-c", args.Command}, Toolchain: tc, Timeout: timeout})
		if err != nil {
			return agent.Result{}, fmt.Errorf("run command: %w", err)
		}
		end := fmt.Sprintf("exit %d", res.Exit)
		if res.Cause != sandbox.Exited {
			end += ", ended by " + res.Cause
		}
		return agent.Result{Text: end + "\n" + res.Output.String()}, nil
	}).needing(func(b *Bench) bool { return b.Box != nil && b.Commands })

// useless are commands that can do no good where they run. The box is what makes them harmless; refusing them saves
// a turn and shows in the transcript what was tried.
var useless = []struct {
	re  *regexp.Regexp
	why string
}{
	{regexp.MustCompile(`(?i)\b(curl|wget|nc|ncat|netcat|socat|ssh|scp|sftp|rsync|telnet|ftp)\b|https?://|/dev/tcp/|\bext::`), "there is no network in the sandbox"},
	{regexp.MustCompile("(^|[;&|(`])\\s*(env|set|export|declare)\\b|\\bprintenv\\b|/proc/|/etc/(passwd|shadow)|/run/"), "the sandbox has no environment and no system worth reading"},
	{regexp.MustCompile(`\bgit\b.*\b(push|config|remote|commit|clone|fetch|pull|submodule)\b|core\.sshCommand|\bpush\b.*\s(--force|-f)\b`), "history cannot be changed from the sandbox: use write-patch and open-pr"},
	{regexp.MustCompile(`\b(npm|pnpm|yarn|bun|pip|cargo|go)\s+(i|install|add|ci|get|publish)\b`), "dependencies are installed already and cannot be added"},
	{regexp.MustCompile(`\bbase64\s+(-d|-D|--decode)|\|\s*(ba|z|da)?sh\b|\beval\b`), "commands must be written out, not decoded or piped into a shell"},
	{regexp.MustCompile(`\brm\s+-\w*r|^\s*(sudo|su|chroot|mount|mkfs|dd|shutdown|reboot|kill|killall|pkill)\b`), "it would only damage the copy it runs on"},
}

func pointless(command string) error {
	for _, u := range useless {
		if u.re.MatchString(command) {
			return mistakef("this command is not run: %s", u.why)
		}
	}
	return nil
}
