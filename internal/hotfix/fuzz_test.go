package hotfix_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// FuzzProof: a text is evidence that holds together, or an error.
func FuzzProof(f *testing.F) {
	p := hotfix.NewProof(hotfix.Repo{Owner: "o", Name: "r"}, "v1-a", hotfix.Patch{Base: strings.Repeat("a", 40), Diff: "diff --git a/a b/a\n"}, hotfix.Evidence{}, nil, "boom")
	f.Add(p.JSON())
	f.Add("words\n" + hotfix.ProofMark + "\n" + p.JSON() + "\n-->")
	f.Add(strings.Replace(p.JSON(), "diff --git", "diff --GIT", 1))
	f.Add("{}")
	f.Add(hotfix.ProofMark)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := hotfix.ParseProof(text)
		if err != nil {
			return
		}
		again, err := hotfix.ParseProof(p.JSON())
		require.NoError(t, err)
		require.Empty(t, p.Differs(again))
	})
}

// FuzzRepo: a name is one repository in one spelling, or an error.
func FuzzRepo(f *testing.F) {
	for _, s := range []string{"acme/greet", "acme/*", "a/b/c", "/", "", "acme/", "https://github.com/a/b", "a b/c", "../x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := hotfix.ParseRepo(s)
		if err != nil {
			return
		}
		again, err := hotfix.ParseRepo(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
