package daemon_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// TestASecondOpinionOnlyRaises: a model that agrees changes nothing, one that disagrees raises the risk, and one that cannot
// be asked or understood holds the patch back.
func TestASecondOpinionOnlyRaises(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		reply  modeltest.Reply
		tier   hotfix.Risk
		ending hotfix.Ending
		says   string
	}{
		{"agrees", modeltest.Reply{Text: `{"level": "low", "because": "It is right."}`}, hotfix.LowRisk, hotfix.DraftOpened, ""},
		{"doubts", modeltest.Reply{Text: "```json\n{\"level\": \"medium\", \"because\": \"An empty list may mean that the data is not there yet.\"}\n```"}, hotfix.MediumRisk, hotfix.DraftOpened,
			"A second opinion disagrees: An empty list may mean that the data is not there yet."},
		{"disagrees", modeltest.Reply{Text: `{"level": "high", "because": "It hides the fault."}`}, hotfix.HighRisk, hotfix.Refused, "A second opinion disagrees: It hides the fault."},
		{"is away", modeltest.Reply{Status: http.StatusUnauthorized, Message: "no such key"}, hotfix.HighRisk, hotfix.Refused, "it could not be had"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := modeltest.OpenAI(tt.reply, tt.reply)
			t.Cleanup(server.Close)
			second, err := model.New(model.Config{Provider: model.OpenAI, Name: "second", BaseURL: server.URL, Key: redact.NewSecret("a-key")})
			require.NoError(t, err)
			script := append(thorough[:len(thorough):len(thorough)], givesUp)
			w := newWorld(t, func(cfg *daemon.Config) {
				fixing(t, agenttest.Play(script...))(cfg)
				cfg.Opinion = func(hotfix.Notice) (agent.Model, error) { return second, nil }
			})
			c := w.sees(t, "one", w.head(t))
			o := c.Attempts[0].Outcome
			require.Equal(t, tt.ending, o.Ending, "%+v", o)
			require.Equal(t, tt.tier, o.Risk.Tier)
			said := ""
			for _, s := range o.Risk.Signals {
				if s.Rule == "risk-opinion" {
					said = s.Because
				}
			}
			require.Contains(t, said, tt.says)
			if tt.ending == hotfix.DraftOpened {
				require.Len(t, server.Requests(), 1, "one patch is asked about once")
			}
			require.Contains(t, string(server.Requests()[0].Raw), "Reduce of empty array")
		})
	}
}
