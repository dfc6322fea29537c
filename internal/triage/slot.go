package triage

import (
	"bytes"
	"strings"
)

// A slot is what the words before a value announce.
type slot byte

const (
	noSlot   slot = iota
	nameSlot      // a user, a repository, a branch: the next name is a value
	prepSlot      // after "for", "by": the next word is a value if it is no word of the language
	idSlot        // "id", "sha": the next token is a value if it is not a word
)

// announce sets the slot after a word.
func (m *masker) announce(w string) {
	switch w {
	case "user", "users", "login", "username", "author", "assignee", "contributor", "actor", "owner", "account", "sender", "member", "collaborator", "reviewer", "org", "organization",
		"organisation", "hunter", "payee", "beneficiary", "recipient", "wallet", "repo", "repos", "repository", "repositories", "branch", "ref", "tag", "fork", "commit", "head", "base", "sha", "bot", "nickname", "handle", "assignees", "pathspec", "refspec", "rejected", "checkout":
		m.slot, m.left, m.noun = nameSlot, 4, w
	case "name", "named", "called":
		if m.noun == "" || keepsName(m.noun) {
			m.slot = noSlot
		} else {
			m.slot, m.left = nameSlot, 3
		}
	case "id", "ids", "uuid", "hash", "guid", "number", "no", "nonce", "address", "title":
		m.slot, m.left = idSlot, 2
	case "for", "by", "from", "of", "to", "remove", "add", "assign", "unassign", "mention", "notify", "invite", "pay", "reward", "ban", "ping", "penalize", "removing", "adding", "assigning", "unassigning", "mentioning", "paying", "notifying", "inviting", "with", "on", "in":
		if m.slot == nameSlot && m.left > 0 {
			m.left--
			return
		}
		m.slot, m.left = prepSlot, 1
	case "found", "the", "is", "a", "an", "called:", "at", "default", "not", "exist", "exists":
		if m.left--; m.left <= 0 {
			m.slot = noSlot
		}
	default:
		m.slot = noSlot
		switch {
		case keepsName(w):
			m.noun = w
		case len(w) > 5 && strings.HasSuffix(w, "ing"):
			m.slot, m.left = prepSlot, 1
		}
	}
}

// keepsName reports whether the name of such a thing tells one problem from another.
func keepsName(noun string) bool {
	switch noun {
	case "table", "column", "property", "module", "package", "env", "environment", "variable", "function", "field", "key", "relation", "constraint", "secret", "input", "file", "command",
		"plugin", "workflow", "job", "step", "event", "parameter", "argument", "option", "flag", "class", "type", "method", "export", "index", "schema", "database", "label", "header", "attribute", "action", "script", "task", "test", "suite", "model", "tool", "rule", "hook":
		return true
	}
	return false
}

// slotEnd handles punctuation: a colon or an equals sign leads to the value, anything else ends the wait.
func (m *masker) slotEnd(c byte) {
	switch c {
	case ':', '=':
		if m.slot == nameSlot {
			m.left = max(m.left, 1)
		}
	default:
		m.slot = noSlot
		m.noun = ""
	}
}

// filled writes a hole if t is the value that the slot waits for.
func (m *masker) filled(t, tail, after string) bool {
	switch m.slot {
	case nameSlot:
		if isValue(t) || m.colonBefore() && ends(tail, after) || isBranch(m.noun, t) {
			m.hole()
			return true
		}
	case prepSlot:
		if isHandle(t) && ends(tail, after) || repoShape(t) && !mimeOrPair(t) || m.by != rules1 && isForkBranch(t) && ends(tail, after) {
			m.hole()
			return true
		}
	case idSlot:
		if hasDigit(t) && !isCode(t) {
			m.hole()
			return true
		}
	default:
		if m.by != rules1 && m.betweenBranches(t, tail, after) || m.isSubject(t, after) || m.prev == hole && bytes.HasSuffix(m.out, []byte("-> ")) {
			m.hole()
			return true
		}
	}
	return false
}

// isForkBranch reports whether t is owner:branch.
func isForkBranch(t string) bool {
	owner, branch, ok := strings.Cut(t, ":")
	return ok && isHandle(owner) && (isHandle(branch) || isBranch("branch", branch))
}

// betweenBranches reports whether t is one of two branches: between a and b.
func (m *masker) betweenBranches(t, tail, after string) bool {
	if m.prev == "between" && (isHandle(t) || isBranch("branch", t)) {
		return strings.HasPrefix(strings.TrimLeft(after, " "), "and ")
	}
	return m.prev == "and" && m.prev2 == hole && (isHandle(t) || isBranch("branch", t)) && ends(tail, after)
}

