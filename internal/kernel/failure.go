package kernel

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// What is kept of a failure, in bytes. The kernel sends far less; drafts of its protocol allow more.
const (
	messageMax = 8 << 10
	stackMax   = 32 << 10
	lineMax    = 4 << 10
	linesMax   = 200
)

// readFailure reads a kernel.plugin_error, as the kernel sends it and as drafts of its protocol describe it.
func (d *Delivery) readFailure(n *hotfix.Notice) error {
	p := d.payload
	plugin, fault, trigger := p.object("plugin"), p.object("error"), p.object("trigger")
	message := fault.str("message")
	if message == "" {
		message = fault.str("raw")
	}
	if plugin.str("id") == "" || message == "" {
		return ignored(RuleMalformed, "The plugin error names no plugin or says nothing.")
	}
	status, target := readStatus(message)
	if s := fault.num("status"); s >= 100 && s <= 599 {
		status = int(s)
	}
	f := hotfix.Failure{
		ID: n.ID, Plugin: readPlugin(plugin, target), Status: status,
		Category: clean(first(fault.str("category"), plugin.str("type")), 40),
		Message:  text(message, messageMax), Stack: text(fault.str("stack"), stackMax), Logs: readLogs(p),
		Trigger:     readTrigger(trigger),
		Environment: clean(first(p.str("environment"), p.object("source").str("environment")), 60),
		RequestID:   clean(first(p.object("context").str("requestId"), p.object("logTrail").str("requestId")), 100),
		Truncated:   wasCut(message), At: d.when(p.str("timestamp")), Heard: d.opts.Now.UTC().Truncate(time.Second),
	}
	n.About = f.Plugin.Repo
	if d.isSelf(f.Plugin.Repo, f.Plugin.URL, plugin.str("id"), plugin.str("ref")) || d.isSelf(idRepo(plugin.str("id"))) {
		return ignored(RuleOwnFailure, "The plugin that failed is daemon-hotfix itself.")
	}
	n.Failure, n.Also = &f, d.alsoFailed(f)
	return nil
}

// alsoFailed names the occurrence apart from this delivery: by the dispatch that failed, which two subscriptions of
// ours share, and by the webhook, which a redelivery shares.
func (d *Delivery) alsoFailed(f hotfix.Failure) []string {
	var also []string
	if id := d.payload.str("stateId"); id != "" {
		also = append(also, name("dispatch", id))
	}
	if f.Trigger.Delivery != "" {
		of := f.Plugin.ID
		if !f.Plugin.Repo.IsZero() {
			of = f.Plugin.Repo.String()
		}
		also = append(also, name("webhook", f.Trigger.Delivery)+":"+strings.ToLower(of))
	}
	return also
}

// readPlugin says what failed and where its source lives, as far as that can be known without the network.
func readPlugin(p object, target string) hotfix.Plugin {
	id, tail, _ := strings.Cut(p.str("id"), "@") // owner, repository and workflow never contain one
	ref, with := p.str("ref"), p.object("settings").object("with")
	plugin := hotfix.Plugin{Kind: kindOf(p), Ref: with.str("sourceRef")}
	if isURL(p.str("id")) {
		id = cleanURL(p.str("id"))
	}
	plugin.ID = clean(id, 300)
	for _, u := range []string{ref, tail, p.str("id"), target} {
		if isURL(u) {
			plugin.URL = cleanURL(u)
			break
		}
	}
	if plugin.Ref == "" && !isURL(ref) {
		plugin.Ref = ref
	}
	plugin.Ref = clean(plugin.Ref, 200)
	if plugin.Kind == "kernel" { // owner and repo are the triggering repository's
		plugin.Repo = idRepo(p.str("id"))
		return plugin
	}
	named, at, _ := strings.Cut(p.object("manifest").str("short_name"), "@")
	for _, r := range []hotfix.Repo{parseRepo(with.str("sourceRepo")), parseRepo(p.str("owner") + "/" + p.str("repo")), idRepo(p.str("id")), parseRepo(named)} {
		if !r.IsZero() {
			plugin.Repo = r
			break
		}
	}
	if plugin.Ref == "" && plugin.Repo.Is(parseRepo(named)) {
		plugin.Ref = clean(at, 200)
	}
	return plugin
}

func kindOf(p object) string {
	switch kind := p.str("type"); {
	case kind == "http" || kind == "workflow" || kind == "kernel":
		return kind
	case isURL(p.str("id")):
		return "http"
	}
	return "workflow"
}

