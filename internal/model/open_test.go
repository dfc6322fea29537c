package model_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func env(set map[string]string) func(string) string {
	return func(name string) string { return set[name] }
}

// TestTheGatewayIsAskedWithTheDeliverysToken: inside UbiquityOS no key of our own is needed.
func TestTheGatewayIsAskedWithTheDeliverysToken(t *testing.T) {
	t.Parallel()
	s := modeltest.OpenAI(modeltest.Reply{Text: "Yes.", In: 5, Out: 1})
	t.Cleanup(s.Close)
	models, err := model.Open(env(map[string]string{"UOS_AI_URL": s.URL}), nil)
	require.NoError(t, err)
	require.True(t, models.Borrows())
	_, err = models.Model()
	require.EqualError(t, err, "uos: the gateway is asked with a delivery's token, and there is none here. Set UOS_AI_TOKEN, or pass on the token of the delivery")

	m, err := models.For(model.Asker{Token: redact.NewSecret("the-token-of-the-delivery"), Attestation: redact.NewSecret("the-kernels-word"), Owner: "acme", Repo: "greeter", Installation: "42"})
	require.NoError(t, err)
	_, err = ask(t, m, start())
	require.NoError(t, err)
	h := s.Requests()[0].Header
	require.Equal(t, "Bearer the-token-of-the-delivery", h.Get("Authorization"))
	require.Equal(t, []string{"the-kernels-word", "acme", "greeter", "42"}, []string{h.Get("X-Ubiquity-Kernel-Token"), h.Get("X-GitHub-Owner"),
		h.Get("X-GitHub-Repo"), h.Get("X-GitHub-Installation-Id")})
	_, ok := s.Requests()[0].Body["model"]
	require.False(t, ok, "the gateway knows which model it likes best")
}

// TestTheGatewayIsAskedWithAFreshToken: a delivery may have waited longer than its token lives. One that is no good any
// more is not sent, and the error says what it is.
func TestTheGatewayIsAskedWithAFreshToken(t *testing.T) {
	t.Parallel()
	s := modeltest.OpenAI(modeltest.Reply{Text: "Yes.", In: 5, Out: 1})
	t.Cleanup(s.Close)
	models, err := model.Open(env(map[string]string{"UOS_AI_URL": s.URL}), nil)
	require.NoError(t, err)
	gone := errors.New("it has run out")
	fresh, failed := "a-fresh-token-of-the-kernel", error(nil)
	m, err := models.For(model.Asker{Token: redact.NewSecret("the-token-of-the-delivery"), Attestation: redact.NewSecret("the-kernels-word"), Owner: "acme", Repo: "greeter",
		Fresh: func(context.Context) (redact.Secret, redact.Secret, error) {
			return redact.NewSecret(fresh), redact.NewSecret("the-kernels-new-word"), failed
		}})
	require.NoError(t, err)
	_, err = ask(t, m, start())
	require.NoError(t, err)
	h := s.Requests()[0].Header
	require.Equal(t, []string{"Bearer " + fresh, "the-kernels-new-word", "acme"}, []string{h.Get("Authorization"), h.Get("X-Ubiquity-Kernel-Token"), h.Get("X-GitHub-Owner")})
	failed = gone
	_, err = ask(t, m, start())
	require.ErrorIs(t, err, gone)
	require.Len(t, s.Requests(), 1)
}

func TestAChainOfNames(t *testing.T) {
	t.Parallel()
	down := modeltest.Anthropic(modeltest.Reply{Status: 401, Message: "no such key"})
	t.Cleanup(down.Close)
	gateway := modeltest.OpenAI(modeltest.Reply{Text: "Yes.", In: 5, Out: 1}, modeltest.Reply{Text: "Again.", In: 5, Out: 1})
	t.Cleanup(gateway.Close)
	models, err := model.Open(env(map[string]string{"HOTFIX_MODEL": "anthropic:claude-sonnet-5-5, uos", "ANTHROPIC_API_KEY": "key-of-the-test-bench",
		"ANTHROPIC_BASE_URL": down.URL, "UOS_AI_URL": gateway.URL}), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"anthropic", "claude-sonnet-5-5"}, []string{models.Provider(), models.Name()})
	require.NotNil(t, models.Price())
	m, err := models.For(model.Asker{Token: redact.NewSecret("the-token-of-the-delivery")})
	require.NoError(t, err)
	for _, want := range []string{"Yes.", "Again."} {
		resp, err := ask(t, m, start())
		require.NoError(t, err)
		require.Equal(t, want, resp.Choices[0].Content)
	}
	require.Len(t, down.Requests(), 1, "a model with a bad key is left alone for a while")
	require.Empty(t, gateway.Requests()[0].Header.Get("X-Ubiquity-Kernel-Token"))

	alone, err := models.Model()
	require.NoError(t, err)
	require.Equal(t, "anthropic:claude-sonnet-5-5", alone.(interface{ Name() string }).Name(), "without a delivery the gateway is left out")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"nothing", nil, model.ErrNone.Error()},
		{"an empty name in a chain", map[string]string{"HOTFIX_MODEL": "gpt-5.4,,gpt-5", "OPENAI_API_KEY": "k"}, "HOTFIX_MODEL holds an empty name: write names with one comma between them"},
		{"a name without a key in a chain", map[string]string{"HOTFIX_MODEL": "gpt-5.4,anthropic:m", "OPENAI_API_KEY": "k"}, "HOTFIX_MODEL asks for anthropic, and there is no key for it. Set ANTHROPIC_API_KEY"},
		{"a bad address", map[string]string{"HOTFIX_MODEL": "m", "OPENAI_BASE_URL": "ftp://x", "OPENAI_API_KEY": "k"}, `openai: "ftp://x" is no address of a model: write https://host/path, without user, query or fragment`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := model.Open(env(tt.env), nil)
			require.EqualError(t, err, tt.want)
		})
	}
}

// TestEachReplyHasItsPrice: the price list is asked for the model that answered; one that it does not know has tokens only.
func TestEachReplyHasItsPrice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want float64
	}{{"gpt-5.4-mini", (1000*0.75 + 100*4.5) / 1e6}, {"nobody-knows-it", 0}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := open(t, model.OpenAI, []modeltest.Reply{{Text: "Yes.", In: 1000, Out: 100}}, func(c *model.Config) { c.Name = tt.name })
			resp, err := ask(t, b.model, start())
			require.NoError(t, err)
			require.InDelta(t, tt.want, model.UsageOf(resp).Cost, 1e-12)
		})
	}
}
