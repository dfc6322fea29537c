package triage

import "strings"

// fileExt returns the extension of a file name, "" if the last dot is followed by something else.
func fileExt(p string) string {
	i := strings.LastIndexByte(p, '.')
	if i <= 0 && !strings.HasPrefix(p, ".env") || i < 0 {
		return ""
	}
	ext := lower(p[i+1:])
	switch ext {
	case "ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts", "go", "py", "rs", "rb", "java", "kt", "cs", "php", "json", "jsonc", "yml", "yaml", "toml", "lock", "md", "html", "css", "scss", "sql", "sh",
		"env", "txt", "log", "xml", "svg", "png", "pem", "key", "crt", "wasm", "map", "vue", "svelte", "astro", "node", "mod", "sum", "c", "h", "cc", "cpp", "hpp", "so", "dll", "exe", "zip", "gz", "tgz", "tar", "db", "sqlite", "csv", "tmpl", "snap", "proto", "gradle", "ini", "cfg", "conf", "dockerfile", "prisma", "graphql", "gql", "sol":
		return ext
	}
	return ""
}

// roots are the directories below which runners and platforms check a repository out.
var roots = [...]string{"/github/workspace/", "/opt/build/repo/", "/opt/app-root/src/", "/usr/src/app/", "/opt/render/project/", "/home/node/app/", "/var/task/", "/vercel/path0/", "/app/", "/workspace/", "/workspaces/", "/work/", "/code/", "/srv/", "/repo/", "/src/", "/build/", "/project/", "/tmp/", "/var/www/", "/data/"}

// markers are the directories that sit at the top of a repository.
func marker(part string) bool {
	switch part {
	case "src", "dist", "lib", "build", "test", "tests", "__tests__", "internal", "cmd", "pkg", "scripts", ".github", "functions", "supabase", "out", "bin", "examples", "docs":
		return true
	}
	return false
}

// canonical returns the part of a path that does not depend on where it was checked out: what follows the last
// directory that sits at the top of repositories, else the file name. The name of a package in a workspace stays.
func canonical(p string) string {
	p = plainPath(p)
	if i := strings.LastIndex(p, "node_modules/"); i >= 0 {
		return p[i:]
	}
	relative := p[0] != '/' && !(len(p) > 1 && p[1] == ':')
	p, _ = belowRoot(p)
	parts := strings.Split(p, "/")
	workspace := ""
	for i := 0; i+2 < len(parts); i++ {
		if parts[i] == "packages" || parts[i] == "apps" || parts[i] == "plugins" || parts[i] == "services" {
			workspace = parts[i+1] + "/"
		}
	}
	for i := len(parts) - 2; i >= 0; i-- {
		if marker(parts[i]) {
			return workspace + strings.Join(parts[max(i+1, len(parts)-3):], "/")
		}
	}
	n := len(parts)
	if relative {
		return workspace + strings.Join(parts[max(0, n-3):], "/")
	}
	if n > 1 && commonFile(parts[n-1]) {
		return workspace + parts[n-2] + "/" + parts[n-1]
	}
	return workspace + parts[n-1]
}

// commonFile reports whether a file's name says nothing without its directory.
func commonFile(name string) bool {
	switch upTo(name, ".") {
	case "index", "mod", "main", "types", "__init__", "route", "page", "handler", "utils", "plugin":
		return true
	}
	return false
}

// plainPath removes schemes and queries and turns backslashes.
func plainPath(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	for strings.Contains(p, "//") && !strings.Contains(p, "://") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	for _, scheme := range [...]string{"file://", "webpack-internal://", "webpack://", "app://"} {
		p = strings.TrimPrefix(p, scheme)
	}
	if strings.HasPrefix(p, "http://") || strings.HasPrefix(p, "https://") {
		_, p, _ = strings.Cut(p, "://")
		if i := strings.IndexByte(p, '/'); i >= 0 {
			p = p[i:]
		}
	}
	p = upTo(p, "?")
	if p == "" {
		return "."
	}
	return p
}

