// Package prompts holds what models are told: one file per role, with front
// matter and the parts system and user. Text from outside goes in through quote only.
package prompts

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"gopkg.in/yaml.v3"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

//go:embed *.md
var files embed.FS

// A Prompt is what one role is told.
type Prompt struct {
	Role        string   // what the model is to be
	About       string   // what the prompt is for
	Temperature *float64 // nil leaves it to the model

	text         string
	system, user *template.Template
}

// Load reads the prompt of that name.
func Load(name string) (*Prompt, error) {
	data, err := files.ReadFile(name + ".md")
	if err != nil {
		return nil, fmt.Errorf("there is no prompt %q: the prompts are %s", name, strings.Join(Names(), ", "))
	}
	p, err := parseText(string(data))
	if err != nil {
		return nil, fmt.Errorf("prompt %s: %w", name, err)
	}
	return p, nil
}

// Names lists the prompts.
func Names() []string {
	found, err := fs.Glob(files, "*.md")
	if err != nil {
		panic(err) // the pattern is ours and is well formed
	}
	for i, f := range found {
		found[i] = strings.TrimSuffix(f, ".md")
	}
	return found
}

// parseText reads front matter and parts: "---", YAML, "---", "# system", text, "# user", text.
func parseText(text string) (*Prompt, error) {
	rest, ok := strings.CutPrefix(text, "---\n")
	head, body, found := strings.Cut(rest, "\n---\n")
	if !ok || !found {
		return nil, fmt.Errorf("it must begin with front matter between two lines ---")
	}
	var meta struct {
		Role        string   `yaml:"role"`
		About       string   `yaml:"about"`
		Temperature *float64 `yaml:"temperature"`
	}
	dec := yaml.NewDecoder(strings.NewReader(head))
	dec.KnownFields(true)
	if err := dec.Decode(&meta); err != nil {
		return nil, fmt.Errorf("front matter: %w", err)
	}
	if meta.Role == "" || meta.About == "" {
		return nil, fmt.Errorf("front matter: role and about are required")
	}
	_, body, ok = strings.Cut(body, "# system\n")
	system, user, found := strings.Cut(body, "\n# user\n")
	if !ok || !found {
		return nil, fmt.Errorf("it must have the parts # system and # user, in this order")
	}
	p := &Prompt{Role: meta.Role, About: meta.About, Temperature: meta.Temperature, text: text}
	var err error
	if p.system, err = part("system", system); err != nil {
		return nil, err
	}
	if p.user, err = part("user", user); err != nil {
		return nil, err
	}
	return p, nil
}

func part(name, text string) (*template.Template, error) {
	return template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"quote": quote, "code": code}).Parse(strings.TrimSpace(text) + "\n")
}

// Render fills the prompt in. A value that has not passed redact.Scrub cannot be quoted.
func (p *Prompt) Render(data any) (system, user string, err error) {
	var a, b bytes.Buffer
	if err := p.system.Execute(&a, data); err != nil {
		return "", "", fmt.Errorf("render prompt: %w", err)
	}
	if err := p.user.Execute(&b, data); err != nil {
		return "", "", fmt.Errorf("render prompt: %w", err)
	}
	return tidy(a.String()), tidy(b.String()), nil
}

// Hash names the prompt as it is written. A transcript made with another text cannot be replayed.
func (p *Prompt) Hash() string {
	sum := sha256.Sum256([]byte(p.text))
	return hex.EncodeToString(sum[:8])
}

// tidy removes the empty lines that unused branches of a template leave.
func tidy(s string) string {
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return strings.TrimSpace(s) + "\n"
}

// quote puts text from outside into a fence that it cannot end, under a label.
func quote(label string, text redact.Text) string {
	s := strings.TrimRight(visible(text.String()), "\n ")
	fence := Ticks(s, 3)
	return fmt.Sprintf("%s outside text: %s\n%s\n%s", fence, label, s, fence)
}
