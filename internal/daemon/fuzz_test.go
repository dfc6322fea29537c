package daemon

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// FuzzSettings: settings of any shape are read, with a warning for what is not understood, and never widen what the
// operator allows.
func FuzzSettings(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"enabled":"false","modes":"issue","riskPolicy":{"maxFiles":"3"}}`, `{"allowlistRepos":["o/r",7],"budget":{"steps":-1}}`,
		`{"riskPolicy":{"quietHours":"22:00-06:30 Europe/Berlin","autoMerge":true}}`, `{"unknown":{"deep":[1]}}`, `[`} {
		f.Add([]byte(s))
	}
	operator := triage.Policy{Allow: []hotfix.Repo{{Owner: "acme", Name: "greet"}}, MaxFixesPerDay: 1, MaxFiles: 8, MaxLines: 300, NoFix: "switched off"}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, _ := ParseSettings(raw)
		narrowed := s.Narrow(operator)
		require.NotEmpty(t, narrowed.NoFix)
		require.LessOrEqual(t, narrowed.MaxFiles, operator.MaxFiles)
		require.LessOrEqual(t, narrowed.MaxLines, operator.MaxLines)
		require.LessOrEqual(t, narrowed.MaxFixesPerDay, operator.MaxFixesPerDay)
		require.False(t, narrowed.AutoMerge)
	})
}

// FuzzState: an issue's body gives a case back only if we signed it, whatever else stands in it.
func FuzzState(f *testing.F) {
	d := &Daemon{cfg: Config{Key: []byte(strings.Repeat("k", 32))}}
	repo := hotfix.Repo{Owner: "acme", Name: "greet"}
	c := hotfix.Case{Fingerprint: "v2-0123456789abcdef0123456789abcdef", Repo: repo, Count: 3, State: hotfix.Ongoing}
	state := d.state(c)
	f.Add(state)
	f.Add(state + "\n" + state)
	f.Add(strings.Replace(state, `"count":3`, `"count":4`, 1))
	f.Add("<!-- " + string(c.Fingerprint) + " {} -->")
	genuine := stateForm.FindStringSubmatch(state)
	require.NotNil(f, genuine)
	f.Fuzz(func(t *testing.T, body string) {
		for _, read := range []func() (hotfix.Case, bool){
			func() (hotfix.Case, bool) { return d.readState(repo, c.Fingerprint, body) },
			func() (hotfix.Case, bool) { return d.anyState(repo, body) },
		} {
			got, ok := read()
			if ok {
				require.Contains(t, body, genuine[1], "a signature of ours")
				require.Equal(t, c.Fingerprint, got.Fingerprint)
				require.Equal(t, 3, got.Count)
			}
		}
	})
}

// A page answers every request with itself.
type page string

func (p page) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(p)))}, nil
}

// FuzzManifest: a plugin's manifest of any shape is a name or an error.
func FuzzManifest(f *testing.F) {
	for _, s := range []string{`{"short_name":"o/r@main"}`, `{"short_name":7}`, `[]`, `<html>`, ``, `{"short_name":"` + strings.Repeat("x", 5000) + `"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		m := &manifests{client: &http.Client{Transport: page(body)}}
		name, err := m.fetch(t.Context(), "https://plugin.example/manifest.json")
		if err != nil {
			require.Empty(t, name)
			return
		}
		require.True(t, json.Valid([]byte(body)))
	})
}
