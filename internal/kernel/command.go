package kernel

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// CommandName is the slash command that is ours.
const CommandName = "hotfix"

// insiders are GitHub's names for people with a role in a repository. Whether that role may write is asked later.
var insiders = map[string]bool{"OWNER": true, "MEMBER": true, "COLLABORATOR": true}

// readCommand reads what a person asked for in a comment.
func (d *Delivery) readCommand(n *hotfix.Notice) error {
	number := d.payload.object("issue").num("number")
	if d.Event == "pull_request_review_comment.created" {
		number = d.payload.object("pull_request").num("number")
	} else if d.Event != "issue_comment.created" {
		return ignored(RuleEvent, "Commands come in new comments, not with %s.", n.Event)
	}
	if !strings.EqualFold(d.command.name, CommandName) {
		return ignored(RuleNoCommand, "The comment holds a command for another plugin.")
	}
	comment, from := d.payload.object("comment"), d.payload.object("repository")
	user := comment.object("user")
	repo := parseRepo(from.object("owner").str("login") + "/" + from.str("name"))
	login := user.str("login")
	switch {
	case repo.IsZero() || number <= 0 || number >= 1<<31 || login == "":
		return ignored(RuleMalformed, "The comment names no author, issue or repository.")
	case isBot(user) || isBot(d.payload.object("sender")):
		return ignored(RuleBot, "The command was written by a bot.")
	case !insiders[comment.str("author_association")]:
		return ignored(RuleOutsider, "The command's author has no role in the repository.")
	}
	verb, args := readVerb(d.command.params, comment.str("body"))
	c := hotfix.Command{ID: fmt.Sprint(comment.num("id")), Verb: verb, Args: text(args, 1000), Repo: repo, Issue: int(number),
		By: clean(login, 60), At: d.when(comment.str("created_at"))}
	n.Command = &c
	if id := comment.num("id"); id != 0 {
		n.Also = []string{fmt.Sprintf("comment:%d:%s", id, strings.ToLower(repo.String()))}
	}
	return nil
}

func isBot(user object) bool {
	return user.str("type") == "Bot" || strings.HasSuffix(user.str("login"), "[bot]")
}

var slash = regexp.MustCompile(`(?i)^\s*(?:@ubiquityos\s+)?/` + CommandName + `\b(.*)`)

// readVerb finds the verb and the rest of its line: in the parameter, whose value may be any JSON, or else in the
// comment itself. Lines after the first are for people.
func readVerb(params json.RawMessage, body string) (verb, args string) {
	line := rawText(members(params).get("action"))
	if line == "" {
		if m := slash.FindStringSubmatch(body); m != nil {
			line = m[1]
		}
	}
	line, _, _ = strings.Cut(strings.TrimSpace(line), "\n")
	verb, args, _ = strings.Cut(strings.TrimSpace(line), " ")
	return strings.ToLower(clean(verb, 40)), strings.TrimSpace(args)
}
