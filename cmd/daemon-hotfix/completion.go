package main

import (
	"fmt"
	"os"
)

// A completionCmd prints what makes a shell complete this program's commands and flags.
type completionCmd struct {
	Shell string `arg:"" help:"bash, zsh or fish." enum:"bash,zsh,fish"`
}

// Help is the long text of `completion --help`.
func (*completionCmd) Help() string {
	return `Examples:
  source <(daemon-hotfix completion bash)      add it to ~/.bashrc
  source <(daemon-hotfix completion zsh)       add it to ~/.zshrc
  daemon-hotfix completion fish | source       add it to ~/.config/fish/config.fish`
}

// completions ask this program itself, which answers when COMP_LINE is set. Where it has nothing to say the shell
// completes names of files.
var completions = map[string]string{
	"bash": "complete -o default -C %[1]q daemon-hotfix\n",
	"zsh":  "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\nautoload -Uz bashcompinit && bashcompinit\ncomplete -o default -C %[1]q daemon-hotfix\n",
	"fish": `function __daemon_hotfix_complete
    set -l words (env COMP_LINE=(commandline -cp) %[1]q)
    if test (count $words) -gt 0
        printf '%%s\n' $words
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c daemon-hotfix -f -a "(__daemon_hotfix_complete)"
`,
}

// Run prints the line or two that the shell reads.
func (c *completionCmd) Run(std streams) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	_, err = fmt.Fprintf(std.Out, completions[c.Shell], self)
	return err
}
