package triage

import "strings"

// isMethod reports whether a lower-case word is an HTTP method.
func isMethod(w string) bool {
	switch w {
	case "get", "post", "put", "patch", "delete", "head", "options":
		return true
	}
	return false
}

// url writes a URL: GitHub's API as a route, its documentation whole, services by host, anything else as a hole.
func (m *masker) url(t string) {
	scheme, rest, _ := strings.Cut(t, "://")
	if scheme == "file" || strings.HasPrefix(scheme, "webpack") {
		m.path(t)
		return
	}
	if i := strings.LastIndexByte(upTo(rest, "/"), '@'); i >= 0 {
		rest = rest[i+1:]
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	host = lower(upTo(host, ":"))
	switch {
	case m.isKnown(host):
		m.hole()
	case host == "api.github.com":
		m.route(path)
	case host == "docs.github.com":
		m.keep(docs(path))
	case strings.HasPrefix(host, "registry.") || host == "jsr.io" || host == "deno.land" || host == "esm.sh" || host == "pypi.org" || host == "proxy.golang.org":
		m.keep(host)
		m.packagePath(path)
	case strings.HasPrefix(host, "api.") && !hasDigit(host):
		m.keep(host)
		m.anyRoute(path)
	default:
		m.hole()
	}
	m.slot = noSlot
}

// docs returns the page of GitHub's documentation, which names the API route, without language and version.
func docs(path string) string {
	path = strings.TrimPrefix(path, "/en")
	path = strings.TrimPrefix(path, "/free-pro-team@latest")
	path, frag, _ := strings.Cut(path, "#")
	path = upTo(path, "?")
	if frag != "" {
		return "docs.github.com" + path + "#" + frag
	}
	return "docs.github.com" + path
}

// packagePath writes the package that a registry's URL names.
func (m *masker) packagePath(path string) {
	path = strings.NewReplacer("%2f", "/", "%2F", "/", "%40", "@").Replace(upTo(path, "?"))
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" || part == "-" || strings.HasSuffix(part, ".tgz") {
			continue
		}
		m.out = append(m.out, '/')
		if i := strings.LastIndexByte(part, '@'); i > 0 {
			part = part[:i]
		}
		m.out = append(m.out, part...)
	}
}

// githubRoute reports whether a path is one of GitHub's API.
func githubRoute(t string) bool {
	for _, p := range [...]string{"/repos/", "/orgs/", "/users/", "/app/installations", "/user/", "/repositories/", "/search/", "/installation/", "/teams/", "/gists/", "/enterprises/"} {
		if strings.HasPrefix(t, p) {
			return true
		}
	}
	return t == "/graphql" || t == "/app" || t == "/user" || t == "/rate_limit"
}

// route writes a path of GitHub's API with its variable parts as holes.
func (m *masker) route(path string) {
	path = upTo(upTo(path, "?"), "#")
	m.prev2, m.prev = m.prev, "/"
	m.slot, m.num = noSlot, false
	prev := ""
	for i, part := range strings.Split(strings.Trim(path, "/"), "/") {
		if prev == "contents" && i > 0 || prev == "compare" || i > 10 {
			m.out = append(m.out, '/')
			m.bareHole()
			return
		}
		m.out = append(m.out, '/')
		if routeWord(part) && prev != "repos" && prev != "users" && prev != "orgs" && prev != "labels" && !(i == 2 && strings.HasPrefix(strings.Trim(path, "/"), "repos/")) {
			m.out = append(m.out, part...)
		} else {
			m.bareHole()
		}
		prev = part
	}
}

// routeWord reports whether a part of a route of GitHub's API is fixed.
func routeWord(p string) bool {
	switch p {
	case "repos", "orgs", "users", "user", "app", "apps", "issues", "comments", "labels", "pulls", "git", "ref", "refs", "heads", "tags", "trees", "blobs", "commits", "contents", "compare", "branches", "actions", "workflows",
		"dispatches", "runs", "jobs", "logs", "artifacts", "assignees", "collaborators", "permission", "members", "memberships", "teams", "installation", "installations", "access_tokens", "reviews", "requested_reviewers",
		"merge", "events", "timeline", "reactions", "milestones", "check-runs", "check-suites", "statuses", "status", "hooks", "search", "code", "repositories", "forks", "releases", "assets", "latest", "graphql", "deployments",
		"environments", "secrets", "variables", "protection", "topics", "languages", "contributors", "stargazers", "readme", "rate_limit", "lock", "files", "sub_issues", "projects", "notifications", "gists", "public-key", "rerun", "timing", "attempts", "generate", "merge-upstream", "merges", "zipball", "tarball", "keys", "invitations", "subscription", "subscribers", "traffic", "transfer", "replies", "annotations", "codeowners", "rulesets", "rules", "organization_memberships", "outside_collaborators", "public_members":
		return true
	}
	return false
}

// anyRoute writes a path of some other API.
func (m *masker) anyRoute(path string) {
	path = upTo(upTo(path, "?"), "#")
	m.slot, m.num = noSlot, false
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" {
			continue
		}
		m.out = append(m.out, '/')
		switch {
		case len(part) <= 3 && part[0] == 'v', isLower(part) && len(part) < 24:
			m.out = append(m.out, part...)
		case hasDigit(part) && (allDigits(part) || isID(part) || randomish(part)) || len(part) >= 24 || strings.ContainsAny(part, "%@:="):
			m.bareHole()
		default:
			m.out = append(m.out, part...)
		}
	}
	m.prev2, m.prev = m.prev, "/"
}
