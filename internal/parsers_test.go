package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parsers are those that meet bytes from outside, and the fuzz targets that stand beside them. SECURITY.md has the list too.
var parsers = []struct{ room, reads, targets string }{
	{"internal/kernel", "the kernel's requests and workflow inputs, brotli, payloads of each event, attestations, renewed tokens, keys, GitHub's webhooks", "FuzzOpen FuzzQuote FuzzInflate FuzzPayload FuzzAttestation FuzzGitHub FuzzUserinfo FuzzMembers FuzzRenewal FuzzKey"},
	{"internal/redact", "any text, whole and as a stream", "FuzzScrub FuzzWriter"},
	{"internal/hotfix", "names of repositories, evidence in files and pull requests", "FuzzRepo FuzzProof"},
	{"internal/triage", "messages, stacks and patches", "FuzzMask FuzzFingerprint FuzzVet"},
	{"internal/daemon", "settings, the state line of issues, manifests of plugins, a second model's opinion, what stands behind a command; what is published of outside text", "FuzzSettings FuzzState FuzzManifest FuzzOpinion FuzzInert FuzzSnooze"},
	{"internal/forge", "archives of logs, limits in headers, leases", "FuzzLogs FuzzLimits FuzzLease"},
	{"internal/model", "replies of models, transcripts of the benchmark", "FuzzReplies FuzzReplay"},
	{"internal/capsule", "capsules", "FuzzRead"},
	{"internal/dashboard", "cookies, addresses, GitHub's answers when somebody signs in", "FuzzSession FuzzTarget FuzzSignIn FuzzPages"},
	{"agent", "transcripts", "FuzzTranscript"},
	{"tools", "arguments that a model sends, files that it writes", "FuzzArguments FuzzSyntax"},
	{"prompts", "text that is quoted in a prompt, front matter", "FuzzQuote FuzzPrompt"},
	{"sandbox", "reports of test runners (TAP, JUnit, go, jest), coverage, package.json, names of files, archives from the box, requests to the proxy", "FuzzKeep FuzzReport FuzzCoverage FuzzPackageJSON FuzzPath FuzzProxy"},
	{"evals", "fixtures, rows of SWE-bench, predictions", "FuzzFixture FuzzInstances FuzzPredictions"},
	{"cmd/daemon-hotfix", "signals and event files, configuration of the daemon and of the kernel, our manifest as GitHub has it, lines to redact and to fingerprint", "FuzzSignal FuzzConfig FuzzKernelFile FuzzManifestFile FuzzLine FuzzMessages"},
}

// Each parser that meets bytes from outside has its fuzz targets, each with seeds, which `go test` runs; no target is missing
// from the list, and SECURITY.md says what the list says.
func TestParsersAreFuzzed(t *testing.T) {
	t.Parallel()
	security, err := os.ReadFile("../SECURITY.md")
	require.NoError(t, err)
	found := fuzzTargets(t)
	for _, p := range parsers {
		for target := range strings.FieldsSeq(p.targets) {
			require.Positive(t, found[p.room+" "+target], "%s in %s is missing or has no seeds", target, p.room)
			delete(found, p.room+" "+target)
		}
		require.Contains(t, string(security), "| `"+p.room+"` | "+p.reads+" |\n")
	}
	require.Empty(t, found, "list these too")
}

// fuzzTargets counts the seeds of each fuzz target, by room and name. A seed that is added in a loop counts once.
func fuzzTargets(t *testing.T) map[string]int {
	t.Helper()
	found := map[string]int{}
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Fuzz") || f.Recv != nil {
				continue
			}
			key := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../") + " " + f.Name.Name
			found[key] += 0
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch called := call.Fun.(type) {
				case *ast.SelectorExpr:
					if called.Sel.Name == "Add" {
						found[key]++
					}
				case *ast.Ident:
					if called.Name == "seeds" { // which adds those that several targets share
						found[key]++
					}
				}
				return true
			})
		}
		return nil
	}))
	return found
}
