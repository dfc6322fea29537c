package tools

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

func TestVet(t *testing.T) {
	t.Parallel()
	pass, fail, hung := hotfix.TestRun{Passed: true}, hotfix.TestRun{}, hotfix.TestRun{Cause: "timeout"}
	proven := hotfix.Evidence{Before: []hotfix.TestRun{fail}, After: []hotfix.TestRun{pass}, Suite: &pass}
	allow := func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason { return nil }
	for _, tt := range []struct {
		name string
		vet  func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason
		e    hotfix.Evidence
		want []string
	}{
		{"proven and allowed", allow, proven, nil},
		{"nobody to ask", nil, proven, []string{"There is no policy to ask, so nothing may be published."}},
		{"allowed but not proven", allow, hotfix.Evidence{}, []string{"The proof is incomplete: 0 runs on the old code, 0 on the new, all tests run: false."}},
		{"passes on the old code", allow, hotfix.Evidence{Before: []hotfix.TestRun{pass, pass}, After: []hotfix.TestRun{pass}, Suite: &pass},
			[]string{"The proof is incomplete: 2 runs on the old code, 1 on the new, all tests run: true."}},
		{"hangs on the old code", allow, hotfix.Evidence{Before: []hotfix.TestRun{hung}, After: []hotfix.TestRun{pass}, Suite: &pass},
			[]string{"The proof is incomplete: 1 runs on the old code, 1 on the new, all tests run: true."}},
		{"fails on the new code", allow, hotfix.Evidence{Before: []hotfix.TestRun{fail}, After: []hotfix.TestRun{fail}, Suite: &pass},
			[]string{"The proof is incomplete: 1 runs on the old code, 1 on the new, all tests run: true."}},
		{"a gap, said twice", func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason {
			return []hotfix.Reason{{Because: "A gap."}, {Because: "Too large."}}
		},
			hotfix.Evidence{Before: proven.Before, After: proven.After, Suite: &pass, Gaps: []hotfix.Reason{{Because: "A gap."}}}, []string{"A gap.", "Too large."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, r := range (&Bench{Vet: tt.vet}).vet(hotfix.Patch{}, tt.e) {
				got = append(got, r.Because)
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func TestFocus(t *testing.T) {
	t.Parallel()
	require.Equal(t, "short", focus("short", 100))
	long := ""
	for range 200 {
		long += "all is well\n"
	}
	got := focus(long+"TypeError: x\n    at a.js:3\n"+long+"ended\n", 300)
	require.Contains(t, got, "[195 lines not shown]\nall is well\nall is well\nall is well\nall is well\nall is well\nTypeError: x\n    at a.js:3\n")
	require.Contains(t, got, "ended\n")
	require.Less(t, len(got), 500)
}
