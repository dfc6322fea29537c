// Package internal holds the rule of who may import whom.
package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/ubiquity-os-marketplace/daemon-hotfix/"

// mayImport is the dependency diagram of the house. A package that is missing from it may import nothing of
// ours. Only cmd, evals and tests may import anything.
var mayImport = map[string][]string{
	"internal/redact":            {},
	"internal/hotfix":            {"internal/redact"},
	"internal/kernel":            {"internal/hotfix", "internal/redact"},
	"internal/kernel/kerneltest": {"internal/kernel"},
	"internal/triage":            {"internal/hotfix", "internal/redact"},
	"internal/capsule":           {"internal/hotfix", "internal/redact", "internal/triage"},
	"prompts":                    {"internal/redact"},
	"agent":                      {},
	"agent/agenttest":            {"agent"},
	"sandbox":                    {"internal/hotfix", "internal/redact", "sandbox/boot"},
	"sandbox/boot":               {},
	"tools":                      {"agent", "sandbox", "internal/hotfix", "internal/redact"},
	"internal/model":             {"agent", "internal/redact"},
	"internal/model/modeltest":   {},
	"internal/store":             {"agent", "internal/hotfix", "internal/redact"},
	"internal/store/storetest":   {"agent", "internal/hotfix", "internal/redact", "internal/store"},
	"internal/queue":             {"internal/store", "internal/hotfix"},
	"internal/forge":             {"sandbox", "internal/hotfix", "internal/redact"},
	"internal/forge/forgetest":   {"internal/hotfix", "internal/redact"},
	"internal/daemon": {"agent", "prompts", "sandbox", "tools", "internal/hotfix", "internal/redact", "internal/store",
		"internal/triage"},
	"internal/local":     {"agent", "prompts", "sandbox", "tools", "internal/hotfix", "internal/redact", "internal/triage"},
	"internal/metrics":   {"agent", "sandbox", "internal/hotfix", "internal/model", "internal/redact", "internal/store"},                     // the only importer of Prometheus and of OpenTelemetry's SDK
	"internal/replay":    {"agent", "prompts", "sandbox", "tools", "internal/hotfix", "internal/local", "internal/model", "internal/redact"}, // model: what is no difference
	"internal/dashboard": {"agent", "internal/hotfix", "internal/redact", "internal/store", "internal/triage"},                               // triage: titles and classes, pure functions
	"internal/engine":    {"internal/daemon", "internal/hotfix", "internal/kernel", "internal/queue", "internal/store", "internal/triage", "internal/redact"},
}

func TestImports(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil || strings.HasPrefix(rel, "cmd") || strings.HasPrefix(rel, "evals") || strings.Contains(rel, "testdata") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			if ours, ok := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module); ok && !slices.Contains(mayImport[rel], ours) {
				t.Errorf("%s imports %s, which the diagram does not allow", rel, ours)
			}
		}
		return nil
	})
	require.NoError(t, err)
}

// TestStandInsStayOut checks that the daemon's own binary links no stand-in.
func TestStandInsStayOut(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../cmd/daemon-hotfix/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, imp := range f.Imports {
			name := strings.Trim(imp.Path.Value, `"`)
			require.False(t, strings.HasSuffix(name, "/forgetest") || strings.HasSuffix(name, "/agenttest"), "%s imports %s", file, name)
		}
	}
}
