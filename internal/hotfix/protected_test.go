package hotfix_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

func TestProtectedFilesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for guard, names := range map[string][]string{
		"automation": {".GitHub/workflows/a.yml", "packages/a/.github/x", ".husky/pre-commit", ".vscode/tasks.json", ".ci/run", "lefthook.yml"},
		"ownership":  {"CODEOWNERS", "a/.npmrc", ".gitmodules", ".gitattributes", ".git/config", ".netrc"},
		"lock":       {"bun.lockb", "bun.lock", "go.sum", "deno.lock", "apps/x/package-lock.json"},
		"secret":     {".env", ".env.local", "x/key.pem", "id_ed25519.pub"},
		"agents":     {"CLAUDE.md", "docs/AGENTS.md", ".cursor/rules/x.md"},
		"built":      {"dist/index.js", "a/node_modules/b.js", "vendor/x/y.go"},
		"setup":      {"package.json", "go.mod", "tsconfig.build.json", "vitest.config.ts", "Makefile", "conftest.py", "action.yml"},
		"terms":      {"LICENSE", "SECURITY.md"},
		"":           {"src/index.ts", "README.md", "docs/build.md", "src/github/api.ts", "src/env.ts", "src/keys.ts", "lock.go", "src/vendor.ts", "manifest.json"},
	} {
		for _, name := range names {
			g := hotfix.Protected(name)
			if guard == "" {
				require.Nil(t, g, name)
				continue
			}
			require.NotNil(t, g, name)
			require.Equal(t, guard, g.Name, name)
			require.NotEmpty(t, g.Why)
			require.Equal(t, guard == "automation" || guard == "ownership" || guard == "lock", g.Steers(), name)
		}
	}
}
