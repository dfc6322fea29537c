package model_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
)

func TestAChainAsksTheNext(t *testing.T) {
	t.Parallel()
	ill := map[string]modeltest.Reply{
		"overloaded": {Status: 529, Message: "Overloaded"},
		"no quota":   {Status: 429, Code: "insufficient_quota"},
		"a bad key":  {Status: 401},
	}
	for name, reply := range ill {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once := func(c *model.Config) { c.Retries = -1 }
			first := open(t, model.Anthropic, []modeltest.Reply{reply, {Text: "First."}}, once)
			second := open(t, model.OpenAI, []modeltest.Reply{{Text: "Second."}, {Text: "Second."}})
			now := time.Now()
			c := &model.Chain{Models: []agent.Model{first.model, second.model}, Now: func() time.Time { return now }}
			require.Equal(t, "anthropic:some-model, else openai:some-model", c.Name())
			for range 2 {
				resp, err := ask(t, c, start())
				require.NoError(t, err)
				require.Equal(t, "Second.", resp.Choices[0].Content)
				require.Equal(t, "openai:some-model", resp.Choices[0].GenerationInfo["Provider"])
			}
			require.Len(t, first.server.Requests(), 1, "it is left alone for a while")
			now = now.Add(10 * time.Minute)
			resp, err := ask(t, c, start())
			require.NoError(t, err)
			require.Equal(t, "anthropic:some-model", resp.Choices[0].GenerationInfo["Provider"])
		})
	}
}

func TestAChainWaitsAsLongAsItIsAsked(t *testing.T) {
	t.Parallel()
	first := open(t, model.OpenAI, []modeltest.Reply{{Status: 429, Message: "tomorrow", Header: map[string]string{"Retry-After": "86400"}}, {Text: "First."}})
	second := open(t, model.OpenAI, []modeltest.Reply{{Text: "Second."}, {Text: "Second."}})
	now := time.Now()
	c := &model.Chain{Models: []agent.Model{first.model, second.model}, Now: func() time.Time { return now }}
	for _, want := range []string{"Second.", "Second.", "First."} {
		resp, err := ask(t, c, start())
		require.NoError(t, err)
		require.Equal(t, want, resp.Choices[0].Content)
		now = now.Add(12 * time.Hour)
	}
}

func TestAChainEndsWhereAnotherModelIsNoHelp(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]modeltest.Reply{
		"overflow": {Status: 400, Code: "context_length_exceeded", Message: "too long"}, "a refusal": {Text: "no", Stop: "content_filter"}, "a wrong question": {Status: 400, Message: "wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			second := open(t, model.OpenAI, []modeltest.Reply{{Text: "Second."}})
			c := &model.Chain{Models: []agent.Model{open(t, model.OpenAI, []modeltest.Reply{reply}).model, second.model}}
			_, err := ask(t, c, start())
			require.Error(t, err)
			require.Empty(t, second.server.Requests())
		})
	}
}

func TestAChainThatIsAllIll(t *testing.T) {
	t.Parallel()
	down := modeltest.Reply{Status: 401, Message: "who are you"}
	a := open(t, model.OpenAI, []modeltest.Reply{down, {Text: "Back."}})
	b := open(t, model.Anthropic, []modeltest.Reply{down})
	c := &model.Chain{Models: []agent.Model{a.model, b.model}}
	_, err := ask(t, c, start())
	require.ErrorIs(t, err, model.ErrKey)
	require.ErrorContains(t, err, "none of 2 models can answer: openai:some-model")
	require.ErrorContains(t, err, "anthropic:some-model")
	resp, err := ask(t, c, start())
	require.NoError(t, err, "when all are ill, all are asked")
	require.Equal(t, "Back.", resp.Choices[0].Content)

	_, err = ask(t, &model.Chain{}, start())
	require.ErrorIs(t, err, model.ErrNone)
	resp, err = ask(t, &model.Chain{Models: []agent.Model{agenttest.Play(agenttest.Say("Hi."))}}, []llms.MessageContent{})
	require.NoError(t, err)
	require.Equal(t, "script", resp.Choices[0].GenerationInfo["Provider"])
}