// idRepo is the repository in a plugin id "owner/repo[:workflow][@ref]", zero if the id is a URL.
func idRepo(id string) hotfix.Repo {
	if isURL(id) {
		return hotfix.Repo{}
	}
	id, _, _ = strings.Cut(id, "@")
	id, _, _ = strings.Cut(id, ":")
	return parseRepo(id)
}

func readTrigger(t object) hotfix.Trigger {
	trigger := hotfix.Trigger{Event: clean(t.str("githubEvent"), 100), Delivery: clean(t.str("deliveryId"), 100),
		Repo: parseRepo(t.str("repo")), Actor: clean(t.str("actor"), 60)}
	if n := t.num("issueOrPr"); n > 0 && n < 1<<31 {
		trigger.Number = int(n)
	}
	return trigger
}

// readLogs reads the kernel's log trail, and the response that drafts of the protocol add.
func readLogs(p object) []redact.Text {
	var lines []string
	for _, raw := range p.object("logTrail").list("lines") {
		if line, ok := asString(raw); ok && len(lines) < linesMax {
			lines = append(lines, line)
		}
	}
	var logs []redact.Text
	for i, line := range lines {
		if i > 0 {
			line = withoutRest(lines[i-1], line)
		}
		logs = append(logs, text(line, lineMax))
	}
	return append(logs, readDraft(p)...)
}

// restMin is how long the beginning of a line must be to be taken for the rest of a secret.
const restMin = 8

// restForm is a word that can be the rest of a token: letters and digits mixed.
var restForm = regexp.MustCompile(`^[A-Za-z0-9_-]*(?:[0-9][A-Za-z]|[A-Za-z][0-9])[A-Za-z0-9_-]*$`)

// withoutRest takes the rest of a secret off the beginning of a line, for one that the line before it begins: alone,
// neither half need look like one.
func withoutRest(before, line string) string {
	begun, rest := before[strings.LastIndexAny(before, " \t\n")+1:], line
	if n := strings.IndexAny(line, " \t\n"); n >= 0 {
		rest = line[:n]
	}
	if begun == "" || len(rest) < restMin || len(begun)+len(rest) > lineMax {
		return line
	}
	begunHere := strings.HasSuffix(begun, "[REDACTED]") && restForm.MatchString(rest) // by the kernel
	if whole := redact.Scrub(begun + rest).String(); !begunHere && strings.Contains(whole, rest[len(rest)-restMin:]) {
		return line
	}
	return "[REDACTED]" + line[len(rest):]
}

// readDraft reads what only drafts of the protocol say of a failure.
func readDraft(p object) []redact.Text {
	var said []redact.Text
	add := func(name, what string) {
		if what != "" && what != "null" && what != "{}" {
			said = append(said, text(name+": "+what, lineMax))
		}
	}
	fault, around := p.object("error"), p.object("context")
	add("response", around.str("responseSnippet"))
	if raw := fault.str("raw"); raw != fault.str("message") {
		add("raw", raw)
	}
	add("inputs", string(around.get("pluginInputs")))
	if n := around.num("retryCount"); n > 0 {
		add("retries", strconv.FormatInt(n, 10))
	}
	return said
}

var httpMessage = regexp.MustCompile(`^HTTP (?:\(target: (\S+)\) )?([1-5]\d\d)(?:[:\s]|$)`)

// readStatus finds the HTTP status in a message. The kernel means to, but overlooks its own "(target: ...)".
func readStatus(message string) (status int, target string) {
	m := httpMessage.FindStringSubmatch(message)
	if m == nil {
		return 0, ""
	}
	status, _ = strconv.Atoi(m[2]) // three digits
	return status, m[1]
}

// wasCut reports whether the kernel cut a message: at 280 UTF-16 code units, before redacting, which changes the length.
func wasCut(message string) bool {
	if !strings.HasSuffix(message, "...") {
		return false
	}
	return len(utf16.Encode([]rune(message))) == 283 || strings.Contains(message, "[REDACTED]")
}

// when reads a time of the payload. One that is missing or in the future becomes now.
func (d *Delivery) when(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.After(d.opts.Now) {
		t = d.opts.Now
	}
	return t.UTC()
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// rawText is a JSON value as text: a string as it is, a list of one as its member, null as nothing.
func rawText(raw json.RawMessage) string {
	if s, ok := asString(raw); ok {
		return s
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		return rawText(list[0])
	}
	return ""
}
