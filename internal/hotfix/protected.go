package hotfix

import (
	"path"
	"regexp"
	"strings"
)

// A Guard is a kind of files that only people change.
type Guard struct {
	Name string
	Why  string // no fix may change them

	below  map[string]bool // directories, wherever they are
	names  map[string]bool // files, wherever they are
	shapes *regexp.Regexp  // names of which there are many
}

// Steers reports whether such files decide what tools and automation do with a repository.
func (g *Guard) Steers() bool { return g == automation || g == ownership || g == locks }

// Locks reports whether such files are written by package managers. A file without a guard is not.
func (g *Guard) Locks() bool { return g == locks }

// Shown reports whether such files help somebody who reads the code. A file without a guard does.
func (g *Guard) Shown() bool { return g == nil || g == setup || g == terms }

var (
	automation = &Guard{Name: "automation", Why: "it controls what runs in the project's automation",
		below: all(".github", ".gitlab", ".circleci", ".buildkite", ".ci", ".husky", ".githooks", "hooks.d", ".devcontainer", ".vscode", ".idea", ".yarn"),
		names: all(".gitlab-ci.yml", ".travis.yml", "azure-pipelines.yml", "jenkinsfile", "lefthook.yml", ".pre-commit-config.yaml")}
	ownership = &Guard{Name: "ownership", Why: "it changes who owns the code or how tools treat it",
		below: all(".git"),
		names: all("codeowners", ".gitattributes", ".gitmodules", ".gitconfig", ".lfsconfig", ".mailmap", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "bunfig.toml",
			".netrc", ".envrc", ".pypirc")}
	locks = &Guard{Name: "lock", Why: "lock files change only with dependencies, which a fix leaves alone",
		names: all("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "bun.lockb", "go.sum", "go.work.sum", "pipfile.lock"), shapes: regexp.MustCompile(`\.lock$`)}
	secrets = &Guard{Name: "secret", Why: "it is a place for secrets",
		shapes: regexp.MustCompile(`^\.env|\.(?:pem|key|p12|pfx|jks|keystore|crt|cer|der|asc|gpg)$|^id_(?:rsa|ed25519|ecdsa)`)}
	agents = &Guard{Name: "agents", Why: "it instructs other agents",
		below: all(".claude", ".cursor", ".codex", ".gemini", ".windsurf"),
		names: all("agents.md", "claude.md", "gemini.md", "copilot-instructions.md", "skill.md", ".cursorrules", ".windsurfrules", ".clinerules", ".aider.conf.yml")}
	built = &Guard{Name: "built", Why: "it is generated or belongs to somebody else: change its source", below: all("node_modules", "vendor", "dist")}
	setup = &Guard{Name: "setup", Why: "it says what the project depends on and how it is built and tested, which a fix leaves alone",
		names: all("package.json", "pnpm-workspace.yaml", "deno.json", "deno.jsonc", "jsr.json", "import_map.json", "go.mod", "go.work", "cargo.toml", "pyproject.toml", "pipfile",
			"gemfile", "composer.json", "dockerfile", ".dockerignore", "makefile", "justfile", "action.yml", "action.yaml", "wrangler.toml", "wrangler.jsonc", ".gitignore"),
		shapes: regexp.MustCompile(`^(?:` +
			`(?:vite|vitest|jest|karma|playwright|cypress|ava|mocha|nyc|c8|wtr|web-test-runner|babel|tsup|rollup|webpack|esbuild)[.\w-]*\.(?:config|conf|workspace|setup)[.\w]*\.?[cm]?[jt]s(?:on)?|` +
			`(?:jest|vitest)[.-]setup[.\w-]*|\.(?:mocharc|nycrc|c8rc|babelrc|swcrc|taprc)[.\w]*|tsconfig[.\w-]*\.json|\.?eslint[.\w]*|\.golangci\.ya?ml|conftest\.py|pytest\.ini|tox\.ini|setup\.(?:py|cfg)|` +
			`requirements[.\w-]*\.txt|docker-compose[.\w-]*\.ya?ml|\.ubiquity-os\.config[.\w]*\.ya?ml` +
			`)$`)}
	terms = &Guard{Name: "terms", Why: "it says what people may do with the code", names: all("security.md", "license", "license.md")}
)

var guards = []*Guard{automation, ownership, locks, secrets, agents, built, setup, terms}

func all(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Protected returns the guard of a file, nil if a fix may change it. This is the one list of such files. Names are compared
// without case: some file systems do the same.
func Protected(name string) *Guard {
	parts := strings.Split(strings.ToLower(path.Clean(strings.ReplaceAll(name, `\`, "/"))), "/")
	base := parts[len(parts)-1]
	for _, g := range guards {
		for _, p := range parts {
			if g.below[p] {
				return g
			}
		}
		if g.names[base] || g.shapes != nil && g.shapes.MatchString(base) {
			return g
		}
	}
	return nil
}
