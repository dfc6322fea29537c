package kernel_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

func TestAPayloadIsKeptOnlyWhereItIsWanted(t *testing.T) {
	t.Parallel()
	secret := "ghp_" + strings.Repeat("Ab3", 12)
	key := kerneltest.NewKey()
	failure := kerneltest.Failure{Kind: kerneltest.Workflow, Message: "boom with " + secret, Plugin: kerneltest.Plugin{Owner: "acme", Repo: "greet", Ref: "main"},
		Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 4, Actor: "mona", Installation: 11}}
	for settings, kept := range map[string]bool{`{"storeRawEvents":true}`: true, `{"storeRawEvents":false}`: false, `{}`: false, `{"storeRawEvents":"yes"}`: false} {
		d, err := kernel.Open(kerneltest.Sign(key, kerneltest.Fields{Payload: failure.Payload(), Settings: json.RawMessage(settings)}), kernel.Options{Key: &key.PublicKey})
		require.NoError(t, err)
		n, err := d.Notice()
		require.NoError(t, err)
		require.Equal(t, kept, len(n.Raw) > 0, settings)
		require.NotContains(t, string(n.Raw), secret, "what is kept is redacted")
		if kept {
			require.Contains(t, string(n.Raw), "boom with")
			require.WithinDuration(t, time.Now().Add(kernel.RawDays*24*time.Hour), n.RawUntil, time.Minute)
		}
	}
}
