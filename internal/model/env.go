package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// ErrNone is returned by FromEnv where no model is configured: without one the daemon reports and does not fix.
var ErrNone = errors.New("no model is configured: set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, OLLAMA_HOST or UOS_AI_URL")

// usual is the model to ask if HOTFIX_MODEL does not say, where a provider has one that everybody can ask.
var usual = map[string]string{OpenAI: "gpt-5.4-mini", Anthropic: "claude-sonnet-5-5", Google: "gemini-3.8-flash"}

// FromEnv finds out from the environment which model to ask. HOTFIX_MODEL is its name, with the provider before it if
// there is a choice ("anthropic:claude-sonnet-5-5"); else the first provider that has a key or an address is asked.
func FromEnv(getenv func(string) string) (Config, error) {
	get := func(names ...string) string {
		for _, n := range names {
			if v := strings.TrimSpace(getenv(n)); v != "" {
				return v
			}
		}
		return ""
	}
	name := get("HOTFIX_MODEL")
	provider := ""
	if name == UOS { // the gateway knows which model it likes best
		provider, name = UOS, ""
	}
	if p, rest, ok := strings.Cut(name, ":"); ok && slices.Contains(providers, p) {
		provider, name = p, rest
		if name == "" {
			return Config{}, fmt.Errorf("HOTFIX_MODEL is %q: write provider:name, for example anthropic:%s", p+":", usual[Anthropic])
		}
	}
	if provider == "" {
		provider = configured(get, name)
	}
	c := Config{Provider: provider, Name: name}
	switch provider {
	case "":
		return Config{}, ErrNone
	case OpenAI:
		c.Key, c.BaseURL = redact.NewSecret(get("OPENAI_API_KEY")), get("OPENAI_BASE_URL", "OPENAI_API_BASE")
	case Anthropic:
		c.Key, c.BaseURL = redact.NewSecret(get("ANTHROPIC_API_KEY")), versioned(get("ANTHROPIC_BASE_URL"))
	case Google:
		c.Key, c.BaseURL = redact.NewSecret(get("GEMINI_API_KEY", "GOOGLE_API_KEY")), get("GEMINI_BASE_URL")
	case Ollama:
		c.BaseURL = ollamaBase(get("OLLAMA_HOST"))
	case UOS:
		c.Key, c.BaseURL = redact.NewSecret(get("UOS_AI_TOKEN")), versioned(get("UOS_AI_URL", "UOS_AI_BASE_URL"))
		c.Name = cmp.Or(name, get("UOS_AI_MODEL"))
	}
	if c.Name == "" && c.BaseURL == "" {
		c.Name = usual[provider]
	}
	if c.Name == "" && provider != UOS {
		return Config{}, fmt.Errorf("HOTFIX_MODEL is not set: name the model to ask at %s, for example %s:NAME", redact.Scrub(cmp.Or(c.BaseURL, addresses[provider])), provider)
	}
	if c.Key.Empty() && c.BaseURL == "" && provider != Ollama && provider != UOS {
		return Config{}, fmt.Errorf("HOTFIX_MODEL asks for %s, and there is no key for it. %s", provider, keyHelp[provider])
	}
	return c, nil
}

// configured is the provider the environment speaks of; the model's name decides if there are several.
func configured(get func(...string) string, name string) string {
	set := map[string]bool{
		OpenAI:    get("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE") != "",
		Anthropic: get("ANTHROPIC_API_KEY") != "",
		Google:    get("GEMINI_API_KEY", "GOOGLE_API_KEY") != "",
		Ollama:    get("OLLAMA_HOST") != "",
		UOS:       get("UOS_AI_URL", "UOS_AI_BASE_URL", "UOS_AI_TOKEN") != "",
	}
	for prefix, p := range map[string]string{"claude": Anthropic, "gemini": Google, "gpt-": OpenAI} {
		if strings.HasPrefix(name, prefix) && set[p] {
			return p
		}
	}
	for _, p := range []string{OpenAI, Anthropic, Google, Ollama, UOS} {
		if set[p] {
			return p
		}
	}
	return ""
}

// versioned is a gateway's address with the version of the API that we speak.
func versioned(base string) string {
	base = strings.TrimRight(base, "/")
	if base == "" || strings.HasSuffix(base, "/v1") {
		return base
	}
	return base + "/v1"
}

// ollamaBase reads OLLAMA_HOST as Ollama does: scheme, port or host may be missing, and 0.0.0.0 is this machine.
func ollamaBase(host string) string {
	if host == "" {
		return addresses[Ollama]
	}
	scheme, rest, ok := strings.Cut(host, "://")
	if !ok {
		scheme, rest = "http", host
	}
	rest, path, _ := strings.Cut(rest, "/")
	name, port := rest, ""
	if i := strings.LastIndex(rest, ":"); i >= 0 && !strings.HasSuffix(rest, "]") {
		name, port = rest[:i], rest[i+1:]
	}
	if name == "" || name == "0.0.0.0" || name == "[::]" {
		name = "127.0.0.1"
	}
	if port == "" && scheme == "http" {
		port = "11434"
	}
	if port != "" {
		name += ":" + port
	}
	return versioned(scheme + "://" + name + "/" + path)
}

// KernelHeaders tell the uos gateway on whose behalf a question is asked: the delivery's kernel token, repository and
// installation.
func KernelHeaders(kernelToken redact.Secret, owner, repo, installation string) func(context.Context) (http.Header, error) {
	return func(context.Context) (http.Header, error) {
		h := http.Header{}
		for k, v := range map[string]string{"X-GitHub-Owner": owner, "X-GitHub-Repo": repo,
			"X-GitHub-Installation-Id": installation, "X-Ubiquity-Kernel-Token": kernelToken.Reveal()} {
			if v != "" {
				h.Set(k, v)
			}
		}
		return h, nil
	}
}
