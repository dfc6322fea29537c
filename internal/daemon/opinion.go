package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
)

// Bounds of a second opinion.
const (
	opinionTime   = 3 * time.Minute
	opinionTokens = 1024 // of the answer
	opinionDiff   = 24_000
	opinionSays   = 300 // characters
)

// opinion asks the second model about a patch, once for each. One that cannot be had, or says nothing that can be read,
// counts as the worst: what was asked for must not be missing.
func (d *Daemon) opinion(ctx context.Context, w *work, p hotfix.Patch) *hotfix.Opinion {
	if d.cfg.Opinion == nil {
		return nil
	}
	if o, ok := w.opinions[p.Diff]; ok {
		return &o
	}
	o, err := d.ask(ctx, w, p)
	if err != nil {
		d.cfg.Log.Error("no second opinion", "run", w.id, "err", err)
		return &hotfix.Opinion{Level: hotfix.HighRisk, Because: redact.Scrub("it could not be had, and what was asked for must not be missing.")}
	}
	if w.opinions == nil {
		w.opinions = map[string]hotfix.Opinion{}
	}
	w.opinions[p.Diff] = o
	d.cfg.Log.Info("second opinion", "run", w.id, "level", o.Level.String())
	return &o
}

func (d *Daemon) ask(ctx context.Context, w *work, p hotfix.Patch) (o hotfix.Opinion, err error) {
	m, err := d.cfg.Opinion(w.n)
	if err != nil {
		return o, fmt.Errorf("whom to ask: %w", err)
	}
	prompt, err := prompts.Load("opinion")
	if err != nil {
		return o, err
	}
	f := w.c.Latest
	system, user, err := prompt.Render(prompts.Opinion{Message: f.Message, Stack: f.Stack, Diff: redact.Cut(redact.Scrub(p.Diff), opinionDiff)})
	if err != nil {
		return o, err
	}
	options := []llms.CallOption{llms.WithMaxTokens(opinionTokens)}
	if prompt.Temperature != nil {
		options = append(options, llms.WithTemperature(*prompt.Temperature))
	}
	ctx, cancel := context.WithTimeout(ctx, opinionTime)
	defer cancel()
	resp, err := m.GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeSystem, system), llms.TextParts(llms.ChatMessageTypeHuman, user)}, options...)
	if err != nil {
		return o, err
	}
	if resp == nil || len(resp.Choices) == 0 {
		return o, errors.New("the answer is empty")
	}
	return readOpinion(resp.Choices[0].Content)
}

// readOpinion reads an answer: one JSON object, perhaps in a fence.
func readOpinion(answer string) (hotfix.Opinion, error) {
	text := strings.TrimSpace(answer)
	if inner, ok := strings.CutPrefix(text, "```"); ok {
		text = strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(inner, "json")), "```")
	}
	var said struct{ Level, Because string }
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return hotfix.Opinion{}, fmt.Errorf("the answer is no JSON object: %w", err)
	}
	o := hotfix.Opinion{Because: redact.Scrub(line(said.Because, opinionSays))}
	for _, o.Level = range []hotfix.Risk{hotfix.LowRisk, hotfix.MediumRisk, hotfix.HighRisk} {
		if o.Level.String() == said.Level && !o.Because.Empty() {
			return o, nil
		}
	}
	return hotfix.Opinion{}, fmt.Errorf("the answer has level %q, or no reason", said.Level)
}
