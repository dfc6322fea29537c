package agent

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tmc/langchaingo/llms"
)

// charsPerToken turns characters into tokens where nobody counted.
const charsPerToken = 4

// history is everything the model has been told and has said, oldest first. It follows from the run alone.
func (a *Agent) history(run *Run) []llms.MessageContent {
	messages := []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, run.Task.System),
		llms.TextParts(llms.ChatMessageTypeHuman, run.Task.Prompt),
	}
	masked := a.Observe.tighter(run.Tight).masked(run.Steps)
	told := a.digested(run)
	if told > 0 {
		messages = append(messages, llms.TextParts(llms.ChatMessageTypeHuman, digest(run.Steps[:told])))
	}
	for i, s := range run.Steps {
		if i < told {
			continue
		}
		messages = append(messages, said(s))
		for j, c := range s.Calls {
			text := c.Result
			if masked[place{i, j}] {
				text = fmt.Sprintf("[%d characters left out to save room; call %s again if you need them]", len(text), c.Tool)
			}
			messages = append(messages, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{
				llms.ToolCallResponse{ToolCallID: c.ID, Name: c.Tool, Content: text},
			}})
		}
		if s.Note != "" {
			messages = append(messages, llms.TextParts(llms.ChatMessageTypeHuman, s.Note))
		}
	}
	return messages
}

// said is a reply as the model is shown it again. Arguments that were no object become an empty one, since providers
// refuse them; the result quotes what was wrong.
func said(s Step) llms.MessageContent {
	m := llms.MessageContent{Role: llms.ChatMessageTypeAI}
	if strings.TrimSpace(s.Reply) != "" {
		m.Parts = append(m.Parts, llms.TextPart(s.Reply))
	}
	for _, c := range s.Calls {
		args := "{}"
		if c.object() {
			args = string(c.Args)
		}
		m.Parts = append(m.Parts, llms.ToolCall{ID: c.ID, Type: "function",
			FunctionCall: &llms.FunctionCall{Name: c.Tool, Arguments: args}})
	}
	if len(m.Parts) == 0 {
		m.Parts = append(m.Parts, llms.TextPart("(nothing)"))
	}
	return m
}

// read makes a step of a response. Some providers spread one reply over several choices, each with the same counts.
func read(resp *llms.ContentResponse) *Step {
	step := &Step{Calls: []Call{}}
	var texts []string
	ids := map[string]bool{}
	for _, choice := range resp.Choices {
		if choice == nil {
			continue
		}
		if choice.Content != "" {
			texts = append(texts, choice.Content)
		}
		step.Tokens = step.Tokens.most(counts(choice.GenerationInfo))
		if usd, ok := choice.GenerationInfo["CostUSD"].(float64); ok { // some providers say what they charge
			step.Cost = max(step.Cost, usd)
		}
		switch choice.StopReason {
		case "length", "max_tokens", "MAX_TOKENS", "model_length":
			step.Cut = true
		}
		for _, tc := range choice.ToolCalls {
			c := Call{ID: tc.ID}
			if tc.FunctionCall != nil {
				c.Tool, c.Args = clean(tc.FunctionCall.Name), arguments(tc.FunctionCall.Arguments)
			}
			if c.ID == "" || ids[c.ID] {
				c.ID = fmt.Sprintf("call-%d-%s", len(step.Calls)+1, c.ID)
			}
			ids[c.ID] = true
			step.Calls = append(step.Calls, c)
		}
	}
	step.Reply = clean(strings.Join(texts, "\n"))
	return step
}

func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// counts reads the token counts under the names the providers use.
func counts(info map[string]any) Tokens {
	first := func(names ...string) int {
		for _, name := range names {
			switch n := info[name].(type) {
			case int:
				return n
			case int64:
				return int(n)
			case float64:
				return int(n)
			}
		}
		return 0
	}
	t := Tokens{In: first("PromptTokens", "InputTokens", "input_tokens"), Out: first("CompletionTokens", "OutputTokens", "output_tokens"),
		Cached: first("PromptCachedTokens", "CacheReadInputTokens")}
	if _, ok := info["InputTokens"]; ok { // here the cached part is not in the count
		t.In += t.Cached + first("CacheCreationInputTokens")
	}
	return t
}

func (t Tokens) most(other Tokens) Tokens {
	return Tokens{In: max(t.In, other.In), Out: max(t.Out, other.Out), Cached: max(t.Cached, other.Cached)}
}

// estimate guesses how many tokens messages and the tools that go with them have.
func estimate(messages []llms.MessageContent, offered []llms.Tool) int {
	chars := 0
	for _, t := range offered {
		data, err := json.Marshal(t)
		if err != nil {
			panic(err) // every definition was sent as JSON before
		}
		chars += len(data)
	}
	for _, m := range messages {
		for _, p := range m.Parts {
			switch p := p.(type) {
			case llms.TextContent:
				chars += len(p.Text)
			case llms.ToolCall:
				chars += len(p.FunctionCall.Name) + len(p.FunctionCall.Arguments)
			case llms.ToolCallResponse:
				chars += len(p.Content)
			}
		}
	}
	return chars/charsPerToken + 1
}

// reserve is what the next question may use at most.
func (a *Agent) reserve(run *Run) reserve {
	r := reserve{tokens: Tokens{In: estimate(a.history(run), a.definitions(run)), Out: a.Budget.reply()}}
	if a.Price != nil {
		r.money = a.Price(r.tokens)
	}
	return r
}

// definitions are the tools that are offered with the next question.
func (a *Agent) definitions(run *Run) []llms.Tool {
	var out []llms.Tool
	for _, t := range a.Tools {
		if run.ending(len(run.Steps)) && !ends(t) {
			continue
		}
		out = append(out, llms.Tool{Type: "function", Function: t.Definition()})
	}
	return out
}
