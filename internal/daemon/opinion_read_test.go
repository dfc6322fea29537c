package daemon

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// TestReadOpinion: what cannot be understood is no opinion, and no opinion counts as the worst.
func TestReadOpinion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, answer string
		want         hotfix.Risk
		err          string
	}{
		{"plain", `{"level": "medium", "because": "It may be slow."}`, hotfix.MediumRisk, ""},
		{"in a fence", "```json\n{\"level\": \"high\", \"because\": \"It is wrong.\"}\n```\n", hotfix.HighRisk, ""},
		{"in a bare fence", "```\n{\"level\": \"low\", \"because\": \"It is right.\"}\n```", hotfix.LowRisk, ""},
		{"talk", "Looks good to me!", 0, "the answer is no JSON object"},
		{"nothing", "", 0, "the answer is no JSON object"},
		{"two objects", `{"level": "high", "because": "x"} {"level": "low", "because": "y"}`, 0, "the answer is no JSON object"},
		{"no reason", `{"level": "low"}`, 0, `the answer has level "low", or no reason`},
		{"no level", `{"because": "It is right."}`, 0, `the answer has level "", or no reason`},
		{"a level of its own", `{"level": "none", "because": "It is right."}`, 0, `the answer has level "none", or no reason`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := readOpinion(tt.answer)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Level)
		})
	}
	long, err := readOpinion(`{"level": "high", "because": "` + strings.Repeat("x", 5000) + `"}`)
	require.NoError(t, err)
	require.LessOrEqual(t, len(long.Because.String()), opinionSays+3)
}