// belowRoot removes the directory of the check-out from an absolute path.
func belowRoot(p string) (string, bool) {
	if rest, ok := cutWork(p); ok {
		return rest, true
	}
	for _, r := range roots {
		if rest, ok := strings.CutPrefix(p, r); ok && rest != "" {
			return rest, true
		}
	}
	return p, false
}

// cutWork removes ".../work/<repo>/<repo>/" of Linux and macOS runners and "X:/a/<repo>/<repo>/" of Windows.
func cutWork(p string) (string, bool) {
	i := strings.Index(p, "/work/")
	start := i + len("/work/")
	if i < 0 {
		if len(p) < 5 || p[1:4] != ":/a" || p[4] != '/' {
			return p, false
		}
		start = 5
	}
	parts := strings.SplitN(p[start:], "/", 3)
	if len(parts) == 3 && parts[0] == parts[1] && parts[2] != "" {
		return parts[2], true
	}
	return p, false
}

// relative returns a path as it is probably written in the repository.
func relative(p string) string {
	p = plainPath(p)
	if rest, ok := belowRoot(p); ok {
		return rest
	}
	parts := strings.Split(p, "/")
	for i := 0; i+1 < len(parts); i++ {
		if marker(parts[i]) && (p[0] == '/' || i == 0 || len(p) > 1 && p[1] == ':') {
			return strings.Join(parts[i:], "/")
		}
	}
	return strings.TrimPrefix(strings.TrimPrefix(p, "./"), "/")
}

// baseName returns the file name of a path, with the hashes of bundlers removed.
func baseName(p string) string {
	p = plainPath(p)
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		p = p[i+1:]
	}
	if hasDigit(p) || strings.Count(p, ".") > 1 {
		m := masker{}
		m.ident(p)
		return string(m.out)
	}
	return p
}

// path writes a path, a route or a repository.
func (m *masker) path(t string) {
	switch {
	case strings.HasPrefix(t, "docs.github.com") || strings.HasPrefix(t, "api.") || strings.HasPrefix(t, "registry."):
		m.keep(t)
		m.slot = noSlot
		return
	case githubRoute(t):
		m.route(t)
		return
	case isMethod(m.prev) && t[0] == '/':
		m.anyRoute(t)
		return
	case repoShape(t) && (strings.Contains(t, "#") || !mimeOrPair(t) && (m.slot != noSlot || m.colonBefore())) && t[0] != '@' && t[0] != '.':
		m.hole()
		return
	}
	if bare, line := cutLine(t); line > 0 && fileExt(bare) != "" {
		t = bare
	}
	if strings.HasPrefix(t, "./") || strings.HasPrefix(t, "../") { // as the source says it
		m.ident(t)
		m.slot = noSlot
		return
	}
	if i := strings.IndexByte(t, ':'); i > 1 {
		if numeric(t[i+1:]) {
			t = t[:i]
		} else if fileExt(t[:i]) != "" {
			m.path(t[:i])
			m.out = append(m.out, ':')
			m.token(t[i+1:], "", "")
			return
		} else if strings.IndexByte(t[:i], '/') > 0 && !strings.ContainsAny(t[i+1:], "/:") { // an image and its tag
			m.path(t[:i])
			m.out = append(m.out, ':')
			m.bareHole()
			return
		}
	}
	if strings.HasPrefix(t, "refs/") {
		m.hole()
		return
	}
	m.parts(canonical(t))
}

// parts writes a path part by part; ids in it become holes.
func (m *masker) parts(c string) {
	first := true
	for part := range strings.SplitSeq(c, "/") {
		if !first {
			m.out = append(m.out, '/')
		}
		first = false
		if part == "" {
			continue
		}
		if i := strings.IndexByte(part, '@'); i > 0 {
			part = part[:i]
		}
		if isID(part) || allDigits(part) {
			m.bareHole()
		} else {
			m.ident(part)
		}
	}
	m.prev2, m.prev = m.prev, "/"
	m.num = false
	m.slot = noSlot
}
