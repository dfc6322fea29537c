package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

func TestFromEnv(t *testing.T) {
	t.Parallel()
	key := "key-of-the-test-bench"
	tests := []struct {
		name     string
		env      map[string]string
		provider string
		model    string
		base     string
		keyed    bool
		err      string
	}{
		{name: "nothing", err: "no model is configured: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, OLLAMA_HOST or UOS_AI_URL"},
		{name: "a name alone", env: map[string]string{"HOTFIX_MODEL": "gpt-5"}, err: "no model is configured: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, OLLAMA_HOST or UOS_AI_URL"},
		{name: "openai", env: map[string]string{"OPENAI_API_KEY": key}, provider: model.OpenAI, model: "gpt-5.4-mini", keyed: true},
		{name: "openai goes first", env: map[string]string{"ANTHROPIC_API_KEY": key, "OPENAI_API_KEY": key}, provider: model.OpenAI, model: "gpt-5.4-mini", keyed: true},
		{name: "anthropic", env: map[string]string{"ANTHROPIC_API_KEY": " " + key + "\n"}, provider: model.Anthropic, model: "claude-sonnet-5-5", keyed: true},
		{name: "anthropic behind a gateway", env: map[string]string{"ANTHROPIC_API_KEY": key, "ANTHROPIC_BASE_URL": "https://g.example.com", "HOTFIX_MODEL": "m"}, provider: model.Anthropic, model: "m", base: "https://g.example.com/v1", keyed: true},
		{name: "the name decides", env: map[string]string{"ANTHROPIC_API_KEY": key, "OPENAI_API_KEY": key, "HOTFIX_MODEL": "claude-opus-5-5"}, provider: model.Anthropic, model: "claude-opus-5-5", keyed: true},
		{name: "the provider is named", env: map[string]string{"GEMINI_API_KEY": key, "OPENAI_API_KEY": key, "HOTFIX_MODEL": "google:gemini-3.8-flash"}, provider: model.Google, model: "gemini-3.8-flash", keyed: true},
		{name: "the named provider has no key", env: map[string]string{"OPENAI_API_KEY": key, "HOTFIX_MODEL": "anthropic:m"}, err: "HOTFIX_MODEL asks for anthropic, and there is no key for it. Set ANTHROPIC_API_KEY"},
		{name: "a provider without a model", env: map[string]string{"HOTFIX_MODEL": "anthropic:"}, err: `HOTFIX_MODEL is "anthropic:": write provider:name, for example anthropic:claude-sonnet-5-5`},
		{name: "a server of one's own", env: map[string]string{"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1", "HOTFIX_MODEL": "qwen3:8b"}, provider: model.OpenAI, model: "qwen3:8b", base: "http://127.0.0.1:8000/v1"},
		{name: "a server of one's own without a model", env: map[string]string{"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}, err: "HOTFIX_MODEL is not set: name the model to ask at http://127.0.0.1:8000/v1, for example openai:NAME"},
		{name: "ollama", env: map[string]string{"OLLAMA_HOST": "0.0.0.0", "HOTFIX_MODEL": "qwen3:8b"}, provider: model.Ollama, model: "qwen3:8b", base: "http://127.0.0.1:11434/v1"},
		{name: "ollama elsewhere", env: map[string]string{"OLLAMA_HOST": "https://o.example.com/ollama/", "HOTFIX_MODEL": "m"}, provider: model.Ollama, model: "m", base: "https://o.example.com/ollama/v1"},
		{name: "ollama on a port", env: map[string]string{"OLLAMA_HOST": ":9999", "HOTFIX_MODEL": "m"}, provider: model.Ollama, model: "m", base: "http://127.0.0.1:9999/v1"},
		{name: "ollama by name", env: map[string]string{"HOTFIX_MODEL": "ollama:qwen3:8b"}, provider: model.Ollama, model: "qwen3:8b", base: "http://127.0.0.1:11434/v1"},
		{name: "ollama without a model", env: map[string]string{"OLLAMA_HOST": "box"}, err: "HOTFIX_MODEL is not set: name the model to ask at http://box:11434/v1, for example ollama:NAME"},
		{name: "the gateway", env: map[string]string{"UOS_AI_URL": "https://ai.example.com/", "UOS_AI_TOKEN": key}, provider: model.UOS, base: "https://ai.example.com/v1", keyed: true},
		{name: "the gateway with the delivery's token", env: map[string]string{"UOS_AI_URL": "https://ai.example.com/v1", "HOTFIX_MODEL": "m"}, provider: model.UOS, model: "m", base: "https://ai.example.com/v1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := model.FromEnv(func(name string) string { return tt.env[name] })
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []any{tt.provider, tt.model, tt.base, tt.keyed}, []any{c.Provider, c.Name, c.BaseURL, !c.Key.Empty()})
			if tt.keyed {
				require.Equal(t, key, c.Key.Reveal())
			}
			if tt.keyed || tt.provider != model.UOS {
				_, err = model.New(c)
				require.NoError(t, err)
			}
		})
	}
}
