package triage

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func FuzzMask(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 4096 {
			return
		}
		once := mask(text, nil, version)
		require.Equal(t, once, mask(once, nil, version), "the template of a template is itself")
		require.LessOrEqual(t, len(once), maskMax+len(text)+256)
	})
}

func FuzzFingerprint(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		fail := hotfix.Failure{Plugin: hotfix.Plugin{ID: "plugin"}, Message: redact.Scrub(text), Logs: []redact.Text{redact.Scrub(text)}}
		template, title := Template(fail), Title(fail)
		require.LessOrEqual(t, utf8.RuneCountInString(title), titleMax)
		require.NotContains(t, title, "\n")
		require.NotEmpty(t, title)
		require.LessOrEqual(t, len(template), 6*templateMax)
		require.Equal(t, Fingerprint(fail), Fingerprint(fail))
		require.Regexp(t, `^v2-[0-9a-f]{32}$`, string(Fingerprint(fail)))
		require.NotContains(t, Aliases(fail), Fingerprint(fail))
		require.LessOrEqual(t, len(Excerpt(fail.Logs, 500)), 500)
		for _, frame := range Frames(fail) {
			require.GreaterOrEqual(t, frame.Line, 0)
		}
	})
}

// seeds adds messages that are hard in one way or another.
func seeds(f *testing.F) {
	f.Helper()
	for _, s := range hostile() {
		f.Add(s[:min(len(s), 64)])
	}
	groups, err := formsOf("varied.txt")
	if err != nil {
		f.Fatal(err)
	}
	v := newFiller()
	for _, g := range groups {
		f.Add(v.fill(g.forms[0]))
	}
}
