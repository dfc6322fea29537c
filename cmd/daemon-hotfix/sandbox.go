package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A sandboxCmd is about the box that untrusted code runs in.
type sandboxCmd struct {
	Check sandboxCheckCmd `cmd:"" help:"Say whether this machine can hold untrusted code, and how."`
	Run   sandboxRunCmd   `cmd:"" help:"Run a command on a copy of a directory, where it can harm nothing."`
}

// A sandboxCheckCmd shows what a probe of the box has found.
type sandboxCheckCmd struct {
	JSON    bool   `help:"Print the findings as JSON."`
	Backend string `help:"Look at this backend only: native, bwrap or gvisor." placeholder:"B"`
}

// Help returns the long help.
func (*sandboxCheckCmd) Help() string {
	return "Sets up a box, tries from inside to read and write this machine, to reach the network and to get more rights, " +
		"and prints what came of it. The exit status is 1 if untrusted code must not run here; fixes are then off and issues are still kept.\n\n" +
		"Examples:\n  daemon-hotfix sandbox check --json"
}

// Run probes the box.
func (c *sandboxCheckCmd) Run(_ context.Context, std streams) error {
	found, err := sandbox.Check(sandbox.Config{Backend: c.Backend})
	if c.JSON {
		report := struct {
			Usable   bool              `json:"usable"`
			Why      string            `json:"why,omitempty"`
			Findings []sandbox.Finding `json:"findings"`
		}{err == nil, "", found}
		if err != nil {
			report.Why = err.Error()
		}
		enc := json.NewEncoder(std.Out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(report); err != nil {
			return fmt.Errorf("print findings: %w", err)
		}
	} else {
		printFindings(std.Out, found)
		if err != nil {
			fmt.Fprintf(std.Out, "\nUntrusted code must not run on this machine. %v\n", err)
		} else {
			fmt.Fprintln(std.Out, "\nUntrusted code can run on this machine.")
		}
	}
	if err != nil {
		return exit(1)
	}
	return nil
}

func printFindings(w io.Writer, found []sandbox.Finding) {
	for _, f := range found {
		mark := "ok"
		if !f.Held {
			mark = "NO"
		}
		fmt.Fprintf(w, "%-3s %-12s %s\n", mark, f.Name, f.Says)
	}
}

// A sandboxRunCmd runs one command in a box.
type sandboxRunCmd struct {
	Dir     string        `help:"Directory that the command sees a copy of." default:"." type:"existingdir"`
	Timeout time.Duration `help:"Time after which everything in the box is ended." default:"1m"`
	Memory  int           `help:"Memory limit in MiB, over all processes and their files." default:"2048"`
	Net     string        `help:"none, or proxy: what --allow names can be reached through HTTP's CONNECT." enum:"none,proxy" default:"none"`
	Allow   []string      `help:"An address that --net proxy lets through. May be given more than once." placeholder:"HOST:PORT"`
	Backend string        `help:"What makes the box: native, bwrap or gvisor. The first whose probe passes if none is given." placeholder:"B"`
	Export  bool          `help:"Copy changed regular files back into the directory."`
	Command []string      `arg:"" passthrough:"" help:"The command and its arguments."`
}

// Help returns the long help.
func (*sandboxRunCmd) Help() string {
	return "The command sees nothing of this machine but its programs, works on a copy, and has no network unless --net proxy and --allow give it " +
		"single addresses. Its exit status is passed on; the directory changes only with --export.\n\n" +
		"Examples:\n  daemon-hotfix sandbox run --timeout 30s -- go test ./...\n" +
		"  daemon-hotfix sandbox run --net proxy --allow registry.npmjs.org:443 -- npm view left-pad version"
}

// Run runs the command.
func (c *sandboxRunCmd) Run(ctx context.Context, std streams) error {
	args := c.Command
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return fmt.Errorf("no command is given: write it after --")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", c.Dir, err)
	}
	switch {
	case c.Net == "proxy" && len(c.Allow) == 0:
		return fmt.Errorf("--net proxy reaches nothing by itself: name addresses with --allow host:port")
	case c.Net != "proxy" && len(c.Allow) > 0:
		return fmt.Errorf("--allow has no meaning without --net proxy")
	}
	box, err := sandbox.Native(sandbox.Config{Backend: c.Backend})
	if err != nil {
		return err
	}
	command := sandbox.Command{Args: args, Timeout: c.Timeout, Memory: int64(c.Memory) << 20, Keep: c.Export, Allow: c.Allow}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		command.Cache = "go"
		command.Env = map[string]string{"GOPROXY": "off", "GOTOOLCHAIN": "local"}
	}
	res, err := box.Run(ctx, &sandbox.Tree{Dir: dir}, command)
	if err != nil {
		return err
	}
	fmt.Fprint(std.Out, res.Output)
	for _, name := range res.Changed {
		fmt.Fprintf(std.Err, "changed %s\n", name)
	}
	for _, to := range res.Contacts {
		if to.Refused != "" {
			fmt.Fprintf(std.Err, "not reached, %d times: %s: %s\n", to.Count, to.Address, to.Refused)
		}
	}
	for _, why := range res.Refused {
		fmt.Fprintf(std.Err, "not copied back: %s\n", why)
	}
	if res.Cause != sandbox.Exited {
		fmt.Fprintf(std.Err, "daemon-hotfix: the command ended by %s after %s\n", res.Cause, res.Took.Round(time.Millisecond))
	}
	if res.Exit != 0 {
		return exit(res.Exit)
	}
	return nil
}
