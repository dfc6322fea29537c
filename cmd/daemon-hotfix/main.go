// Command daemon-hotfix hears that a plugin failed, keeps one issue per problem, and, where the risk is low,
// proposes a proven fix as a draft pull request.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/willabides/kongplete"
)

// A cli is every command. Each lives in a file of its own.
type cli struct {
	Serve      serveCmd      `cmd:"" help:"Take failures in over HTTP and work on them."`
	Workflow   workflowCmd   `cmd:"" help:"Handle the one delivery that the kernel dispatched this run of GitHub Actions for."`
	Fix        fixCmd        `cmd:"" help:"Make one attempt at a failure in a repository at hand, without GitHub."`
	Verify     verifyCmd     `cmd:"" help:"Gather the evidence of a pull request anew and compare."`
	Inspect    inspectCmd    `cmd:"" help:"Say whether one request of the kernel would be accepted, and why not."`
	Simulate   simulateCmd   `cmd:"" help:"Sign a made-up failure and post it to a daemon."`
	Manifest   manifestCmd   `cmd:"" help:"Print the manifest that the kernel reads."`
	Explain    explainCmd    `cmd:"" help:"Say what would be done about a failure, and why; do nothing."`
	Transcript transcriptCmd `cmd:"" help:"Show what the model and its tools did in a run."`
	Replay     replayCmd     `cmd:"" help:"Show again what the daemon makes of a failure, and play its recorded attempts."`

	Init    initCmd    `cmd:"" help:"Write the files that an installation needs."`
	Doctor  doctorCmd  `cmd:"" help:"Look at this installation and say what is wrong and what to do."`
	Shadow  shadowCmd  `cmd:"" help:"Say what a daemon in the shadow would have done."`
	Jobs    jobsCmd    `cmd:"" help:"Look at work that was given up, and release or drop it."`
	Store   storeCmd   `cmd:"" help:"Check or back up the store."`
	Capsule capsuleCmd `cmd:"" help:"Write one failure to a file that can be replayed elsewhere."`
	Sandbox sandboxCmd `cmd:"" help:"See what the sandbox holds on this machine, or run a command in it."`

	Redact      redactCmd      `cmd:"" help:"Filter secrets out of standard input."`
	Fingerprint fingerprintCmd `cmd:"" help:"Say which failures are one problem."`

	Completion completionCmd `cmd:"" help:"Print what makes a shell complete commands and flags."`
	Man        manCmd        `cmd:"" help:"Print the manual page."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// streams are the standard streams, so that a test can give others.
type streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// An exit is an error that carries its own exit status. What it says has already been printed.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// newParser is the command line. It panics with an exit where kong would end the process.
func newParser(ctx context.Context, std streams) *kong.Kong {
	parser, err := kong.New(new(cli), kong.Name("daemon-hotfix"),
		kong.Description("Keeps one issue per plugin failure and proposes proven fixes as draft pull requests."),
		kong.Vars{"version": version()}, kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Configuration(loadYAML), kong.Writers(std.Out, std.Err), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(std))
	if err != nil {
		panic(err) // the struct tags above are wrong
	}
	return parser
}

// run parses args, runs the command and returns the process's exit status: 2 for a usage error.
func run(ctx context.Context, args []string, std streams) (status int) {
	knowEnvironment(os.Environ())
	std.In = interruptible{ctx, std.In}
	parser := newParser(ctx, std)
	defer func() { // kong "exits" after --help and --version
		switch p := recover().(type) {
		case nil:
		case exit:
			status = int(p)
		default:
			panic(p)
		}
	}()
	kongplete.Complete(parser) // answers and exits if a shell asks
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(std.Err, "daemon-hotfix: %v\n", err)
		return 2
	}
	err = command.Run()
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(std.Err, "daemon-hotfix: interrupted")
		return exitInterrupted
	}
	fmt.Fprintf(std.Err, "daemon-hotfix: %v\n", err)
	return 1
}
