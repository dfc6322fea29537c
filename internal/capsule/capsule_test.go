package capsule_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// aCase is one that a fix was attempted for.
func aCase() (hotfix.Case, hotfix.Notice) {
	repo := hotfix.Repo{Owner: "acme", Name: "adder"}
	f := hotfix.Failure{ID: "one", Plugin: hotfix.Plugin{ID: "acme/adder:compute.yml", Kind: "workflow", Repo: repo}, Status: 500, At: noon,
		Message: redact.Scrub("TypeError: Reduce of empty array with no initial value"),
		Logs:    []redact.Text{redact.Scrub("INFO starting"), redact.Scrub("ERROR TypeError: Reduce of empty array")}}
	c := hotfix.Case{Fingerprint: triage.Fingerprint(f), Repo: repo, Count: 3, First: noon.Add(-time.Hour), Last: noon, Latest: f}
	c.Attempts = []hotfix.Attempt{{RunID: "r-1", Outcome: hotfix.Outcome{Patch: &hotfix.Patch{Base: strings.Repeat("a", 40)},
		Evidence: hotfix.Evidence{Before: []hotfix.TestRun{{Command: "node --test test/empty.test.js"}}}}}}
	return c, hotfix.Notice{ID: "one", Event: "kernel.plugin_error", Failure: &f, Settings: json.RawMessage(`{"modes":["issue"]}`)}
}

func TestACapsuleComesBackAsItWas(t *testing.T) {
	t.Parallel()
	c, n := aCase()
	made := capsule.Of(c, n)
	require.Equal(t, "node --test test/empty.test.js", made.Command)
	require.Equal(t, strings.Repeat("a", 40), made.Base)
	require.Contains(t, made.Excerpt.String(), "Reduce of empty array")
	var file bytes.Buffer
	require.NoError(t, capsule.Write(&file, made))
	back, err := capsule.Read(&file)
	require.NoError(t, err)
	require.Equal(t, made, back)
	require.Equal(t, c.Fingerprint, triage.Fingerprint(*back.Notice().Failure), "it is the same problem on any machine")
	require.JSONEq(t, `{"modes":["issue"]}`, string(back.Notice().Settings))
}

func TestACapsuleThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	secret := "ghp_" + strings.Repeat("Ab3", 12)
	tests := []struct{ name, old, new, want string }{
		{"another message", "Reduce of empty array with", "Reduce of full array with", "was changed"},
		{"a secret was put in", "with no initial value", "with " + secret, "was changed"},
		{"a later format", `"version": 1`, `"version": 2`, "export it again"},
		{"no capsule", "{", "[", "not the JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var file bytes.Buffer
			require.NoError(t, capsule.Write(&file, capsule.Of(aCase())))
			require.Contains(t, file.String(), tt.old)
			_, err := capsule.Read(strings.NewReader(strings.Replace(file.String(), tt.old, tt.new, 1)))
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), secret)
		})
	}
}
