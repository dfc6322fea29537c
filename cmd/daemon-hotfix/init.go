package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/mattn/go-isatty"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

//go:embed init
var initTemplates embed.FS

// An initCmd writes the files that an installation needs.
type initCmd struct {
	Dir      string   `help:"Directory to write the files to. Files that exist are left alone." default:"hotfix-install" type:"path"`
	Owner    string   `help:"Account or organisation that installs the daemon." placeholder:"LOGIN"`
	RunAs    string   `help:"How it runs: service (systemd), container, or action (a GitHub workflow, nothing to operate)." enum:"service,container,action," default:"" placeholder:"HOW"`
	Homepage string   `help:"Public https address that the kernel and GitHub can reach it at. Not for action." placeholder:"URL"`
	Allow    []string `help:"Repositories it may write to. Default: all of the owner's." placeholder:"REPO"`
	Fix      bool     `help:"Draft pull requests too, not only issues." default:"true" negatable:""`
	Force    bool     `help:"Overwrite files that exist."`
}

// Help is the long text of `init --help`.
func (*initCmd) Help() string {
	return `Asks for what no flag says, if there is a terminal. Writes a block for the kernel's configuration, the manifest that the
kernel reads and one for a GitHub App, and beside them, by how it runs, a hardened systemd unit, a container file or the
compute workflow.
Nothing secret is asked for or written; the file env says which variables hold the credentials.

Examples:
  daemon-hotfix init
  daemon-hotfix init --owner acme --run-as service --homepage https://hotfix.acme.example
  daemon-hotfix init --owner acme --run-as action --no-fix`
}

// initFiles are what each way to run needs, by template and by the name it is written under.
var initFiles = map[string][][2]string{
	"service":   {{"kernel-config.yml", "kernel-config.yml"}, {"daemon-hotfix.service", "daemon-hotfix.service"}, {"config.yaml", "config.yaml"}, {"env", "env"}},
	"container": {{"kernel-config.yml", "kernel-config.yml"}, {"Containerfile", "Containerfile"}, {"config.yaml", "config.yaml"}, {"env", "env"}},
	"action":    {{"kernel-config.yml", "kernel-config.yml"}, {"compute.yml", ".github/workflows/compute.yml"}},
}

// Run asks, writes and says what to do next.
func (c *initCmd) Run(_ context.Context, std streams) error {
	if err := c.ask(std); err != nil {
		return err
	}
	if err := c.validate(); err != nil {
		return err
	}
	for _, f := range initFiles[c.RunAs] {
		text, err := c.render(f[0])
		if err != nil {
			return err
		}
		if err := c.write(std.Out, f[1], text); err != nil {
			return err
		}
	}
	app, err := json.MarshalIndent(c.app(), "", "  ")
	if err != nil {
		return err
	}
	if err := c.write(std.Out, "github-app.json", append(app, '\n')); err != nil {
		return err
	}
	if err := c.write(std.Out, "manifest.json", daemon.NewManifest(c.Plugin()+"@main", c.Homepage).JSON()); err != nil {
		return err
	}
	_, err = fmt.Fprint(std.Out, c.next())
	return err
}

// ask asks for what is missing, if somebody is there to answer.
func (c *initCmd) ask(std streams) error {
	questions := []struct {
		to        *string
		flag, say string
		needed    bool
	}{
		{&c.Owner, "--owner", "Account or organisation that installs the daemon", c.Owner == ""},
		{&c.RunAs, "--run-as", "How it runs: service, container or action", c.RunAs == ""},
	}
	in := bufio.NewReader(std.In)
	for _, q := range questions {
		if !q.needed {
			continue
		}
		if !terminal(std.In) {
			return fmt.Errorf("%s is missing, and there is no terminal to ask at", q.flag)
		}
		if err := prompt(std.Err, in, q.say, q.to); err != nil {
			return err
		}
	}
	if c.Homepage == "" && c.RunAs != "action" {
		if !terminal(std.In) {
			return errors.New("--homepage is missing: the kernel has to know where to post failures")
		}
		return prompt(std.Err, in, "Public https address it is reached at", &c.Homepage)
	}
	return nil
}

