package evals

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// Replay returns a model that answers from a transcript, as long as prompts and tools are those it was recorded
// with and the conversation goes as it went then. Without a transcript the model must not be asked.
func Replay(transcript []byte) (agent.Model, error) {
	if len(bytes.TrimSpace(transcript)) == 0 {
		return silent{}, nil
	}
	prompt, err := prompts.Load("fix")
	if err != nil {
		return nil, err
	}
	now := model.Expect{PromptHash: prompt.Hash(), ToolsHash: tools.Hash(tools.All)}
	r, err := model.Replay(bytes.NewReader(transcript), model.Expect{})
	if err != nil {
		return nil, err
	}
	switch h := r.Header; {
	case h.Prompt != "" && h.Prompt != now.PromptHash:
		return nil, &Stale{"prompt", h.Prompt, now.PromptHash}
	case h.Tools != "" && h.Tools != now.ToolsHash:
		return nil, &Stale{"tools", h.Tools, now.ToolsHash}
	}
	return r, nil
}

// Stale says that a transcript answers a prompt, or tools, that are no more.
type Stale struct{ What, Was, Is string }

func (s *Stale) Error() string {
	return fmt.Sprintf("it was recorded with %s %s, now %s: record it again", s.What, s.Was, s.Is)
}

// Record returns a model that asks m and writes the transcript to w.
func Record(m agent.Model, provider, note string, w io.Writer) (agent.Model, error) {
	prompt, err := prompts.Load("fix")
	if err != nil {
		return nil, err
	}
	return model.Record(m, model.Header{Provider: provider, Prompt: prompt.Hash(), Tools: tools.Hash(tools.All), Note: note}, w)
}

// silent is the model of a fixture in which no model is to be asked.
type silent struct{}

func (silent) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	return nil, errors.New("this fixture has no transcript: the model should not have been asked")
}
