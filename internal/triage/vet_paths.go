package triage

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// protectedFiles refuses files that decide what is run, who may do what, or what a reviewer sees.
func protectedFiles(v vetting) string {
	return about(v, "It changes %s, which only people change: workflows, dependencies, credentials, settings of tools and of agents, and built output. Repair the code without it.",
		func(c changed) bool {
			return protected(c.OldName) || protected(c.NewName) || named(v.policy.Protected, c.OldName) || named(v.policy.Protected, c.NewName)
		})
}

// named reports whether one of patterns means the file: a directory that ends with a slash, a whole path, or a
// pattern of path.Match for the path or its last element. A pattern that cannot be read means every file.
func named(patterns []string, name string) bool {
	return name != "" && slices.ContainsFunc(patterns, func(p string) bool {
		whole, err := path.Match(p, name)
		last, _ := path.Match(p, path.Base(name))
		return err != nil || whole || last || strings.HasSuffix(p, "/") && strings.HasPrefix(name, p)
	})
}

// protectedDirs are directories nothing below which may be changed, wherever they are.
var protectedDirs = set(".git", ".github", ".gitlab", ".circleci", ".buildkite", ".ci", ".husky", ".githooks", "hooks.d", ".claude", ".cursor",
	".codex", ".gemini", ".windsurf", ".devcontainer", ".vscode", ".idea", "node_modules", "vendor", "dist", ".yarn")

// protectedNames are files, wherever they are.
var protectedNames = set("codeowners", "agents.md", "claude.md", "gemini.md", "copilot-instructions.md", "skill.md", ".cursorrules", ".windsurfrules",
	".aider.conf.yml", ".gitattributes", ".gitmodules", ".gitconfig", ".gitignore", ".lfsconfig", ".mailmap", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs",
	".netrc", ".pypirc", ".dockerignore", "dockerfile", "makefile", "justfile", "jenkinsfile", "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock",
	"pnpm-lock.yaml", "pnpm-workspace.yaml", "bun.lock", "bun.lockb", "bunfig.toml", "deno.json", "deno.jsonc", "deno.lock", "jsr.json", "import_map.json",
	"go.mod", "go.sum", "go.work", "go.work.sum", "cargo.toml", "cargo.lock", "pyproject.toml", "poetry.lock", "uv.lock", "pipfile", "pipfile.lock", "gemfile",
	"gemfile.lock", "action.yml", "action.yaml", ".gitlab-ci.yml", ".travis.yml", "azure-pipelines.yml", "lefthook.yml", ".pre-commit-config.yaml",
	"wrangler.toml", "wrangler.jsonc", "security.md", "license", "license.md", "id_rsa", "id_ed25519", "id_ecdsa")

// protectedShapes are names of which there are many.
var protectedShapes = regexp.MustCompile(`^(?:` +
	`\.env.*|.*\.(?:pem|key|p12|pfx|jks|keystore|crt|cer|der|asc|gpg|lock)|` + // credentials and lock files
	`(?:vite|vitest|jest|karma|playwright|cypress|ava|mocha|nyc|c8|wtr|web-test-runner|babel|tsup|rollup|webpack|esbuild)[.\w-]*\.(?:config|conf|workspace|setup)[.\w]*\.?[cm]?[jt]s(?:on)?|` +
	`(?:jest|vitest)[.-]setup[.\w-]*|\.(?:mocharc|nycrc|c8rc|babelrc|swcrc|taprc)[.\w]*|tsconfig[.\w-]*\.json|\.?eslint[.\w]*|\.golangci\.ya?ml|conftest\.py|pytest\.ini|tox\.ini|setup\.(?:py|cfg)|` +
	`requirements[.\w-]*\.txt|docker-compose[.\w-]*\.ya?ml|\.ubiquity-os\.config[.\w]*\.ya?ml` +
	`)$`)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// protected reports whether a file is off limits. Names are compared without case: some file systems do the same.
func protected(name string) bool {
	if name == "" {
		return false
	}
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	if strings.HasPrefix(name, "/") || path.Clean(name) != name {
		return true // leads out of the tree, or hides where it leads
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if strings.TrimRight(part, ". ") != part || i < len(parts)-1 && protectedDirs[part] {
			return true
		}
	}
	base := parts[len(parts)-1]
	return protectedDirs[base] || protectedNames[base] || protectedShapes.MatchString(base)
}

var testNames = regexp.MustCompile(`(?i)(?:^|/)(?:tests?|__tests__|__mocks__|__snapshots__|testdata|fixtures|e2e|spec)/|_test\.\w+$|[.-](?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)test_[^/]*\.py$|\.snap$`)

// isTestFile reports whether a file looks like one that tests are made of.
func isTestFile(name string) bool { return testNames.MatchString(name) }

var proseNames = regexp.MustCompile(`(?i)\.(?:md|mdx|txt|rst|adoc)$|(?:^|/)(?:docs?|changelog|license)(?:/|$)`)

// prose reports whether a file is text for people.
func prose(name string) bool { return proseNames.MatchString(name) }