func prompt(out io.Writer, in *bufio.Reader, question string, to *string) error {
	fmt.Fprintf(out, "%s: ", question)
	line, err := in.ReadString('\n')
	if *to = strings.TrimSpace(line); *to == "" {
		return fmt.Errorf("nothing was answered, so nothing is written: %w", cmp.Or(err, errors.New("an empty line")))
	}
	return nil
}

// terminal reports whether a stream is one, so that a person can answer or watch.
func terminal(r any) bool {
	if in, ok := r.(interruptible); ok {
		r = in.r
	}
	f, ok := r.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

func (c *initCmd) validate() error {
	if _, err := hotfix.ParseRepo(c.Owner + "/" + ownName); err != nil {
		return fmt.Errorf("--owner: %q is not a login", c.Owner)
	}
	if _, ok := initFiles[c.RunAs]; !ok {
		return fmt.Errorf("--run-as: %q is none of service, container and action", c.RunAs)
	}
	if c.Homepage != "" {
		u, err := url.Parse(c.Homepage)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return fmt.Errorf("--homepage: %q is not an https address", c.Homepage)
		}
	}
	if len(c.Allow) == 0 {
		c.Allow = []string{c.Owner + "/*"}
	}
	_, err := repos(c.Allow)
	return err
}

// Plugin is the repository that the daemon is installed as.
func (c *initCmd) Plugin() string { return c.Owner + "/" + ownName }

// Listen is where serve listens: behind a proxy that speaks https, or on all addresses of a container.
func (c *initCmd) Listen() string {
	if c.RunAs == "container" {
		return "0.0.0.0:8787"
	}
	return "127.0.0.1:8787"
}

func (c *initCmd) render(name string) ([]byte, error) {
	if text, err := initTemplates.ReadFile("init/" + name); err == nil {
		return text, nil // nothing in it is to be filled in
	}
	t, err := template.ParseFS(initTemplates, "init/"+name+".tmpl")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, c)
	return b.Bytes(), err
}

// write writes one file, unless there is one.
func (c *initCmd) write(out io.Writer, name string, text []byte) error {
	path := filepath.Join(c.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	if _, err := os.Stat(path); err == nil && !c.Force {
		_, err := fmt.Fprintf(out, "kept    %s (--force overwrites it)\n", path)
		return err
	}
	mode := fs.FileMode(0o644)
	if name == "env" {
		mode = 0o600
	}
	if err := os.WriteFile(path, text, mode); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	_, err := fmt.Fprintf(out, "written %s\n", path)
	return err
}

// next is what remains for a person.
func (c *initCmd) next() string {
	steps := []string{
		"Make the GitHub App at this address, which fills the form in with what github-app.json says (for a personal account leave\n     out organizations/" +
			c.Owner + "), make a private key there, and install the App on the repositories:\n     " + c.app().form(c.Owner),
	}
	const manifest = "put manifest.json at the root of it, on the branch main: the kernel reads it."
	switch c.RunAs {
	case "service":
		steps = append(steps, "Make a repository called exactly "+c.Plugin()+" and "+manifest,
			"Put the credentials into env, the files where daemon-hotfix.service says, and start it.")
	case "container":
		steps = append(steps, "Fork "+home+" as "+c.Plugin()+" and "+manifest,
			"Put the credentials into env; the end of Containerfile shows how to build and run.")
	case "action":
		steps = append(steps, "Fork "+home+" as "+c.Plugin()+" and "+manifest,
			"Put compute.yml there, and set the repository's variables and secrets that it names.")
	}
	steps = append(steps,
		"Add kernel-config.yml to the kernel's configuration in "+c.Owner+"/.ubiquity-os.",
		"Run `daemon-hotfix doctor`: it says what is still missing.")
	var b strings.Builder
	b.WriteString("\nNext:\n")
	for i, s := range steps {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, s)
	}
	return b.String()
}