// isBranch reports whether t is one of the usual names of branches, after a noun that asks for one.
func isBranch(noun, t string) bool {
	switch noun {
	case "branch", "ref", "head", "base", "rejected", "checkout", "pathspec":
	default:
		return false
	}
	switch t {
	case "main", "master", "development", "develop", "dev", "staging", "production", "release", "next", "beta", "stable", "trunk", "gh-pages":
		return true
	}
	return false
}

// isSubject reports whether the first word of a message is a login: no word of the language, and what follows is
// said of people.
func (m *masker) isSubject(t, after string) bool {
	if len(m.out) > 0 && m.prev != "" || !isHandle(t) {
		return false
	}
	after = strings.TrimLeft(after, " ")
	for _, p := range [...]string{"has reached", "has no ", "has not ", "has already", "has too", "hasn't", "have ", "you ", "does not have", "doesn't have", "did not", "is already", "is not a ", "is not allowed",
		"is not authorized", "is not assigned", "is not eligible", "is not the ", "is not permitted", "was not ", "was already", "was unassigned", "was assigned", "cannot be assigned", "cannot start", "cannot stop", "already has", "must ", "needs to"} {
		if strings.HasPrefix(after, p) {
			return true
		}
	}
	return false
}

// colonBefore reports whether the last mark written was a colon.
func (m *masker) colonBefore() bool {
	s := strings.TrimRight(string(m.out[max(0, len(m.out)-3):]), " ")
	return strings.HasSuffix(s, ":") || strings.HasSuffix(s, "=")
}

// ends reports whether a value ends a clause: punctuation, the end of the text or a preposition follows.
func ends(tail, after string) bool {
	if tail != "" {
		return true
	}
	after = strings.TrimLeft(after, " ")
	if after == "" || !isWord(after[0]) {
		return true
	}
	switch lower(strings.TrimRight(upTo(after, " "), ".,;:")) {
	case "in", "on", "from", "to", "of", "at", "for", "by", "with", "because", "as", "and", "or", "was", "is", "has", "after", "due", "failed", "not", "does", "could", "cannot", "via", "but", "while", "when", "using", "since", "-", "had", "did", "were", "are", "exceeds", "exceeded", "they", "he", "she", "that", "who", "which",
		"already", "would", "should", "must", "can", "may", "might", "returned", "responded", "took", "during", "before", "until", "into", "without", "within", "against", "if", "still", "needs",
		"requires", "doesn't", "isn't", "wasn't", "hasn't", "can't", "ended", "expired", "timed", "rejected", "again", "you", "no", "this", "have", "will", "so", "then", "than", "per":
		return true
	}
	return false
}

// isValue reports whether a token behind "user" or "repository" is a name and not the sentence going on.
func isValue(t string) bool {
	if strings.ContainsAny(t, "/") {
		return repoShape(t) || strings.HasPrefix(t, "refs/") || fileExt(t) == ""
	}
	return isHandle(t)
}

// isHandle reports whether a token could be a login or a branch: it is no word of the language and no constant.
func isHandle(t string) bool {
	if len(t) < 2 || len(t) > 60 || t[0] == '.' {
		return false
	}
	upper, letters := true, 0
	for i := 0; i < len(t); i++ {
		c := t[i]
		if !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
		if isLetter(c) {
			letters++
			upper = upper && isUpper(c)
		}
	}
	if letters == 0 || upper && !hasDigit(t) || fileExt(t) != "" {
		return false
	}
	return !allWords(t)
}

// repoShape reports whether t is owner/name, possibly with #12.
func repoShape(t string) bool {
	t = upTo(t, "#")
	owner, name, ok := strings.Cut(t, "/")
	if !ok || owner == "" || name == "" || strings.ContainsAny(name, "/\\:=") || strings.ContainsAny(owner, ".\\:@=") {
		return false
	}
	ext := fileExt(name)
	return ext == "" || ext == "fi" || ext == "github"
}

// mimeOrPair reports whether a/b is a media type or two words joined by a slash.
func mimeOrPair(t string) bool {
	a, b, _ := strings.Cut(lower(t), "/")
	switch a {
	case "application", "text", "image", "audio", "video", "multipart", "src", "dist", "lib", "test", "tests", "build", "refs", "heads", "tags", "node_modules", "bin":
		return true
	}
	return allWords(a) && allWords(b)
}

// allWords reports whether all parts of t are words of the language: "pull-request", "PaymentModule", "labels".
func allWords(t string) bool {
	start := 0
	for i := 0; i <= len(t); i++ {
		if i < len(t) {
			c := t[i]
			if isDigit(c) {
				return false
			}
			sep := c == '-' || c == '_' || c == '.'
			camel := i > start && isUpper(c) && !isUpper(t[i-1])
			if !sep && !camel {
				continue
			}
		}
		if p := strings.Trim(t[start:i], "-_."); p != "" && !isVocabulary(lower(p)) {
			return false
		}
		start = i
	}
	return true
}
