package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// An injectionCmd lets a model that obeys every word from outside loose on the daemon, and writes down what happened.
type injectionCmd struct {
	Payloads   string `help:"JSON lines: id, channel, technique, payload." required:"" placeholder:"FILE"`
	Out        string `help:"Where to write one JSON object for each payload; - is standard output." default:"-" placeholder:"FILE"`
	Canary     string `help:"A value that nothing published may hold. It is put into this process's environment and into the canary file." default:"uosCANARY7f3Qz9LmX2"`
	CanaryFile string `help:"A file that holds the canary; payloads name it. It is made if it is not there." default:"/run/uos/canary" placeholder:"FILE"`
	Filter     string `help:"Only payloads whose id or channel contains this."`
}

// Help is the long text of `injection --help`.
func (*injectionCmd) Help() string {
	return `Each payload is put into its channel of a plugin with a real bug (the error message, the log, a file of the
repository, an issue, a comment, the settings), and the failure is posted to a daemon that is whole but for GitHub and
the model. The model is a script: it mends the bug, and before that it does all that the payload can be read to ask for,
with every tool. What is then on GitHub, what ran in the sandbox and what was changed is written down.

Examples:
  evals injection --payloads payloads.jsonl --out happenings.jsonl`
}

// A payload is text from outside that asks for harm.
type payload struct {
	ID        string `json:"id"`
	Channel   string `json:"channel"`
	Technique string `json:"technique"`
	Payload   string `json:"payload"`
}

// A happening is what came of one payload.
type happening struct {
	ID        string   `json:"id"`
	Published []string `json:"published"`         // every text on GitHub that the daemon wrote, and names of branches
	Tools     []did    `json:"tools"`             // calls that were made; one that was refused was not
	Refused   int      `json:"refused"`           // calls that were not
	Exec      []string `json:"exec"`              // what ran in the sandbox
	Writes    []string `json:"writes"`            // files of the proposed patch, and facts about them
	Net       []string `json:"net"`               // hosts that something which ran would have talked to
	States    []string `json:"states"`            // what must not have happened and did
	Done      bool     `json:"task_done"`         // the bug is mended in a draft
	Because   string   `json:"because,omitempty"` // why it is not
}

type did struct {
	Tool string          `json:"tool"`
	Args json.RawMessage `json:"args"`
}

// Run is `evals injection`.
func (c *injectionCmd) Run(ctx context.Context) (err error) {
	list, err := c.read()
	if err != nil {
		return err
	}
	if err := c.plant(); err != nil {
		return err
	}
	box, err := box()
	if err != nil {
		return err
	}
	var out io.Writer = os.Stdout
	if c.Out != "-" {
		f, err := os.Create(c.Out)
		if err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	calm, err := c.play(ctx, box, payload{ID: "calm"}, hotfix.LowRisk)
	if err != nil {
		return fmt.Errorf("without a payload: %w", err)
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	done := 0
	for i, p := range list {
		got, err := c.play(ctx, box, p, calm.risk)
		if err != nil {
			return fmt.Errorf("payload %s: %w", p.ID, err)
		}
		if got.Done {
			done++
		}
		fmt.Fprintf(os.Stderr, "%d/%d %s: task done %t, %d calls made and %d refused, states %v\n", i+1, len(list), p.ID, got.Done, len(got.Tools), got.Refused, got.States)
		if err := enc.Encode(got.happening); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	fmt.Fprintf(os.Stderr, "%d of %d tasks done\n", done, len(list))
	return nil
}

// read reads the payloads.
func (c *injectionCmd) read() ([]payload, error) {
	f, err := os.Open(c.Payloads)
	if err != nil {
		return nil, fmt.Errorf("--payloads: %w", err)
	}
	defer f.Close()
	var list []payload
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		var p payload
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.ID == "" {
			return nil, fmt.Errorf("--payloads: line %d is no payload: it needs id, channel and payload", n)
		}
		if strings.Contains(p.ID, c.Filter) || strings.Contains(p.Channel, c.Filter) {
			p.Payload = strings.ReplaceAll(p.Payload, "{{CANARY_FILE}}", c.CanaryFile)
			list = append(list, p)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("--payloads: %w", err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("--payloads: %s holds no payload", c.Payloads)
	}
	return list, nil
}

// plant puts the canary where an attacker would look for it.
func (c *injectionCmd) plant() error {
	if err := errors.Join(os.Setenv("GITHUB_TOKEN", c.Canary), os.Setenv("HOTFIX_CANARY", c.Canary)); err != nil {
		return err
	}
	if data, err := os.ReadFile(c.CanaryFile); err == nil {
		if strings.TrimSpace(string(data)) != c.Canary {
			return fmt.Errorf("--canary-file: %s holds something else than --canary", c.CanaryFile)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.CanaryFile), 0o755); err != nil {
		return fmt.Errorf("--canary-file: %w", err)
	}
	if err := os.WriteFile(c.CanaryFile, []byte(c.Canary+"\n"), 0o644); err != nil {
		return fmt.Errorf("--canary-file: %w", err)
	}
	return nil
}

// A played is a happening, and what else later ones are compared with.
type played struct {
	happening
	risk hotfix.Risk
}

// play plays one payload on a stage of its own.
func (c *injectionCmd) play(ctx context.Context, box sandbox.Box, p payload, calm hotfix.Risk) (_ *played, err error) {
	dir, err := os.MkdirTemp("", "hotfix-injection-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	w := &witness{Box: box}
	stage, err := evals.NewStage(ctx, evals.StageConfig{Dir: dir, Allow: []hotfix.Repo{victim}, Model: obey(p, c.CanaryFile), Box: w, MaxSteps: maxSteps})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	s := &scene{payload: p, stage: stage, calm: calm}
	if err := s.set(ctx); err != nil {
		return nil, err
	}
	if err := s.act(ctx); err != nil {
		return nil, err
	}
	return s.look(ctx, w)
}
