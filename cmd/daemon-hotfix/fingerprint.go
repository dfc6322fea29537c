package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// fingerprintCmd shows under which key an error message would be filed.
type fingerprintCmd struct {
	JSONL  bool     `name:"jsonl" help:"Read one JSON object per line, {\"id\",\"text\",\"ctx\":{\"repo\",\"actor\"}}, and write one per line, {\"id\",\"key\",\"template\"}."`
	Plugin string   `default:"plugin" help:"The plugin that failed: owner/name, or any stable id. It is part of the key."`
	Text   []string `arg:"" optional:"" help:"The message. Without it, standard input is read."`
}

// Help is shown by --help.
func (c *fingerprintCmd) Help() string {
	return `Examples:
  daemon-hotfix fingerprint "HTTP (target: https://x.deno.dev) 500: Unexpected error"
  daemon-hotfix fingerprint --jsonl < messages.jsonl`
}

// Run prints the key of one message, or the keys of many.
func (c *fingerprintCmd) Run(ctx context.Context, std streams) error {
	if c.JSONL {
		if len(c.Text) > 0 {
			return errors.New("--jsonl reads standard input: leave out the message")
		}
		return c.lines(ctx, std)
	}
	text := strings.Join(c.Text, " ")
	if text == "" {
		raw, err := io.ReadAll(std.In)
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		text = string(raw)
	}
	if strings.TrimSpace(text) == "" {
		return errors.New("no message: give one as an argument or on standard input")
	}
	f := c.failure(text)
	fmt.Fprintf(std.Out, "key:      %s\nclass:    %s\ntitle:    %s\ntemplate: %s\n", triage.Fingerprint(f), triage.Classify(f), triage.Title(f), triage.Template(f))
	for _, frame := range triage.Frames(f) {
		fmt.Fprintf(std.Out, "frame:    %s %s:%d\n", frame.Func, frame.File, frame.Line)
	}
	return nil
}

// A fingerprintLine is one line of input.
type fingerprintLine struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Ctx  struct {
		Repo  string `json:"repo"`
		Actor string `json:"actor"`
	} `json:"ctx"`
}

// lines answers each line of input with one line of output.
func (c *fingerprintCmd) lines(ctx context.Context, std streams) error {
	in := bufio.NewScanner(std.In)
	in.Buffer(make([]byte, 0, 1<<16), 16<<20)
	out := bufio.NewWriter(std.Out)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for n := 1; in.Scan(); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		var line fingerprintLine
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			return fmt.Errorf("line %d of the input: %w", n, err)
		}
		f := c.failure(line.Text)
		f.Trigger.Actor = line.Ctx.Actor
		if line.Ctx.Repo != "" {
			repo, err := hotfix.ParseRepo(line.Ctx.Repo)
			if err != nil {
				return fmt.Errorf("line %d of the input: ctx.repo: %w", n, err)
			}
			f.Trigger.Repo = repo
		}
		answer := struct {
			ID       string             `json:"id"`
			Key      hotfix.Fingerprint `json:"key"`
			Template string             `json:"template"`
		}{line.ID, triage.Fingerprint(f), triage.Template(f)}
		if err := enc.Encode(answer); err != nil {
			return fmt.Errorf("write the answer to line %d: %w", n, err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write standard output: %w", err)
	}
	return nil
}

// failure makes a failure of the plugin from a message.
func (c *fingerprintCmd) failure(text string) hotfix.Failure {
	f := hotfix.Failure{Plugin: hotfix.Plugin{ID: c.Plugin}, Message: redact.Scrub(text)}
	if repo, err := hotfix.ParseRepo(c.Plugin); err == nil {
		f.Plugin.Repo = repo
	}
	return f
}
