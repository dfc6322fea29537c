package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// redactCmd filters secrets out of text.
type redactCmd struct {
	JSONL bool `name:"jsonl" help:"Read one JSON object per line with id and text; write one with id, redacted and spans."`
}

// Help shows how the command is used.
func (c *redactCmd) Help() string {
	return `Reads text on standard input and writes it without secrets; each reads [REDACTED:kind].
The text may be of any length: memory stays the same.

Examples:
  kubectl logs my-plugin | daemon-hotfix redact
  printf '{"id":"1","text":"token=..."}\n' | daemon-hotfix redact --jsonl`
}

// Run filters until the input ends.
func (c *redactCmd) Run(ctx context.Context, std streams) error {
	if c.JSONL {
		return redactLines(ctx, std)
	}
	if _, err := redact.Copy(std.Out, std.In); err != nil {
		return fmt.Errorf("redact standard input: %w", err)
	}
	return nil
}

// A redactedLine is the answer to one line. Offsets count characters.
type redactedLine struct {
	ID       json.RawMessage `json:"id"`
	Redacted string          `json:"redacted"`
	Spans    []redactedSpan  `json:"spans"`
	Unit     string          `json:"unit"`
}

type redactedSpan struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Kind  string `json:"kind"`
}

func redactLines(ctx context.Context, std streams) error {
	in := bufio.NewReaderSize(std.In, 64<<10)
	out := bufio.NewWriter(std.Out)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read line %d: %w", number, err)
		}
		last := err != nil
		if answer, ok, err := redactLine(line); err != nil {
			return fmt.Errorf("line %d is not an object with id and text; give one JSON object per line: %w", number, err)
		} else if ok {
			if err := encoder.Encode(answer); err != nil {
				return fmt.Errorf("write line %d: %w", number, err)
			}
		}
		if last {
			break
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the answers: %w", err)
	}
	return nil
}

// redactLine answers one line; ok is false for a blank one.
func redactLine(line []byte) (answer redactedLine, ok bool, err error) {
	blank := true
	for _, b := range line {
		blank = blank && (b == ' ' || b == '\t' || b == '\r' || b == '\n')
	}
	if blank {
		return answer, false, nil
	}
	var row struct {
		ID   json.RawMessage `json:"id"`
		Text *string         `json:"text"`
	}
	if err := json.Unmarshal(line, &row); err != nil {
		return answer, false, err
	}
	if row.Text == nil {
		return answer, false, errors.New(`there is no "text"`)
	}
	if row.ID == nil {
		row.ID = json.RawMessage("null")
	}
	answer = redactedLine{ID: row.ID, Redacted: redact.Scrub(*row.Text).String(), Spans: []redactedSpan{}, Unit: "char"}
	at, chars := 0, 0
	for _, s := range redact.Find(*row.Text) {
		chars += utf8.RuneCountInString((*row.Text)[at:s.Start])
		length := utf8.RuneCountInString((*row.Text)[s.Start:s.End])
		answer.Spans = append(answer.Spans, redactedSpan{Start: chars, End: chars + length, Kind: s.Kind})
		at, chars = s.End, chars+length
	}
	return answer, true, nil
}
